package import Model

/// A symbolic link.
package struct SymlinkResource: ResourceKind {
    package let path: String
    package let isAbsent: Bool
    package let target: String

    package static let declaration = KindDeclaration(
        name: "symlink", summary: "A symbolic link.",
        subject: FieldDeclaration("symlink", .path, "Where the link lies. Its directory must exist."),
        fields: [
            FieldDeclaration("to", .text, "What it points to, as it is written into the link. Needed unless absent."),
            .state,
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        path = fields.subject
        checks.requirePath(path)
        isAbsent = fields.isAbsent
        target = fields.text("to") ?? ""
        checks.require(isAbsent || !target.isEmpty, "a link must point somewhere", at: "to", remedy: "add `to:`")
        checks.require(!target.utf8.contains(0), "a path cannot hold a NUL", at: "to")
        try checks.finish()
    }

    package var identity: String { path }
    package var managedPaths: [String] { [path] }

    package func probes(on facts: HostFacts) -> [ProbeRequest] { [ProbeRequest(PathBatch.name, path)] }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(let found) = answers[ProbeRequest(PathBatch.name, path)] else {
            return answers[ProbeRequest(PathBatch.name, path)]
        }
        var state: State = ["type": found["type"] ?? "unknown"]
        state["to"] = found["target"]
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        isAbsent ? nil : ["type": "symlink", "to": .text(target)]
    }

    /// One step for a run of links: each is so small that the round trip would be most of it.
    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        guard !changes.isEmpty else { return [] }
        var script = StepText.opening
        script += """
            cso_left=
            trap 'if [ "$cso_left" ]; then rm -f -- "$cso_left"; fi; rm -f -- ${cso_notes-}' EXIT
            link() {
            [ -d "$2" ] || die "$1: its directory $2 does not exist; declare it before"
            if [ -d "$1" ] && ! [ -L "$1" ]; then die "$1 is a directory; a link does not replace it"; fi
            cso_left=$3
            if [ -e "$3" ] || [ -L "$3" ]; then rm -f -- "$3" || die "cannot remove $3"; fi
            ln -sT -- "$4" "$3" || die "cannot make a link in $2"
            mv -fT -- "$3" "$1" || die "$1: cannot put the link in its place"
            cso_left= cso_notes=
            }
            drop() {
            if [ -e "$1" ] && ! [ -L "$1" ]; then die "$1 is not a symbolic link; it is not removed as one"; fi
            rm -f -- "$1" "$2" || die "cannot remove $1"
            cso_notes=
            }

            """
        for change in changes {
            let path = change.resource.path
            let temporary = PathText.temporary(for: path)
            if change.action == .remove {
                script += "drop \(words: [path, temporary])\n"
            } else {
                script += "link \(words: [path, PathText.parent(of: path), temporary, change.resource.target])\n"
            }
        }
        script += "trap - EXIT\n"
        let made = changes.filter { $0.action != .remove }.map(\.resource)
        if !made.isEmpty {
            script +=
                "sync -- \(words: Set(made.map { PathText.parent(of: $0.path) }).sorted()) || die \"cannot sync\"\n"
        }
        let removed = changes.filter { $0.action == .remove }.map(\.resource.path)
        let verbs = [
            made.isEmpty
                ? nil
                : made.count == 1
                    ? "link \(made[0].path) to \(made[0].target)" : "link \(StepText.list(made.map(\.path)))",
            removed.isEmpty ? nil : "remove \(StepText.list(removed))",
        ]
        return [HostStep(verbs.compactMap(\.self).joined(separator: "; "), script: script)]
    }
}
