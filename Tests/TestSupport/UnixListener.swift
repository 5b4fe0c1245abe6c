internal import Glibc

/// A listening socket in the file system that accepts nothing.
package final class UnixListener: Sendable {
    private let descriptor: Int32

    package init(_ path: String) throws(TestSupportError) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        self.descriptor = descriptor
        var own = sockaddr_un()
        own.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &own.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0, listen(descriptor, 8) == 0 else { throw .failed("listen on \(path)", errno) }
    }

    deinit { close(descriptor) }
}
