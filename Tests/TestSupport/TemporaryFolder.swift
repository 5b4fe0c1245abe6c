internal import Glibc

/// A folder of a test's own, removed with the last reference to it.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws(TestSupportError) {
        var template = Array("/tmp/cso-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .failed("mkdtemp", errno) }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    deinit { Self.remove(path) }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    @discardableResult
    package func write(_ text: String, to name: String, mode: UInt32 = 0o600) throws(TestSupportError) -> String {
        try write(Array(text.utf8), to: name, mode: mode)
    }

    @discardableResult
    package func write(_ bytes: [UInt8], to name: String, mode: UInt32 = 0o600) throws(TestSupportError) -> String {
        let path = file(name)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw .failed("open \(path)", errno) }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress! + written, bytes.count - written)
            }
            guard count > 0 else { throw .failed("write \(path)", errno) }
            written += count
        }
        fchmod(descriptor, mode)
        return path
    }

    private static func remove(_ path: String) {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name != ".", name != ".." { remove("\(path)/\(name)") }
            }
            closedir(folder)
        }
        Glibc.remove(path)
    }
}

/// A test cannot be set up. `description` says what to install or allow.
package enum TestSupportError: Error, CustomStringConvertible {
    case failed(String, Int32)
    case missing(tool: String, package: String)
    case odd(String)

    package var description: String {
        switch self {
        case .failed(let what, let code): "\(what): \(String(cString: strerror(code)))"
        case .missing(let tool, let package): "\(tool) is needed: apt-get install \(package)"
        case .odd(let text): text
        }
    }
}
