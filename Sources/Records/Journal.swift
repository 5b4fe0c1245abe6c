internal import Glibc
package import Model
internal import Synchronization

/// The append-only record of one change run: one JSON object a line, in order, each on disk before the change that it
/// announces. Holds no secret: its writers have none to give.
package final class Journal: Sendable {
    private let descriptor: Int32
    package let path: String
    // Hosts that are changed together write at the same time; lines must stay whole.
    private let writing = Mutex(())

    /// Opens `<folder>/runs/<run>.jsonl`, folders 0700 and the file 0600. A relative folder starts at the working directory.
    package init(run: RunID, in folder: String) throws(RecordError) {
        let runs = folder + "/runs"
        try Self.makeFolders(runs)
        path = "\(runs)/\(run).jsonl"
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { throw Self.failure(path) }
        // A name that is not on the disk is lost with the power, whatever the file holds.
        let names = open(runs, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if names >= 0 {
            fsync(names)
            close(names)
        }
    }

    deinit { close(descriptor) }

    /// One line, written whole or not at all. `isDurable` waits until it is on the disk: for what must be known after a
    /// crash.
    package func append(_ event: JSONValue, isDurable: Bool = false) throws(RecordError) {
        let line = Array((event.encodedText() + "\n").utf8)
        let failure = writing.withLock { _ in write(line, isDurable: isDurable) }
        if let failure { throw failure }
    }

    private func write(_ line: [UInt8], isDurable: Bool) -> RecordError? {
        let end = lseek(descriptor, 0, SEEK_END)
        var rest = line[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                let failure = Self.failure(path)
                // Half a line would make the next one unreadable too.
                if rest.count < line.count { ftruncate(descriptor, end) }
                return failure
            }
            rest = rest.dropFirst(written)
        }
        return isDurable && fdatasync(descriptor) != 0 ? Self.failure(path) : nil
    }

    private static func makeFolders(_ path: String) throws(RecordError) {
        var built = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            built += "/\(part)"
            if mkdir(built, 0o700) != 0, errno != EEXIST { throw failure(built) }
        }
    }

    /// Of the call that has just failed.
    private static func failure(_ path: String) -> RecordError {
        .cannotWrite(path, reason: String(cString: strerror(errno)))
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
