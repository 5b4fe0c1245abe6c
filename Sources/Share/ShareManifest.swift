internal import Model

/// What the share's list says of one file.
package struct ShareEntry: Sendable, Hashable {
    /// On the share, with its sum in it.
    package var name: String
    /// 64 lower-case hex digits, of the bytes.
    package var sha256: String
    /// Bytes.
    package var size: Int
    /// When it was published, UTC: `2026-11-23T13:36:25Z`.
    package var published: String
    /// Who published it: `ann@jump01`.
    package var publisher: String
}

/// The list of all that was published, `manifest.json` beside the files. It is written last, so all that it names is there.
/// It tells what is whole and what is a stranger; it is no proof of origin, since whoever may write the share may write the
/// list too. Recipes pin the sum for that.
package struct ShareManifest: Sendable, Hashable {
    package static let name = "manifest.json"
    static let format = "cso-provision share"
    static let version = 1

    /// In the order of their names.
    package var entries: [ShareEntry] = []

    package init(entries: [ShareEntry] = []) { self.entries = entries }

    package subscript(name: String) -> ShareEntry? { entries.first { $0.name == name } }

    mutating func insert(_ entry: ShareEntry) {
        entries.removeAll { $0.name == entry.name }
        entries.append(entry)
        entries.sort { $0.name < $1.name }
    }

    package var encoded: [UInt8] {
        let files: [JSONValue] = entries.map {
            [
                "name": .text($0.name), "sha256": .text($0.sha256), "size": .integer($0.size),
                "published": .text($0.published), "publisher": .text($0.publisher),
            ]
        }
        let document: JSONValue = [
            "format": .text(Self.format), "version": .integer(Self.version), "files": .list(files),
        ]
        return document.encoded(.pretty)
    }

    /// Refuses what ``encoded`` does not write: a list that somebody edited is no list.
    package init(parsing bytes: [UInt8]) throws(ManifestProblem) {
        let document: JSONValue
        do throws(JSONError) { document = try JSONValue(parsing: bytes) } catch {
            throw ManifestProblem(reason: "it is no JSON document (\(error))")
        }
        guard document["format"]?.text == Self.format else { throw ManifestProblem(reason: "it is another program's") }
        guard document["version"]?.integer == Self.version, let files = document["files"]?.list else {
            throw ManifestProblem(reason: "it is not of version \(Self.version)")
        }
        var names: Set<String> = []
        for (index, file) in files.enumerated() {
            guard let name = file["name"]?.text, VersionedName.problem(with: name) == nil,
                let sum = file["sha256"]?.text, Self.isSum(sum), VersionedName.of(name, sha256: sum) == name,
                let size = file["size"]?.integer, size >= 0, let published = file["published"]?.text,
                let publisher = file["publisher"]?.text, file.object?.count == 5, names.insert(name).inserted
            else { throw ManifestProblem(reason: "entry \(index + 1) is not as this program writes them") }
            entries.append(
                ShareEntry(name: name, sha256: sum, size: size, published: published, publisher: publisher))
        }
    }

    private static func isSum(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// Why bytes are not taken as a share's list.
package struct ManifestProblem: Error, Sendable, Hashable {
    package var reason: String
}
