package import Model

/// Marks of files over 16 MB on the host: what each was found to hold, and its device, inode, size and times then. While
/// all of these are the same the content is; what is written in place moves the time of change (ctime), which nobody can
/// set back. So that a look at the host need not read such files whole each time.
///
/// One line a file, `DEVICE:INODE:SIZE:MTIME:CTIME SHA256 PATH`, in a folder of root's alone. Sensitive files have none: their
/// digest is written nowhere.
package enum FileMarks {
    static let file = "/var/lib/cso-provision/digests"
    /// For stat(1), with nanoseconds.
    static let format = "%d:%i:%s:%.9Y:%.9Z"

    /// The whole files among these that have no mark that counts; they were read.
    package static func unmarked(
        _ resources: some Sequence<any ResourceKind>, _ answers: ProbeAnswers, on facts: HostFacts
    )
        -> (missing: Int, all: [String])
    {
        var missing = 0
        var all: [String] = []
        for resource in resources where !resource.isSensitive {
            for request in resource.probes(on: facts) where request.batch == WholeDigestBatch.name {
                guard case .present(let state) = answers[request] else { continue }
                all.append(request.argument)
                if state["isMarked"] != true { missing += 1 }
            }
        }
        return (missing, all)
    }

    /// Reads these files and marks them, and no others.
    package static func step(marking paths: [String]) -> HostStep {
        var script: ShellText = """
            set -u
            umask 077
            mkdir -p -m 0700 /var/lib/cso-provision || exit 1
            t=\(word: file + ".cso-tmp")
            rm -f -- "$t" && : >"$t" || exit 1
            mark() {
            [ -f "$1" ] && ! [ -L "$1" ] || return 0
            # A change in the very moment of the last one could leave the same time.
            n=0 c=$(stat -c %Z -- "$1") || return 0
            while [ "$(date +%s)" -le "$c" ]; do n=$((n + 1)); [ "$n" -le 15 ] || return 0; sleep 0.1; done
            a=$(stat -c \(word: format) -- "$1") && d=$(sha256sum <"$1") && b=$(stat -c \(word: format) -- "$1") || return 0
            [ "$a" != "$b" ] || printf '%s %s %s\\n' "$a" "${d%% *}" "$2" >>"$t"
            }

            """
        for path in paths { script += "mark \(word: path) \(word: encoded(path)) || exit 1\n" }
        script += "mv -f -- \"$t\" \(word: file)\n"
        return HostStep("mark big files", script: script, limit: .seconds(120))
    }

    /// What `find` runs for all files at once: their digests as `sha256sum -z` prints them, and those that a mark tells with
    /// `=` in the place of the second blank.
    static func lookup(_ paths: [String]) -> ShellText {
        var names: ShellText = ""
        for path in paths { names += "\(word: path)) q=\(word: encoded(path)) ;;\n" }
        return """
            m=\(word: file)
            for p do
            case $p in
            \(script: names)*) q= ;;
            esac
            s=$(stat -c \(word: format) -- "$p" 2>/dev/null) || s=
            d=
            if [ "$s" ] && [ "$q" ] && [ -f "$m" ] && ! [ -L "$m" ]; then
            while IFS=' ' read -r a b c; do
            if [ "$c" = "$q" ] && [ "$a" = "$s" ]; then d=$b; fi
            done <"$m"
            fi
            case $d in *[!0-9a-f]*) d= ;; esac
            if [ "${#d}" -eq 64 ]; then printf '%s =%s\\000' "$d" "$p"; else sha256sum -z -- "$p"; fi
            done
            """
    }

    /// One word without anything that `read` or a line takes for its own.
    private static func encoded(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F: text.append(byte)
            default: text += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
