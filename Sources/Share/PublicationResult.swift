package import Model

/// One file of a publication.
package struct PublishedFile: Sendable, Hashable {
    package enum Deed: String, Sendable, Hashable {
        /// It was there, whole and in the list.
        case unchanged
        case published
        /// It was there, whole, and not in the list: an earlier publication was cut off.
        case listed
        /// The list had it, and it was gone.
        case restored
        /// Other bytes lay under its name, or others could write to it. Its own are there again.
        case repaired
    }

    /// On the share.
    package var name: String
    package var sha256: String
    /// Bytes.
    package var size: Int
    package var deed: Deed
}

/// What a publication did.
package struct PublicationResult: Sendable, Hashable {
    package var directory: String
    package var files: [PublishedFile] = []
    /// `.tmp.` files of publications that were killed.
    package var swept: [String] = []
    package var removed: [String] = []
    /// Names in the directory that the list does not have.
    package var strangers: [String] = []
    /// Entries of the list.
    package var count = 0

    package init(directory: String) { self.directory = directory }

    package var outcome: Outcome {
        files.allSatisfy { $0.deed == .unchanged } && swept.isEmpty && removed.isEmpty ? .unchanged : .changed
    }

    package var json: JSONValue {
        [
            "command": "publish", "outcome": .text(outcome.word), "directory": .text(directory),
            "files": .list(
                files.map {
                    [
                        "name": .text($0.name), "sha256": .text($0.sha256), "size": .integer($0.size),
                        "action": .text($0.deed.rawValue),
                    ]
                }),
            "removed": .list(removed.map { .text($0) }), "swept": .list(swept.map { .text($0) }),
            "unknown": .list(strangers.map { .text($0) }),
        ]
    }

    /// Names come from a directory that others may write to: whoever prints this makes it harmless.
    package var text: String {
        var lines = files.map { "\($0.deed.rawValue)  \(directory)/\($0.name)  \(ByteCount.text($0.size))" }
        lines += removed.map { "removed  \(directory)/\($0)" }
        lines += swept.map { "swept  \(directory)/\($0), left by a publication that was killed" }
        for file in files where file.deed == .repaired {
            lines.append("! \(file.name) had other bytes, or others could write to it: find out who did that")
        }
        if !strangers.isEmpty {
            lines.append(
                "not in \(ShareManifest.name): \(strangers.joined(separator: ", ")); `publish --check` tells more")
        }
        if !files.isEmpty {
            lines += ["", "for the inventory:"]
            lines += files.map { "  release_sha256: \"\($0.sha256)\"   # \($0.name)" }
        }
        return lines.joined(separator: "\n")
    }
}

/// Bytes for people.
enum ByteCount {
    /// `1.7 GB`, in powers of ten.
    static func text(_ bytes: Int) -> String {
        for (unit, name) in [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")] where bytes >= unit {
            return "\(bytes / unit).\(bytes % unit * 10 / unit) \(name)"
        }
        return "\(bytes) bytes"
    }
}
