internal import Model

/// How files come to be: written beside their place, made right in every respect, synced, and renamed. At each moment the
/// old file or the new one is there, whole.
enum FileSteps {
    /// Before anything is written to `$t`. In a directory that others may write to, a link planted at the temporary name
    /// must not lead us astray: it is removed, and with `set -C` the shell opens with O_EXCL.
    static let clearing: ShellText = """
        # Until the rename nothing has changed, so nothing is owed for it. Names of units hold no blanks.
        trap 'rm -f -- "$t" ${cso_notes-}' EXIT
        trap 'exit 143' HUP INT TERM
        if [ -e "$t" ] || [ -L "$t" ]; then rm -f -- "$t" || die "cannot remove $t"; fi

        """

    /// Gives `$t` the context that it shall have at `$p`; `relabel=yes` where only its name, after the rename, can tell.
    static let labelling: ShellText = """
        if [ -e /sys/fs/selinux/enforce ]; then
        if [ "$old" ]; then
        chcon --reference="$p" -- "$t" || die "$p: cannot keep its SELinux context; the old file stays"
        elif command -v matchpathcon >/dev/null; then
        label=$(matchpathcon -n -m file -- "$p") || die "$p: cannot find its SELinux context"
        # The policy has none for some names; then the directory's is right, which the file has already.
        case $label in '' | '<<none>>') ;; *) chcon -- "$label" "$t" || die "$p: cannot set its SELinux context" ;; esac
        else relabel=yes
        fi
        fi

        """

    /// Puts `$t`, whole and with its owner and mode, in the place of `$p`. `$old` is empty if there is no old file.
    ///
    /// Where SELinux is on, the new file has the old one's context, or the one that the policy has for its name, before
    /// anybody can see it. A host without SELinux starts no process for it.
    static func placing(validate: ShellText?) -> ShellText {
        var script: ShellText = "relabel=\n" + labelling
        if let validate {
            script += """
                sh -c \(word: validate.text) sh "$t" </dev/null >&2 || die "$p: the new content is not valid; the old file stays"

                """
        }
        script += """
            sync -- "$t" || die "$p: cannot sync its new content; the old file stays"
            mv -fT -- "$t" "$p" || die "$p: cannot put the new file in its place"
            trap - EXIT
            if [ "$relabel" ] && command -v restorecon >/dev/null; then
            restorecon -- "$p" || die "$p: cannot set its SELinux context"
            fi
            sync -- "$d" || die "cannot sync $d"

            """
        return script
    }

    /// Owner and mode of the temporary file, before anybody can see it at its place. chown clears set-user-ID bits, so the
    /// mode comes after it.
    static func ownership(_ attributes: FileAttributes, creationMode: UInt16) -> ShellText {
        var script: ShellText = ""
        if attributes.owner == nil || attributes.group == nil {
            script += """
                if [ "$old" ]; then chown --reference="$p" -- "$t" || die "$p: cannot keep its owner"; fi

                """
        }
        if let ownership = attributes.ownership {
            script += "chown -- \(word: ownership) \"$t\" || die \"$p: cannot give it to \"\(word: ownership)\n"
        }
        if let mode = attributes.mode {
            script += "chmod -- \(word: ModeText.text(mode)) \"$t\" || die \"$p: cannot set its mode\"\n"
        } else {
            script += """
                if [ "$old" ]; then chmod --reference="$p" -- "$t"; else chmod -- \(word: ModeText.text(creationMode)) "$t"; fi \
                || die "$p: cannot set its mode"

                """
        }
        return script
    }

    /// Changes nothing but mode and owner, in place.
    static func adjust(_ path: String, attributes: FileAttributes) -> HostStep {
        var script = StepText.opening(path: path)
        script += """
            [ -f "$p" ] && ! [ -L "$p" ] || die "$p is no longer a file; look again"

            """
        if let ownership = attributes.ownership {
            script += "chown -- \(word: ownership) \"$p\" || die \"$p: cannot give it to \"\(word: ownership)\n"
        }
        if let mode = attributes.mode {
            script += "chmod -- \(word: ModeText.text(mode)) \"$p\" || die \"$p: cannot set its mode\"\n"
        }
        return HostStep("set owner and mode of \(path)", script: script)
    }

    /// Removes a file or a symbolic link, and what a cut-off run may have left beside it.
    static func remove(_ path: String) -> HostStep {
        HostStep(
            "remove \(path)",
            script: """
                \(script: StepText.opening)p=\(word: path) d=\(word: PathText.parent(of: path)) t=\(word: PathText.temporary(for: path))
                if [ -d "$p" ] && ! [ -L "$p" ]; then die "$p is a directory; it is not removed as a file"; fi
                rm -f -- "$p" "$t" || die "cannot remove $p"
                if [ -d "$d" ]; then sync -- "$d" || die "cannot sync $d"; fi

                """)
    }
}
