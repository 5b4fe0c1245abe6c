internal import Model

/// One `find` over many paths, for the batches that look at files. What may hang is kept apart: paths on a network mount,
/// also those that get there through a symbolic link, are searched last, by a `find` of their own with a short limit.
///
/// Standard output holds NUL-terminated tokens: what the expression prints, and between it four tokens that end in `.`,
/// from the shell: `=`, group, exit status; `@`, a path of the network group, empty.
enum PathSearch {
    enum Group: String {
        case local, network

        /// Seconds until it counts as hung. A local disk may be slow under load; a network mount that needs more is of
        /// no use to a service either.
        var limit: Int {
            switch self {
            case .local: 20
            case .network: 5
            }
        }
    }

    /// `expression` is what `find` does with each path: tests and actions.
    static func question(_ arguments: [String], expression: ShellText, on facts: HostFacts) -> HostQuestion {
        let paths = arguments.filter(isSearchable)
        let mounts = facts.mounts.filter(\.isNetwork).map(\.point)
        guard !paths.isEmpty else { return HostQuestion(":") }
        guard !mounts.isEmpty else {
            return HostQuestion(
                """
                timeout -s KILL \(Group.local.limit) find -P \(words: paths) -maxdepth 0 \(script: expression)
                printf '/\\000=\\000local\\000%s\\000.\\000' "$?"
                """)
        }
        return HostQuestion(
            """
            \(script: reaches(mounts))
            look() {
            want=$1 limit=$2; shift 2; i=0 n=$#
            while [ "$i" -lt "$n" ]; do
            i=$((i + 1)) p=$1; shift
            case $net in *" $i "*) kind=network ;; *) kind=local ;; esac
            [ "$kind" != "$want" ] || set -- "$@" "$p"
            done
            [ "$#" -gt 0 ] || return 0
            timeout -s KILL "$limit" find -P "$@" -maxdepth 0 \(script: expression)
            printf '/\\000=\\000%s\\000%s\\000.\\000' "$want" "$?"
            }
            set -- \(words: paths)
            net=' ' k=0
            for p do
            k=$((k + 1))
            if reaches "$p"; then net="$net$k "; printf '@\\000%s\\000\\000.\\000' "$p"; fi
            done
            look local \(Group.local.limit) "$@"
            look network \(Group.network.limit) "$@"
            """)
    }

    static func isSearchable(_ path: String) -> Bool { path.hasPrefix("/") && !path.utf8.contains(0) }

    /// A shell function that tells whether its argument lies on one of the mounts, once the links in its way are followed.
    /// It never looks at anything on a mount: each directory is known to be local before its entry is asked for.
    private static func reaches(_ mounts: [String]) -> ShellText {
        var patterns: ShellText = ""
        for (index, mount) in mounts.enumerated() {
            patterns += "\(script: index == 0 ? "" : "|")\(word: mount == "/" ? "" : mount)/*"
        }
        return """
            reaches() {
            rest=${1#/} at= hops=0
            while [ -n "$rest" ]; do
            c=${rest%%/*}
            case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
            case $c in '' | .) continue ;; ..) at=${at%/*}; continue ;; esac
            case $at/$c/ in \(script: patterns)) return 0 ;; esac
            [ -n "$rest" ] || return 1
            if [ -L "$at/$c" ]; then
            hops=$((hops + 1)); [ "$hops" -le 40 ] || return 1
            to=$(readlink -n -- "$at/$c"; printf x); to=${to%x}
            case $to in /*) at= rest=${to#/}/$rest ;; *) rest=$to/$rest ;; esac
            else at=$at/$c; fi
            done
            return 1
            }
            """
    }
}

extension PathSearch {
    /// What the answer says apart from what the expression printed.
    struct Answer {
        /// The tokens of the expression.
        private(set) var tokens: [String] = []
        private var statuses: [String: Int32] = [:]
        private var network: Set<String> = []
        private var errorLines: Set<String>

        init(_ answer: HostAnswer) {
            errorLines = Set(answer.errorLines)
            // What follows the last NUL was cut off.
            let all = Array(answer.output.pieces(0).dropLast())
            var index = 0
            while index < all.count {
                if index + 3 < all.count, all[index + 3] == ".", all[index] == "=", let status = Int32(all[index + 2]) {
                    statuses[all[index + 1]] = status
                    index += 4
                } else if index + 3 < all.count, all[index + 3] == ".", all[index] == "@", all[index + 2].isEmpty {
                    network.insert(all[index + 1])
                    index += 4
                } else {
                    tokens.append(all[index])
                    index += 1
                }
            }
        }

        /// What is known of a path that the expression printed nothing about. `silence` is what that means if `find` did
        /// find it.
        func observation(ofUnmentioned path: String, silence: Observation) -> Observation {
            guard PathSearch.isSearchable(path) else { return .unknown(reason: "not an absolute path") }
            let prefix = "find: \(FindText.quoted(path)): "
            if errorLines.contains("\(prefix)No such file or directory")
                || errorLines.contains("\(prefix)Not a directory")
            {
                return .absent
            }
            if let line = errorLines.first(where: { $0.hasPrefix(prefix) }) {
                return .unknown(reason: String(line.dropFirst(prefix.count)))
            }
            let group = network.contains(path) ? Group.network : .local
            switch statuses[group.rawValue] {
            case 0, 1:
                if let line = errorLines.first(where: { $0.contains(path) }) { return .unknown(reason: line) }
                return silence
            case 124, 137:
                let place = group == .network ? "its network mount does not answer" : "no answer"
                return .unknown(reason: "\(place) (waited \(group.limit) s)")
            case let status?: return .unknown(reason: "find ended with status \(status)")
            case nil: return .unknown(reason: "the answer is not complete")
            }
        }
    }
}

/// How GNU find writes a path into an error message in the C locale (gnulib quotearg, locale style): in single quotes, with
/// C escapes, everything that is not printable ASCII as three octal digits.
enum FindText {
    static func quoted(_ path: String) -> String {
        var text = "'"
        for byte in path.utf8 {
            switch byte {
            case 0x07: text += "\\a"
            case 0x08: text += "\\b"
            case 0x09: text += "\\t"
            case 0x0A: text += "\\n"
            case 0x0B: text += "\\v"
            case 0x0C: text += "\\f"
            case 0x0D: text += "\\r"
            case 0x27, 0x5C:
                text += "\\"
                text.unicodeScalars.append(Unicode.Scalar(byte))
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let octal = String(byte, radix: 8)
                text += "\\" + String(repeating: "0", count: 3 - octal.count) + octal
            }
        }
        return text + "'"
    }
}
