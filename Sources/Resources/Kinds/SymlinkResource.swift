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

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let link = change.resource
            if change.action == .remove {
                return HostStep(
                    "remove \(link.path)",
                    script: """
                        \(script: StepText.opening)p=\(word: link.path) t=\(word: PathText.temporary(for: link.path))
                        if [ -e "$p" ] && ! [ -L "$p" ]; then die "$p is not a symbolic link; it is not removed as one"; fi
                        rm -f -- "$p" "$t" || die "cannot remove $p"

                        """)
            }
            return HostStep(
                "link \(link.path) to \(link.target)",
                script: """
                    \(script: StepText.opening(path: link.path))\
                    if [ -d "$p" ] && ! [ -L "$p" ]; then die "$p is a directory; a link does not replace it"; fi
                    trap 'rm -f -- "$t" ${cso_notes-}' EXIT
                    if [ -e "$t" ] || [ -L "$t" ]; then rm -f -- "$t" || die "cannot remove $t"; fi
                    ln -sT -- \(word: link.target) "$t" || die "cannot make a link in $d"
                    mv -fT -- "$t" "$p" || die "$p: cannot put the link in its place"
                    trap - EXIT
                    sync -- "$d" || die "cannot sync $d"

                    """)
        }
    }
}
