internal import CLinux
internal import Glibc

/// Descriptors as everything here needs them: close-on-exec, so that no child inherits a session.
package enum Descriptors {
    /// Two connected stream sockets; the first does not block.
    package static func socketPair() throws(TransportError) -> (ours: Int32, theirs: Int32) {
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &pair) == 0 else { throw .system(call: "socketpair", code: errno) }
        setNonBlocking(pair[0])
        return (pair[0], pair[1])
    }

    /// A file without a name, for a child's output that must never make it wait.
    package static func memoryFile(_ name: String) throws(TransportError) -> Int32 {
        let descriptor = linux_memfd_create(name)
        guard descriptor >= 0 else { throw .system(call: "memfd_create", code: errno) }
        return descriptor
    }

    package static func setNonBlocking(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    }

    /// The last bytes of a file, at most `limit`, wherever its offset is.
    package static func tail(of descriptor: Int32, limit: Int) -> [UInt8] {
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { return [] }
        let start = max(0, Int(information.st_size) - limit)
        return [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = max(0, pread(descriptor, buffer.baseAddress, limit, start))
        }
    }

    /// The whole of a regular file, or of anything else that ends.
    package static func contents(of path: String) throws(TransportError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(call: "open", code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 32768)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes += buffer[..<count]
            } else if errno != EINTR {
                throw .system(call: "read", code: errno)
            }
        }
    }
}
