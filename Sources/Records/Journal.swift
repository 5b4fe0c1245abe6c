internal import Glibc
package import Model

/// The append-only record of one change run: one JSON object a line, in order, each on disk before the change that it
/// announces. Holds no secret: its writers have none to give.
package final class Journal: Sendable {
    private let descriptor: Int32
    package let path: String

    /// Opens `<folder>/runs/<run>.jsonl`, folders 0700 and the file 0600.
    package init(run: RunID, in folder: String) throws(RecordError) {
        let runs = folder + "/runs"
        try Self.makeFolders(runs)
        path = "\(runs)/\(run).jsonl"
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        if descriptor < 0 { throw .cannotWrite(path, reason: String(cString: strerror(errno))) }
    }

    deinit { close(descriptor) }

    /// One line, written whole. `isDurable` waits until it is on the disk: for what must be known after a crash.
    package func append(_ event: JSONValue, isDurable: Bool = false) throws(RecordError) {
        let line = event.encodedText() + "\n"
        var bytes = Array(line.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                throw .cannotWrite(path, reason: String(cString: strerror(errno)))
            }
            bytes = bytes.dropFirst(written)
        }
        if isDurable, fdatasync(descriptor) != 0 {
            throw .cannotWrite(path, reason: String(cString: strerror(errno)))
        }
    }

    private static func makeFolders(_ path: String) throws(RecordError) {
        var built = ""
        for part in path.split(separator: "/") {
            built += "/\(part)"
            if mkdir(built, 0o700) != 0, errno != EEXIST {
                throw .cannotWrite(built, reason: String(cString: strerror(errno)))
            }
        }
    }
}

/// The controller's records cannot be kept; no host is changed without them.
package enum RecordError: Error, Sendable, Equatable, CustomStringConvertible {
    case cannotWrite(String, reason: String)

    package var description: String {
        switch self {
        case .cannotWrite(let path, let reason): "cannot write \(path): \(reason)"
        }
    }
    package var remedy: String {
        "set CSO_STATE to a folder of yours with free space (default: ~/.local/state/cso-provision)"
    }
}
