internal import Model

/// One file that is to be written.
struct FileWrite: Sendable {
    var path: String
    var content: Content
    var attributes: FileAttributes
    /// For a new file whose mode the recipe leaves open.
    var creationMode: UInt16 = 0o644
    var validate: ShellText?
    /// Its directory is made if it is missing: that of a unit's drop-ins.
    var makesDirectory = false

    var temporary: String { PathText.temporary(for: path) }
    var directory: String { PathText.parent(of: path) }
}

/// How declared files come to be: see ``FileSteps``; neighbours share the processes that can be shared.
enum FileWriting {
    /// Writes files, all of them beside their places before the first is put in its place: what goes wrong with one of them
    /// leaves all old ones. A host starts two processes more for each file. Standard input is their contents as
    /// ``Model/Content/framed(_:)`` makes it. `then` follows in the same script.
    static func step(_ files: [FileWrite], summary: String, then: ShellText = "") -> HostStep {
        let undo: ShellText = "rm -f -- \(words: files.map(\.temporary)) ${cso_notes-}"
        var script: ShellText = """
            \(script: StepText.opening)\
            # Until the first rename nothing has changed, so nothing is owed for it. Names of units hold no blanks.
            trap \(word: undo.text) EXIT
            trap 'exit 143' HUP INT TERM
            \(script: functions)
            """
        for file in files {
            if file.makesDirectory {
                script += "[ -d \(word: file.directory) ] || install -d -m 0755 -- \(word: file.directory) || exit 1\n"
            }
            script += """
                p=\(word: file.path) d=\(word: file.directory) t=\(word: file.temporary)
                take
                \(script: kept(file))
                """
        }
        script += ownership(files)
        for file in files {
            guard let validate = file.validate else { continue }
            script += """
                sh -c \(word: validate.text) sh \(word: file.temporary) </dev/null >&2 \
                || die \(word: file.path)": the new content is not valid; the old file stays"

                """
        }
        script += """
            sync -- \(words: files.map(\.temporary)) || die "cannot sync the new content; the old files stay"

            """
        for file in files { script += "put \(words: [file.path, file.temporary])\n" }
        script += """
            trap - EXIT
            sync -- \(words: Set(files.map(\.directory)).sorted()) || die "cannot sync the directories"

            """
        return HostStep(summary, script: script + then, input: Content.framed(files.map(\.content)))
    }

    /// `take` writes the next content of standard input beside `$p`; `put PATH TEMPORARY` is the rename.
    ///
    /// In a directory that others may write to, a link planted at the temporary name must not lead us astray: with `set -C`
    /// the shell opens with O_EXCL. Where SELinux is on, the new file has the old one's context, or the one that the policy
    /// has for its name, before anybody can see it. A host without SELinux starts no process for it.
    private static let functions: ShellText = """
        relabel=
        take() {
        [ -d "$d" ] || die "$p: its directory $d does not exist; declare it before"
        old=
        if [ -L "$p" ]; then echo "$p was a symbolic link"
        elif [ -d "$p" ]; then die "$p is a directory; a file does not replace it"
        elif [ -f "$p" ]; then old=yes
        elif [ -e "$p" ]; then die "$p is neither a file nor a link; it is not replaced"
        fi
        if [ -e "$t" ] || [ -L "$t" ]; then rm -f -- "$t" || die "cannot remove $t"; fi
        read -r n || die "$p: its new content did not come"
        set -C
        head -c "$n" >"$t" || die "$p: cannot write its new content; the old file stays"
        set +C
        \(script: FileSteps.labelling)}
        put() {
        if [ -f "$1" ] && ! [ -L "$1" ]; then old=yes; else old=; fi
        mv -fT -- "$2" "$1" || die "$1: cannot put the new file in its place"
        cso_notes=
        if [ "$relabel" ] && ! [ "$old" ] && command -v restorecon >/dev/null; then
        restorecon -- "$1" || die "$1: cannot set its SELinux context"
        fi
        }

        """

    /// What an old file has and the recipe leaves open is taken over from it.
    private static func kept(_ file: FileWrite) -> ShellText {
        var script: ShellText = ""
        if file.attributes.owner == nil || file.attributes.group == nil {
            script += """
                if [ "$old" ]; then chown --reference="$p" -- "$t" || die "$p: cannot keep its owner"; fi

                """
        }
        if file.attributes.mode == nil {
            let fresh = ModeText.text(file.creationMode)
            // chown clears set-user-ID bits: where an owner is declared beside an undeclared mode, it comes first.
            if let ownership = file.attributes.ownership {
                script += "chown -- \(word: ownership) \"$t\" || die \"$p: cannot give it to \"\(word: ownership)\n"
            }
            script += """
                if [ "$old" ]; then chmod --reference="$p" -- "$t"; else chmod -- \(word: fresh) "$t"; fi \
                || die "$p: cannot set its mode"

                """
        }
        return script
    }

    /// Owner and mode of the temporary files, before anybody can see them at their places. chown clears set-user-ID bits, so
    /// modes come after it.
    private static func ownership(_ files: [FileWrite]) -> ShellText {
        var owners: [(ownership: String, files: [FileWrite])] = []
        var modes: [(mode: UInt16, files: [FileWrite])] = []
        for file in files {
            guard let mode = file.attributes.mode else { continue }
            if let index = modes.firstIndex(where: { $0.mode == mode }) {
                modes[index].files.append(file)
            } else {
                modes.append((mode, [file]))
            }
            guard let ownership = file.attributes.ownership else { continue }
            if let index = owners.firstIndex(where: { $0.ownership == ownership }) {
                owners[index].files.append(file)
            } else {
                owners.append((ownership, [file]))
            }
        }
        var script: ShellText = ""
        for (ownership, files) in owners {
            script += """
                chown -- \(word: ownership) \(words: files.map(\.temporary)) \
                || die \(word: StepText.list(files.map(\.path)))": cannot give to "\(word: ownership)

                """
        }
        for (mode, files) in modes {
            script += """
                chmod -- \(word: ModeText.text(mode)) \(words: files.map(\.temporary)) \
                || die \(word: StepText.list(files.map(\.path)))": cannot set the mode"

                """
        }
        return script
    }
}
