internal import CLinux
internal import Glibc
package import Model

/// Makes connected, non-blocking stream sockets. The descriptor is the caller's.
package enum StreamSocket {
    /// Connects over TCP, tuned for a session that must notice a dead peer: small writes leave at once, unacknowledged
    /// data or three unanswered keepalives end the connection after about `patience`.
    package static func connect(
        to address: Address, port: Int, by deadline: Deadline, patience: Duration = .seconds(20)
    ) async throws(TransportError) -> Int32 {
        let descriptor = try open(AF_INET)
        set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let seconds = Int32(clamping: max(4, patience.components.seconds))
        set(descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, seconds * 1000)
        set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, seconds / 4)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, seconds / 4)
        set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 3)
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = in_port_t(UInt16(truncatingIfNeeded: port)).bigEndian
        peer.sin_addr.s_addr = address.number.bigEndian
        let status = withUnsafePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return try await finish(descriptor, status == 0 ? 0 : errno, by: deadline)
    }

    /// Connects to a socket in the file system.
    package static func connect(toPath path: String, by deadline: Deadline) async throws(TransportError) -> Int32 {
        var peer = sockaddr_un()
        peer.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: peer.sun_path) else {
            throw .system(call: "connect", code: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &peer.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = try open(AF_UNIX)
        let status = withUnsafePointer(to: &peer) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return try await finish(descriptor, status == 0 ? 0 : errno, by: deadline)
    }

    private static func open(_ family: Int32) throws(TransportError) -> Int32 {
        let type = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
        let descriptor = socket(family, Int32(type), 0)
        guard descriptor >= 0 else { throw .system(call: "socket", code: errno) }
        return descriptor
    }

    private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        // Each of these exists on every Linux that we run on; one that is refused only makes a dead peer show later.
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func finish(
        _ descriptor: Int32, _ code: Int32, by deadline: Deadline
    ) async throws(TransportError) -> Int32 {
        var code = code
        if code == EINPROGRESS {
            let readiness = await Reactor.shared.wait(descriptor, for: .write, until: deadline)
            Reactor.shared.forget(descriptor)
            switch readiness {
            case .ready:
                var length = socklen_t(MemoryLayout<Int32>.size)
                getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
            case .deadlinePassed:
                close(descriptor)
                throw .timedOut(waitingFor: deadline.name, after: deadline.allowance)
            case .cancelled:
                close(descriptor)
                throw .wasCancelled
            }
        }
        guard code == 0 else {
            close(descriptor)
            throw .system(call: "connect", code: code)
        }
        return descriptor
    }
}
