internal import Model

/// Parts of paths, and what every script about a path begins with.
enum PathText {
    /// The directory that holds it; `/` for an entry of the root.
    static func parent(of path: String) -> String {
        let slash = path.utf8.lastIndex(of: 0x2F) ?? path.utf8.startIndex
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }

    /// The sibling that a new version is written to. It is swept at the start of a run.
    static func temporary(for path: String) -> String { path + ".cso-tmp" }
}

/// Pieces of step scripts. They never rely on `set -e`, which the shell ignores inside a condition, and whoever runs the
/// script may have to put it into one.
enum StepText {
    /// `die MESSAGE` ends the step.
    static let opening: ShellText = """
        set -u
        umask 077
        die() { printf '%s\\n' "$1" >&2; exit 1; }

        """

    /// The same, and `$p` the path, `$d` its directory, `$t` its temporary sibling, which is gone at the end whatever happens.
    static func opening(path: String) -> ShellText {
        """
        \(script: opening)p=\(word: path) d=\(word: PathText.parent(of: path)) t=\(word: PathText.temporary(for: path))
        [ -d "$d" ] || die "$p: its directory $d does not exist; declare it before"

        """
    }

    /// `make group a; remove group b`.
    static func verbs<Resource>(
        _ changes: [Change<Resource>], of noun: String, _ name: (Resource) -> String
    ) -> String {
        let verbs: [(ChangeAction, String)] = [(.create, "make"), (.update, "change"), (.remove, "remove")]
        return verbs.compactMap { action, verb in
            let names = changes.filter { $0.action == action }.map { name($0.resource) }
            return names.isEmpty ? nil : "\(verb) \(noun) \(list(names))"
        }.joined(separator: "; ")
    }

    /// Names up to three subjects for a summary.
    static func list(_ subjects: [String]) -> String {
        subjects.count <= 3
            ? subjects.joined(separator: ", ")
            : subjects.prefix(2).joined(separator: ", ") + " and \(subjects.count - 2) more"
    }
}
