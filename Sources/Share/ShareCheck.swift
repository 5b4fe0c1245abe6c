package import Model

/// Something on the share that is not as its list says.
package struct ShareFinding: Sendable, Hashable {
    package var name: String
    package var problem: String
    package var remedy: String
}

/// What a look at the whole share found.
package struct ShareReport: Sendable, Hashable {
    package var directory: String
    package var entries: [ShareEntry]
    package var findings: [ShareFinding]

    package var outcome: Outcome { findings.isEmpty ? .unchanged : .failed }

    package var json: JSONValue {
        [
            "command": "publish --check", "outcome": .text(outcome.word), "directory": .text(directory),
            "files": .list(
                entries.map {
                    [
                        "name": .text($0.name), "sha256": .text($0.sha256), "size": .integer($0.size),
                        "published": .text($0.published), "publisher": .text($0.publisher),
                    ]
                }),
            "findings": .list(
                findings.map {
                    ["name": .text($0.name), "problem": .text($0.problem), "remedy": .text($0.remedy)]
                }),
        ]
    }

    package var text: String {
        var lines = entries.map { "\($0.name)  \(ByteCount.text($0.size))  \($0.published)  \($0.publisher)" }
        lines += findings.flatMap { ["✗ \($0.name): \($0.problem)", "    \($0.remedy)"] }
        let sum = "\(entries.count == 1 ? "1 file" : "\(entries.count) files") in the list of \(directory)"
        lines.append(findings.isEmpty ? "\(sum), all of them whole" : "\(sum); \(findings.count) findings")
        return lines.joined(separator: "\n")
    }
}

extension Publication {
    /// Compares the whole directory with its list, reading every file. Takes no lock and changes nothing.
    package func check() throws(ShareError) -> ShareReport {
        try watch(.looking(directory))
        let folder = try ShareFolder(directory, makes: false)
        let manifest = try manifest(in: folder)
        var findings: [ShareFinding] = []
        if try folder.status("")?.isWritableByOthers == true {
            findings.append(
                ShareFinding(
                    name: directory, problem: "others than its owner may write to it",
                    remedy: "chmod go-w \(directory)"))
        }
        let names = Set(try folder.names())
        for entry in manifest.entries {
            if let problem = try problem(with: entry, in: folder) {
                findings.append(
                    ShareFinding(
                        name: entry.name, problem: problem,
                        remedy: "find out who did that, then publish the file again, or publish --remove \(entry.name)")
                )
            }
        }
        for name in names.subtracting(manifest.entries.map(\.name)).sorted() where name != ShareManifest.name {
            findings.append(try stranger(name, in: folder))
        }
        return ShareReport(directory: directory, entries: manifest.entries, findings: findings)
    }

    private func problem(with entry: ShareEntry, in folder: borrowing ShareFolder) throws(ShareError) -> String? {
        try watch(.looking(entry.name))
        guard let status = try folder.status(entry.name) else { return "the list has it, and it is not there" }
        guard status.isRegular else { return "it is no regular file" }
        guard status.size == entry.size else {
            return "it has \(status.size) bytes, and was published with \(entry.size)"
        }
        let (sum, _) = try folder.open(entry.name).digest { () throws(ShareError) in try watch(.looking(entry.name)) }
        if sum != entry.sha256 { return "its sum is \(sum), and was published as \(entry.sha256)" }
        return status.isWritableByOthers ? "others than its owner may write to it" : nil
    }

    private func stranger(_ name: String, in folder: borrowing ShareFolder) throws(ShareError) -> ShareFinding {
        if Self.isTemporary(name) {
            return ShareFinding(
                name: name, problem: "a publication is at work, or was killed", remedy: "the next publication sweeps it"
            )
        }
        if VersionedName.isSecret(name) {
            return ShareFinding(
                name: name, problem: "by its name it holds keys or passwords, and every host reads the share",
                remedy: "remove it, and change what it holds: it was readable")
        }
        let isDirectory = try folder.status(name)?.isDirectory == true
        return ShareFinding(
            name: name, problem: "\(isDirectory ? "a directory" : "a file") that was not published",
            remedy: isDirectory ? "move it away" : "publish it and remove this one, or move it away")
    }

    /// Takes files off the list, then off the share: at no time does the list name what is not there.
    package func remove(_ names: [String]) throws(ShareError) -> PublicationResult {
        let moment = now()
        let lock = try PublicationLock(
            of: directory, in: lockFolder, holder: "\(publisher), since \(moment.timestamp)")
        defer { withExtendedLifetime(lock) {} }
        try watch(.looking(directory))
        let folder = try ShareFolder(directory, makes: false)
        var manifest = try manifest(in: folder)
        for name in names where manifest[name] == nil {
            throw .wrong("\(name) is not in the list of \(directory)", remedy: "`publish --check` shows the list")
        }
        manifest = ShareManifest(entries: manifest.entries.filter { !names.contains($0.name) })
        try write(manifest, to: folder)
        var result = PublicationResult(directory: directory)
        for name in names {
            try watch(.sweeping(name))
            try folder.remove(name)
            result.removed.append(name)
        }
        try folder.synchronize()
        result.count = manifest.entries.count
        return result
    }
}
