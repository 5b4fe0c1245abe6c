internal import Model

/// The step that puts one line into a file of somebody else's, or takes it out. Every other byte stays as it is: what is
/// kept never passes through the shell, only through `head`, `tail` and `sed` by line numbers.
struct LineEdit {
    enum Place: Sendable, Hashable {
        case end
        /// Before the first line that matches.
        case before(String)
        /// After the last line that matches.
        case after(String)
    }

    var path: String
    /// `nil` = every line that matches is removed.
    var text: String?
    /// Lines that match one of these are this line: the first of them becomes `text`, the others go.
    var patterns: [String]
    var place: Place = .end
    /// A file that does not exist is made, with these attributes. The mode is 0644 if they leave it open.
    var creates = false
    var attributes = FileAttributes()
    var validate: ShellText?

    func step(_ summary: String) -> HostStep {
        var script = text == nil ? goneWithItsFolder : StepText.opening(path: path)
        script += """
            cr=$(printf '\\r')
            old=yes
            if [ -L "$p" ]; then die "$p is a symbolic link; name the file that it points to"
            elif [ -f "$p" ]; then :
            elif [ -e "$p" ]; then die "$p is not a file"
            else old=; fi

            """
        script += whenMissing
        script += """
            if [ "$old" ]; then
            tr -d '\\000' <"$p" | cmp -s - "$p" || die "$p holds NUL bytes; it is not a text file"
            lines() { grep -naE "$@" -- "$p"; [ "$?" -le 1 ] || die "$p: cannot be searched"; }
            found=$(lines \(script: Self.options(patterns))) || exit 1
            # Only the numbers: shells do not keep every byte.
            numbers() { printf '%s\\n' "$1" | sed -n 's/^\\([0-9][0-9]*\\):.*/\\1/p'; }
            set -- $(numbers "$found")
            fi
            \(script: FileSteps.clearing)
            """
        script += text.map(writing) ?? removing
        script += """
            if [ "$old" ] && cmp -s -- "$t" "$p"; then echo "$p: nothing to do any more"; exit 0; fi
            \(script: ownership)\(script: FileSteps.placing(validate: validate))
            """
        return HostStep(summary, script: script)
    }

    private var goneWithItsFolder: ShellText {
        "\(script: StepText.opening)p=\(word: path) d=\(word: PathText.parent(of: path)) t=\(word: PathText.temporary(for: path))\n"
    }

    private var ownership: ShellText {
        let kept = FileSteps.ownership(FileAttributes(), creationMode: 0o644)
        guard creates else { return kept }
        return """
            if [ "$old" ]; then
            \(script: kept)else
            \(script: FileSteps.ownership(attributes, creationMode: 0o644))fi

            """
    }

    private var whenMissing: ShellText {
        if text == nil { return "[ \"$old\" ] || { echo \"$p is not there\"; exit 0; }\n" }
        return creates ? "" : "[ \"$old\" ] || die \"$p does not exist\"\n"
    }

    private func writing(_ text: String) -> ShellText {
        """
        line=\(word: text) eol= skip=0 drop=
        if [ "$old" ]; then
        if head -n 1 -- "$p" | grep -qa "$cr\\$"; then eol=$cr; fi
        total=$(grep -ca '' -- "$p")
        if [ "$#" -gt 0 ]; then
        at=$1 skip=1; shift
        for n do drop="$drop$((n - at))d;"; done
        else
        \(script: position)fi
        set -C
        {
        head -n "$((at - 1))" -- "$p" &&
        if [ "$((at - 1))" -eq "$total" ] && [ "$(tail -c 1 -- "$p" | wc -l)" -eq 0 ] && [ -s "$p" ]; then printf '%s\\n' "$eol"; fi &&
        printf '%s%s\\n' "$line" "$eol" &&
        tail -n "+$((at + skip))" -- "$p" | sed "$drop"
        } >"$t" || die "$p: cannot write its new content; the old file stays"
        else
        set -C
        printf '%s\\n' "$line" >"$t" || die "$p: cannot be written"
        fi
        set +C

        """
    }

    /// Sets `at`, the number that the new line will have.
    private var position: ShellText {
        switch place {
        case .end: "at=$((total + 1))\n"
        case .before(let pattern): anchored(pattern, number: "for n in $near; do at=$n; break; done")
        case .after(let pattern): anchored(pattern, number: "for n in $near; do at=$((n + 1)); done")
        }
    }

    private func anchored(_ pattern: String, number: ShellText) -> ShellText {
        """
        found=$(lines \(script: Self.options([pattern]))) || exit 1
        near=$(numbers "$found")
        [ "$near" ] || die "$p: no line matches "\(word: pattern)
        \(script: number)

        """
    }

    private var removing: ShellText {
        """
        drop=
        for n do drop="$drop${n}d;"; done
        set -C
        sed "$drop" -- "$p" >"$t" || die "$p: cannot write its new content; the old file stays"
        set +C

        """
    }

    static func options(_ patterns: [String]) -> ShellText {
        .words(patterns.flatMap { ["-e", ExtendedRegex.toleratingCR($0)] })
    }
}
