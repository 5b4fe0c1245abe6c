internal import Dispatch
internal import Glibc

/// Reads a file of secrets, or standard input, whole and into memory.
enum SecretFile {
    enum Failure: Error, Sendable {
        case unreadable(reason: String)
        /// Mode as chmod(1) writes it.
        case exposed(mode: String)
    }

    /// Far above Terraform's largest documents; a wrong path (a disk image) ends early.
    private static let largest = 64 << 20

    /// `path` is absolute, or `-` for standard input. Ends at the deadline also when a pipe's writer never does.
    static func read(
        _ path: String, standardInput: Int32, within allowance: Duration
    ) async -> Result<[UInt8], Failure> {
        // Files may lie on a slow disk, and pipes wait: never on one of the few threads that run everything else.
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(Failure) in try readNow(path, standardInput, allowance) })
            }
        }
    }

    private static func readNow(
        _ path: String, _ standardInput: Int32, _ allowance: Duration
    ) throws(Failure) -> [UInt8] {
        if path == "-" {
            // Somebody at a terminal would wait for us, and we for them; and the line would be echoed.
            if isatty(standardInput) == 1 {
                throw .unreadable(reason: "standard input is a terminal; pipe the document in")
            }
            return try readAll(standardInput, allowance)
        }
        // Without O_NONBLOCK a named pipe that nobody writes to blocks in open itself.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw .unreadable(reason: reason(errno)) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .unreadable(reason: reason(errno)) }
        if status.st_mode & S_IFMT == S_IFDIR { throw .unreadable(reason: "it is a directory") }
        // By the descriptor, so that what is checked is what is read.
        if status.st_mode & 0o077 != 0 {
            let digits = String(status.st_mode & 0o7777, radix: 8)
            throw .exposed(mode: String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
        }
        return try readAll(file, allowance)
    }

    private static func readAll(_ file: Int32, _ allowance: Duration) throws(Failure) -> [UInt8] {
        let end = ContinuousClock.now.advanced(by: allowance)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let (seconds, attoseconds) = ContinuousClock.now.duration(to: end).components
            let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
            var polled = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
            let ready = poll(&polled, 1, Int32(clamping: max(0, milliseconds)))
            if ready < 0 && errno == EINTR { continue }
            if ready == 0 { throw .unreadable(reason: "no end within \(allowance.components.seconds) s") }
            let count = Glibc.read(file, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw .unreadable(reason: reason(errno))
            }
            bytes += buffer[..<count]
            if bytes.count > largest { throw .unreadable(reason: "it is larger than \(largest >> 20) MiB") }
        }
    }

    private static func reason(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        strerror_r(code, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
