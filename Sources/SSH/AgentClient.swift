internal import Glibc
internal import Transport
internal import Trust

/// Speaks the ssh-agent protocol (draft-ietf-sshm-ssh-agent) without blocking: libssh2's own client would hold a thread
/// for as long as the agent asks its user for a confirmation.
struct AgentClient {
    enum Fault: Error {
        case timedOut
        case wasCancelled
        case failed(String)
    }

    private let identity: AgentIdentity
    private let deadline: Deadline

    init(_ identity: AgentIdentity, by deadline: Deadline) {
        self.identity = identity
        self.deadline = deadline
    }

    /// The signature without the name of its algorithm, as libssh2 wants it from a callback.
    func sign(_ data: [UInt8]) async throws(Fault) -> [UInt8] {
        let socket: Int32
        do throws(TransportError) {
            socket = try await StreamSocket.connect(toPath: identity.socketPath, by: deadline)
        } catch {
            switch error {
            case .timedOut: throw .timedOut
            case .wasCancelled: throw .wasCancelled
            default: throw .failed("\(identity.socketPath): \(error)")
            }
        }
        defer {
            Reactor.shared.forget(socket)
            close(socket)
        }
        var request: [UInt8] = [Message.signRequest]
        request.appendString(identity.publicKey.blob)
        request.appendString(data)
        request.appendNumber(0)
        let answer = try await ask(request, over: socket)
        if answer.first == Message.failure {
            guard try await holdsKey(socket) else { throw .failed("it does not hold the key \(identity.publicKey)") }
            throw .failed("it refused to sign with \(identity.publicKey)")
        }
        var reader = WireReader(answer[...])
        guard reader.byte() == Message.signResponse, let signature = reader.string() else {
            throw .failed("odd answer")
        }
        var parts = WireReader(signature)
        guard parts.string() != nil, let bare = parts.string() else { throw .failed("odd signature") }
        return Array(bare)
    }

    private func holdsKey(_ socket: Int32) async throws(Fault) -> Bool {
        let answer = try await ask([Message.requestIdentities], over: socket)
        var reader = WireReader(answer[...])
        guard reader.byte() == Message.identitiesAnswer, let count = reader.number() else { return false }
        for _ in 0..<count {
            guard let blob = reader.string(), reader.string() != nil else { return false }
            if blob.elementsEqual(identity.publicKey.blob) { return true }
        }
        return false
    }

    private func ask(_ message: [UInt8], over socket: Int32) async throws(Fault) -> [UInt8] {
        var frame: [UInt8] = []
        frame.appendString(message)
        var sent = 0
        while sent < frame.count {
            let count = frame.withUnsafeBytes {
                send(socket, $0.baseAddress! + sent, frame.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 { sent += count } else { try await wait(socket, for: .write, after: errno) }
        }
        let header = try await read(4, from: socket)
        let length = header.reduce(0) { $0 << 8 | Int($1) }
        // OpenSSH's own bound for an agent's message.
        guard length > 0, length <= 256 * 1024 else { throw .failed("odd answer") }
        return try await read(length, from: socket)
    }

    private func read(_ wanted: Int, from socket: Int32) async throws(Fault) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: wanted)
        var have = 0
        while have < wanted {
            let count = bytes.withUnsafeMutableBytes { recv(socket, $0.baseAddress! + have, wanted - have, 0) }
            if count == 0 { throw .failed("it closed the connection") }
            if count > 0 { have += count } else { try await wait(socket, for: .read, after: errno) }
        }
        return bytes
    }

    private func wait(_ socket: Int32, for interest: Reactor.Interest, after code: Int32) async throws(Fault) {
        if code == EINTR { return }
        guard code == EAGAIN else { throw .failed(TransportError.text(of: code)) }
        switch await Reactor.shared.wait(socket, for: interest, until: deadline) {
        case .ready: return
        case .deadlinePassed: throw .timedOut
        case .cancelled: throw .wasCancelled
        }
    }

    private enum Message {
        static let failure: UInt8 = 5
        static let requestIdentities: UInt8 = 11
        static let identitiesAnswer: UInt8 = 12
        static let signRequest: UInt8 = 13
        static let signResponse: UInt8 = 14
    }
}
