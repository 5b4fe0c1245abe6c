package import Model

/// The host's own name, by builtins alone. One argument, the empty one. Keys: `static` (/etc/hostname; not there without
/// the file), `live` (the kernel's), `cloud` (flag: cloud-init is installed), `preserve` (what its configuration says of
/// preserve_hostname, the last word) and `by` (the file that says so), `ours` (flag: our own part of it is there).
package enum HostnameBatch: ProbeBatch {
    package static let name: BatchName = "hostname"

    static let file = "/etc/hostname"
    static let cloudFolder = "/etc/cloud/cloud.cfg.d"
    static let cloudFile = cloudFolder + "/99-cso-provision-hostname.cfg"

    /// cloud-init merges cloud.cfg and then its folder's files by name; of a key that stands in several the last one counts.
    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion(
            """
            if [ -e \(word: file) ]; then
            while read -r l || [ "$l" ]; do case $l in '' | '#'*) ;; *) break ;; esac; done <\(word: file) &&
            printf 'static %s\\n' "$l"
            fi
            read -r l </proc/sys/kernel/hostname && printf 'live %s\\n' "$l"
            if [ -e /etc/cloud/cloud.cfg ] || [ -d \(word: cloudFolder) ]; then echo cloud; fi
            for f in /etc/cloud/cloud.cfg \(word: cloudFolder)/*.cfg; do
            [ -f "$f" ] || continue
            while IFS= read -r l || [ "$l" ]; do
            case $l in preserve_hostname:*) printf 'preserve %s %s\\n' "$f" "${l#preserve_hostname:}" ;; esac
            done <"$f" || printf 'unreadable %s\\n' "$f"
            done
            if [ -e \(word: cloudFile) ]; then echo ours; fi
            echo end
            """)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        Dictionary(arguments.map { ($0, observation(answer)) }, uniquingKeysWith: { first, _ in first })
    }

    private static func observation(_ answer: HostAnswer) -> Observation {
        guard answer.outputLines.last == "end" else {
            return .unknown(reason: answer.errorLines.first ?? "the answer is not complete")
        }
        var state: State = ["cloud": false, "ours": false]
        for line in answer.outputLines {
            let words = line.columns(" ").filter { !$0.isEmpty }
            switch words.first {
            case "static"?, "live"?: state[words[0]] = .text(words.dropFirst().joined(separator: " "))
            case "cloud"?, "ours"?: state[words[0]] = true
            case "preserve"? where words.count > 1:
                state["by"] = .text(words[1])
                state["preserve"] = .text(words.count > 2 ? words[2] : "")
            case "unreadable"?: return .unknown(reason: "\(words.dropFirst().joined(separator: " ")) is not readable")
            default: break
            }
        }
        return state["live"] == nil ? .unknown(reason: "the kernel's host name is not readable") : .present(state)
    }
}
