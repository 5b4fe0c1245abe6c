internal import Model

/// What a resource was made of, so that it is made anew once that has changed: for each path its device, inode, size and
/// times, and a digest of its content. While the first are the same the content is (see ``FileMarks``), and nothing is read.
///
/// The digest is keyed: passwords may be among the inputs, and a plain one would let anybody try guesses against it. The
/// key is random, made on the host, and never leaves it; neither do digests. A link counts by where it leads.
///
/// One line a path, `STAT DIGEST PATH`; `gone gone PATH` for what was not there.
enum InputMarks {
    static let key = "/var/lib/cso-provision/inputs.key"
    static let folder = "/var/lib/cso-provision/inputs"
    private static let format = "%d:%i:%s:%.9Y:%.9Z"

    /// `digest PATH` prints the keyed digest of what lies there.
    private static let digest: ShellText = """
        key=\(word: key)
        digest() {
        if [ -L "$1" ]; then { cat -- "$key" && readlink -- "$1"; } | sha256sum
        elif [ -f "$1" ]; then cat -- "$key" "$1" | sha256sum
        else return 1; fi
        }

        """

    /// `measure PATH...` prints their lines; with the key, which is made where there is none. `die` is there.
    static let measuring: ShellText = """
        \(script: digest)\
        measure() {
        if ! [ -s "$key" ]; then
        mkdir -p -m 0700 -- "${key%/*}" && (umask 077; head -c 32 /dev/urandom | od -An -v -tx1 >"$key.cso-tmp") \
        && sync -- "$key.cso-tmp" && mv -fT -- "$key.cso-tmp" "$key" || die "cannot make $key"
        fi
        for p do
        if [ -e "$p" ] || [ -L "$p" ]; then
        s=$(stat -c \(word: format) -- "$p") && x=$(digest "$p") || die "$p is neither a file nor a link; it cannot be an input"
        printf '%s %s %s\\n' "$s" "${x%% *}" "$p"
        else printf 'gone gone %s\\n' "$p"; fi
        done
        }

        """

    /// `look MARKS PATH...` prints `none`, or a word for each path, of those that are given here: `same`, `changed`, `gone`,
    /// `new` (it has no mark).
    static func looking(at paths: [String], isDeep: Bool) -> ShellText {
        """
        \(script: digest)\
        now=$(timeout -s KILL 10 stat -c \(word: format + " %n") -- \(words: paths) 2>/dev/null)
        look() {
        m=$1; shift
        echo begin
        if [ -f "$m" ] && ! [ -L "$m" ]; then
        for p do
        c=gone x='' y=''
        while IFS=' ' read -r a b; do if [ "$b" = "$p" ]; then c=$a; fi; done <<EOF
        $now
        EOF
        while IFS=' ' read -r a b z; do if [ "$z" = "$p" ]; then x=$a y=$b; fi; done <"$m"
        if [ -z "$x" ]; then echo new
        elif [ "$c" = "$x" ]\(script: isDeep ? " && [ \"$c\" = gone ]" : ""); then echo same
        elif [ "$c" = gone ]; then echo gone
        elif [ "$x" != gone ] && [ -s "$key" ] && d=$(digest "$p") && [ "${d%% *}" = "$y" ]; then echo same
        else echo changed; fi
        done
        else echo none; fi
        echo end
        }

        """
    }
}

extension ResourceKind {
    /// How their marks are asked for; `nil` = nothing is to be asked.
    static func inputRequest(_ paths: [String], marks: String) -> ProbeRequest? {
        paths.isEmpty ? nil : ProbeRequest(InputBatch.name, ([marks] + paths).joined(separator: "\0"))
    }

    /// An input that something later in the recipe writes would always be seen one run too late.
    func objectionToInputs(among resources: [any ResourceKind]) -> Objection? {
        let later = resources.drop { $0.id != id }.dropFirst()
        for path in inputs {
            if let writer = later.first(where: { ($0.managedPaths + $0.sharedPaths).contains(path) }) {
                return Objection(
                    "depends on \(path), which \(writer.id) writes after it", remedy: "declare that one before")
            }
        }
        return nil
    }
}

extension FieldChecks {
    mutating func requireInputs(_ paths: [String]) {
        for path in paths {
            requirePath(path, at: "inputs")
            require(
                !path.utf8.contains { $0 <= 0x20 || $0 == 0x7F }, "a path among inputs holds no blanks", at: "inputs")
        }
        require(Set(paths).count == paths.count, "a path stands twice in inputs", at: "inputs")
    }
}
