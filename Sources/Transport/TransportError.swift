internal import Glibc

/// What the kernel refused while a transport was set up.
package enum TransportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `call` is the name of the system call; `code` is errno.
    case system(call: String, code: Int32)
    case spawnFailed(command: String, code: Int32)
    case timedOut(waitingFor: String, after: Duration)
    case wasCancelled

    package var description: String {
        switch self {
        case .system(let call, let code): "\(call) failed: \(Self.text(of: code))"
        case .spawnFailed(let command, let code): "cannot start \(command): \(Self.text(of: code))"
        case .timedOut(let name, let allowance): "timed out after \(allowance.components.seconds) s waiting for \(name)"
        case .wasCancelled: "cancelled"
        }
    }

    /// The system's words for an errno: `Connection refused`.
    package static func text(of code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        // The XSI form, which returns a status; strerror(3) is not safe between threads.
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return text.isEmpty ? "error \(code)" : text
    }
}
