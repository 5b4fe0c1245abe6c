package import Model

/// A directory; what is in it is left alone.
package struct DirectoryResource: ResourceKind {
    package let path: String
    package let isAbsent: Bool
    let attributes: FileAttributes

    package static let declaration = KindDeclaration(
        name: "directory", summary: "A directory; what is in it is left alone.",
        subject: FieldDeclaration("directory", .path, "Where it lies. Its own directory must exist."),
        allowsSubjectList: true,
        fields: FileAttributes.fields + [
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes it if it is empty; nothing is ever removed recursively.")
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        path = fields.subject
        checks.requirePath(path)
        isAbsent = fields.isAbsent
        attributes = FileAttributes(fields, &checks)
        try checks.finish()
    }

    package var identity: String { path }
    package var managedPaths: [String] { [path] }

    package func probes(on facts: HostFacts) -> [ProbeRequest] { FileState.probes(path, content: nil) }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        FileState.observation(path, content: nil, attributes: attributes, from: answers)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        if isAbsent { return nil }
        var state: State = ["type": "directory"]
        state.merge(attributes.desired) { _, new in new }
        return state
    }

    /// One step for a whole run of directories: each is so small that the round trip would be most of it.
    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        var script = StepText.opening
        script += """
            parent() { [ -d "$2" ] || die "$1: its directory $2 does not exist; declare it before"; }
            fresh() {
            m=$1 o=$2 g=$3
            shift 3
            n=$#
            while [ "$n" -gt 0 ]; do
            p=$1 n=$((n - 1))
            shift
            if [ -e "$p" ] || [ -L "$p" ]; then make "$p" / "$m" "$o" "$g"; else set -- "$@" "$p"; fi
            done
            [ "$#" -gt 0 ] || return 0
            install -d -m "${m:-0755}" ${o:+-o "$o"} ${g:+-g "$g"} -- "$@" || die "cannot make $*"
            }
            make() {
            [ -d "$2" ] || die "$1: its directory $2 does not exist; declare it before"
            if [ -L "$1" ]; then die "$1 is a symbolic link; it is not replaced by a directory"; fi
            if [ -d "$1" ]; then
            if [ "$4$5" ]; then chown -- "$4${5:+:$5}" "$1" || die "$1: cannot give it to $4:$5"; fi
            if [ "$3" ]; then chmod -- "$3" "$1" || die "$1: cannot set its mode"; fi
            elif [ -e "$1" ]; then die "$1 is not a directory; it is not replaced"
            else install -d -m "${3:-0755}" ${4:+-o "$4"} ${5:+-g "$5"} -- "$1" || die "cannot make $1"; fi
            }
            drop() {
            if [ -L "$1" ] || ! [ -d "$1" ]; then die "$1 is not a directory; it is not removed as one"; fi
            rmdir -- "$1" || die "$1 is not removed: only an empty directory is"
            }

            """
        var rest = changes[...]
        while let change = rest.first {
            let directory = change.resource
            let path = directory.path
            let attributes = directory.attributes
            let wanted = [attributes.mode.map(ModeText.text) ?? "", attributes.owner ?? "", attributes.group ?? ""]
            if change.action == .remove {
                script += "drop \(word: path)\n"
            } else if change.action == .create {
                // Those that are alike are made by one process; what an earlier step has made meanwhile (a user's home) is
                // put right.
                let alike = rest.prefix { $0.action == .create && $0.resource.attributes == attributes }
                    .map(\.resource.path)
                for path in alike where !alike.contains(PathText.parent(of: path)) {
                    script += "parent \(words: [path, PathText.parent(of: path)])\n"
                }
                script += "fresh \(words: wanted + alike)\n"
                rest = rest.dropFirst(alike.count)
                continue
            } else {
                script += "make \(words: [path, PathText.parent(of: path)] + wanted)\n"
            }
            rest = rest.dropFirst()
        }
        guard !changes.isEmpty else { return [] }
        let removed = changes.filter { $0.action == .remove }.map(\.resource.path)
        let made = changes.filter { $0.action != .remove }.map(\.resource.path)
        let verbs = [("make", made), ("remove", removed)].filter { !$0.1.isEmpty }
            .map { "\($0.0) \($0.1.count == 1 ? "directory" : "directories") \(StepText.list($0.1))" }
        return [HostStep(verbs.joined(separator: "; "), script: script)]
    }
}
