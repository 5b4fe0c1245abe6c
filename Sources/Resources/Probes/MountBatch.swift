package import Model

/// Mounts. An argument is a ``MountQuery``. Keys: `fstab` (lines of /etc/fstab for the mount point), `mounts` (entries of
/// mountinfo for it, the last one on top), `device` (what a device's name leads to), `origin` (device and place of a
/// bind's source, as mountinfo would show them), `alive` (yes, or what the mount answers instead), `beneath` (up to four
/// names in the directory, if nothing is mounted on it), `directory` (flag: it exists; then only).
///
/// Reading mountinfo touches no mount. Only whether one of a network answers needs a touch, in a process of its own that
/// nobody waits for longer than its limit; its output goes nowhere, since a process that cannot be killed would hold it open.
package enum MountBatch: ProbeBatch {
    package static let name: BatchName = "mount"
    /// Seconds for a mount to answer. A mount that needs longer is of no use to a service either.
    static let aliveLimit = 10

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        let queries = arguments.map { MountQuery(argument: $0) }
        let points = queries.map { MountText.encoded($0.point) }
        var script: ShellText = """
            mounted=' '
            while read -r a b c d p r; do
            printf 'm %s\\n' "$a $b $c $d $p $r"
            case $p in \(script: ShellText(script: points.map { ShellText.word($0).text }.joined(separator: "|")))) mounted="$mounted$p " ;; esac
            done </proc/self/mountinfo
            if [ -e /etc/fstab ]; then
            { while IFS= read -r l || [ "$l" ]; do printf 'f %s\\n' "$l"; done; } </etc/fstab || echo unreadable
            fi
            alive() {
            timeout -s KILL \(aliveLimit) stat -f -c %T -- "$2" >/dev/null 2>&1; s=$? e=
            case $s in 0 | 137) ;; *) e=$(timeout -s KILL \(aliveLimit) stat -f -c %T -- "$2" 2>&1 >/dev/null) ;; esac
            printf 'a %s %s %s\\n' "$1" "$s" "$e"
            }
            beneath() {
            timeout -s KILL 5 sh -c '[ -d "$2" ] || exit 9; find "$2" -mindepth 1 -maxdepth 1 -printf "n $1 %f\\n" | head -n 4' sh "$@"
            printf 'b %s %s\\n' "$1" "$?"
            }

            """
        for (index, query) in queries.enumerated() {
            let word = ShellText.word(query.point)
            let isAlive: ShellText = query.isNetwork ? "alive \(index) \(script: word) &" : ":"
            script += """
                case $mounted in *" "\(word: points[index])" "*) \(script: isAlive) ;; *) beneath \(index) \(script: word) ;; esac

                """
            if let device = query.device {
                script += "printf 'd %s %s\\n' \(index) \"$(readlink -f -- \(word: device))\"\n"
            }
        }
        return HostQuestion(script + "wait\necho end\n")
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let read = Reading(answer)
        return Dictionary(
            arguments.enumerated().map { ($1, read.observation(of: MountQuery(argument: $1), index: $0)) },
            uniquingKeysWith: { first, _ in first })
    }

    private struct Reading {
        var isComplete: Bool
        var problem: String?
        var fstab: [String] = []
        /// The lines with their entries.
        var entries: [(line: String, entry: MountEntry)] = []
        var alive: [Int: StateValue] = [:]
        var devices: [Int: String] = [:]
        var names: [Int: [String]] = [:]
        var beneath: [Int: Int] = [:]

        init(_ answer: HostAnswer) {
            isComplete = answer.outputLines.last == "end"
            for line in answer.outputLines {
                let rest = String(line.dropFirst(2))
                let words = line.columns(" ")
                let index = words.count > 1 ? Int(words[1]) ?? -1 : -1
                switch words[0] {
                case "f": fstab.append(rest)
                case "m": if let entry = MountEntry(rest) { entries.append((rest, entry)) }
                case "a" where words.count > 2: alive[index] = Self.alive(words)
                case "d" where words.count > 2: devices[index] = words.dropFirst(2).joined(separator: " ")
                case "n" where words.count > 2:
                    names[index, default: []].append(words.dropFirst(2).joined(separator: " "))
                case "b" where words.count > 2: beneath[index] = Int(words[2])
                case "unreadable": problem = "/etc/fstab is not readable"
                default: break
                }
            }
        }

        private static func alive(_ words: [String]) -> StateValue {
            switch words[2] {
            case "0": true
            case "137": .text("no answer within \(aliveLimit) s")
            default:
                .text(words.dropFirst(3).joined(separator: " ").columns(":").last?.trimmed ?? "status \(words[2])")
            }
        }

        func observation(of query: MountQuery, index: Int) -> Observation {
            // There is always a root.
            guard isComplete, !entries.isEmpty else { return .unknown(reason: "the answer is not complete") }
            if let problem { return .unknown(reason: problem) }
            // A trigger of systemd's is not the mount itself.
            let own = entries.filter { $0.entry.point == query.point && $0.entry.type != "autofs" }
            var state: State = [
                "fstab": .list(fstab.filter { FstabLine($0)?.point == query.point }),
                "mounts": .list(own.map(\.line)),
            ]
            state["device"] = devices[index].map { .text($0) }
            if let origin = query.origin,
                let holder = entries.last(where: { $0.entry.holds(origin) && longest(over: origin) == $0.entry.point })
            {
                state["origin"] = .text("\(holder.entry.device) \(holder.entry.place(of: origin))")
            }
            state["alive"] = alive[index]
            if let status = beneath[index] {
                switch status {
                case 0: state["directory"] = true
                case 9: state["directory"] = false
                case 137: return .unknown(reason: "the directory \(query.point) does not answer (waited 5 s)")
                default: return .unknown(reason: "the directory \(query.point) cannot be read")
                }
                state["beneath"] = .list(names[index] ?? [])
            }
            return .present(state)
        }

        /// The mount point that a path lies on.
        private func longest(over path: String) -> String? {
            entries.map(\.entry.point).filter { $0 == "/" || path == $0 || path.hasPrefix($0 + "/") }
                .max { $0.utf8.count < $1.utf8.count }
        }
    }
}

/// What is asked about a mount point.
struct MountQuery: Sendable, Hashable {
    var point: String
    /// A dead server can make any access to it hang.
    var isNetwork: Bool
    /// A device's name that may be a link.
    var device: String?
    /// The directory that a bind shows.
    var origin: String?

    init(point: String, isNetwork: Bool, device: String? = nil, origin: String? = nil) {
        self.point = point
        self.isNetwork = isNetwork
        self.device = device
        self.origin = origin
    }

    /// No part holds a NUL.
    var argument: String {
        [point, isNetwork ? "network" : "local", device ?? "", origin ?? ""].joined(separator: "\0")
    }
    init(argument: String) {
        let parts = argument.columns("\0")
        func part(_ index: Int) -> String? { parts.count > index && !parts[index].isEmpty ? parts[index] : nil }
        self.init(point: parts[0], isNetwork: part(1) == "network", device: part(2), origin: part(3))
    }
}
