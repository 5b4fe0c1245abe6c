internal import Glibc

/// A bound TCP socket on 127.0.0.1, for peers that behave badly. Closed with the last reference.
package final class Listener: Sendable {
    package let descriptor: Int32
    package let port: Int

    /// Without a backlog it is bound and does not listen: connections are refused.
    package init(backlog: Int32?) throws(TestSupportError) {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_INET, type, 0)
        self.descriptor = descriptor
        guard descriptor >= 0 else { throw .failed("socket", errno) }
        var own = sockaddr_in()
        own.sin_family = sa_family_t(AF_INET)
        own.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { own -> Int32 in
                guard bind(descriptor, own, length) == 0 else { return -1 }
                if let backlog, listen(descriptor, backlog) != 0 { return -1 }
                return getsockname(descriptor, own, &length)
            }
        }
        guard status == 0 else {
            let code = errno
            close(descriptor)
            throw .failed("bind", code)
        }
        port = Int(UInt16(bigEndian: own.sin_port))
    }

    deinit { close(descriptor) }
}
