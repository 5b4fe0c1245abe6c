/// `~/.aws/config`, as far as it matters here: which profiles have the command keep a history of all answers, secrets
/// included, in a database on disk.
package enum AWSConfigFile {
    package struct Profile: Sendable, Hashable {
        package var name: String
        package var file: String
        package var line: Int

        package init(name: String, file: String, line: Int) {
            self.name = name
            self.file = file
            self.line = line
        }
    }

    /// Where the command looks for it.
    package static func path(in environment: [String: String]) -> String {
        if let path = environment["AWS_CONFIG_FILE"], !path.isEmpty {
            return path.hasPrefix("~/") ? (environment["HOME"] ?? "") + path.dropFirst() : path
        }
        return (environment["HOME"] ?? "") + "/.aws/config"
    }

    /// The profile that the command uses.
    package static func profile(in environment: [String: String]) -> String {
        [environment["AWS_PROFILE"], environment["AWS_DEFAULT_PROFILE"]].compactMap(\.self).first { !$0.isEmpty }
            ?? "default"
    }

    /// Profiles with `cli_history = enabled`.
    package static func keepingHistory(_ text: String, file: String) -> [Profile] {
        var section = ""
        var found: [Profile] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimming(while: \.isWhitespace)
            if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
                let name = line[line.index(after: line.startIndex)..<end].trimming(while: \.isWhitespace)
                section = String(name.hasPrefix("profile ") ? name.dropFirst(8).trimming(while: \.isWhitespace) : name)
                continue
            }
            if line.hasPrefix("#") || line.hasPrefix(";") { continue }
            let parts = line.split(separator: "=", maxSplits: 1).map { $0.trimming(while: \.isWhitespace).lowercased() }
            if parts == ["cli_history", "enabled"] {
                found.append(Profile(name: section, file: file, line: index + 1))
            }
        }
        return found
    }
}
