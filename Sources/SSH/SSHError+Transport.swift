internal import Glibc
internal import Transport

extension SSHError {
    /// What a failed connect(2) means.
    init(_ cause: TransportError, connectingTo peer: String, _ deadline: Deadline) {
        switch cause {
        case .system(_, ECONNREFUSED): self = .connectionRefused(peer: peer)
        case .system(_, ETIMEDOUT), .timedOut:
            self = .timedOut(peer: peer, phase: .connect, after: deadline.allowance)
        case .wasCancelled: self = .wasShutDown(peer: peer, phase: .connect)
        case .system(_, let code): self = .unreachable(peer: peer, reason: TransportError.text(of: code))
        case .spawnFailed: self = .unreachable(peer: peer, reason: cause.description)
        }
    }
}
