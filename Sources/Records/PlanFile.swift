internal import Glibc
internal import Model
internal import Resources

/// A saved plan on disk: one JSON document in a form of its own version, with a digest over all that it says.
///
/// The digest tells a file that was cut, mixed up or edited by hand. It is no signature: who may write the file may also
/// write a plan of his own, so a file that others may write to is refused.
package enum PlanFile {
    static let format = "cso-provision plan"
    static let version = 1
    /// A plan of a hundred hosts has a few megabytes.
    static let largest = 64 << 20

    // MARK: Bytes

    package static func encoded(_ plan: SavedPlan) -> [UInt8] {
        let body = plan.json
        return JSONValue.object([
            "format": .text(format), "version": .integer(version), "plan": body,
            "digest": .text(Digest.sha256(body.encoded())),
        ]).encoded(.pretty)
    }

    /// Refuses everything that ``encoded(_:)`` does not write, byte for byte.
    package static func decoded(_ bytes: [UInt8], from path: String) throws(PlanFileError) -> SavedPlan {
        func refused(_ reason: String) -> PlanFileError { .refused(path, reason: reason) }
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch {
            throw refused("it is cut off or no JSON document (\(error))")
        }
        guard document["format"]?.text == format else { throw refused("it is not a saved plan") }
        guard let found = document["version"]?.integer else { throw refused("it does not say its version") }
        guard found == version else {
            throw refused("it is of version \(found), and this program reads version \(version)")
        }
        guard let body = document["plan"], document["digest"]?.text == Digest.sha256(body.encoded()) else {
            throw refused("it is not as it was written: its digest does not match")
        }
        let plan: SavedPlan
        do throws(SavedPlan.Malformed) { plan = try SavedPlan(body) } catch {
            throw refused("it is not a plan as this program writes them (\(error.place))")
        }
        guard encoded(plan) == bytes else { throw refused("it is not as it was written") }
        return plan
    }

    // MARK: Disk

    /// The file is there whole or not at all, and for its owner only.
    package static func write(_ plan: SavedPlan, to path: String) throws(PlanFileError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let temporary = "\(path).\(getpid()).cso-tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        var isDone = false
        defer { if !isDone { unlink(temporary) } }
        do {
            defer { close(descriptor) }
            var rest = encoded(plan)[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if written < 0, errno == EINTR { continue }
                guard written >= 0 else { throw failure(path) }
                rest = rest.dropFirst(written)
            }
            guard fchmod(descriptor, 0o600) == 0, fsync(descriptor) == 0 else { throw failure(path) }
        }
        guard rename(temporary, path) == 0 else { throw failure(path) }
        isDone = true
        let names = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if names >= 0 {
            fsync(names)
            close(names)
        }
    }

    /// Whether it could be written now: asked before hosts are.
    package static func checkWritable(_ path: String) throws(PlanFileError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw .cannotWrite(path, reason: "it is there and is no regular file")
        }
        if access(folder, W_OK | X_OK) != 0 { throw failure(path) }
    }

    package static func read(_ path: String) throws(PlanFileError) -> SavedPlan {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw errno == ENOENT ? .missing(path) : .refused(path, reason: String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= largest else {
            throw .refused(path, reason: "it is no regular file of at most \(largest >> 20) MiB")
        }
        guard status.st_mode & 0o022 == 0, status.st_uid == geteuid() || status.st_uid == 0 else {
            throw .refused(path, reason: "others than you may write to it")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .refused(path, reason: String(cString: strerror(errno))) }
            if count == 0 { return try decoded(bytes, from: path) }
            bytes += buffer[..<count]
        }
    }

    /// Of the call that has just failed.
    private static func failure(_ path: String) -> PlanFileError {
        .cannotWrite(path, reason: String(cString: strerror(errno)))
    }
}

/// Why there is no plan in a file, or none can be put there. No host was changed.
package enum PlanFileError: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(String)
    case refused(String, reason: String)
    case cannotWrite(String, reason: String)

    package var description: String {
        switch self {
        case .missing(let path): "there is no file \(path)"
        case .refused(let path, let reason): "\(path) is not taken as a plan: \(reason)"
        case .cannotWrite(let path, let reason): "cannot write the plan to \(path): \(reason)"
        }
    }
    package var remedy: String {
        switch self {
        case .missing: "`plan --out FILE` writes one"
        case .refused: "make it anew with `plan --out FILE`"
        case .cannotWrite: "name a file in a folder of yours"
        }
    }
}
