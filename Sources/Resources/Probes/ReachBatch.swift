package import Model

/// TCP ports of other hosts that accept a connection from here. The argument is `ADDRESS PORT`. Keys: none, or `error` with
/// what the system said.
package enum ReachBatch: ProbeBatch {
    package static let name: BatchName = "reach"
    /// Seconds for one connection; a firewall that drops packets never answers.
    static let limit = 3

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        // bash alone: what else connects (nc, telnet) is no base tool. All at once, so that the silent ones wait together.
        var script: ShellText = ""
        for (index, argument) in arguments.enumerated() {
            let path = "/dev/tcp/" + argument.replacing(" ", with: "/")
            script += """
                ( r=0; e=$(timeout -s KILL \(limit) bash -c \(word: ": <>" + path) 2>&1) || r=$?
                printf '%s %s %s\\n' \(index) "$r" "${e##*: }" ) &

                """
        }
        return HostQuestion(script + "wait\n")
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        var found: [Int: Observation] = [:]
        for line in answer.outputLines {
            let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, let index = Int(parts[0]), let status = Int(parts[1]) else { continue }
            found[index] =
                switch status {
                case 0: .present([:])
                case 126, 127: .unknown(reason: "there is no bash to connect with")
                case 137: .present(["error": .text("no connection within \(limit) s")])
                default: .present(["error": .text(parts[2].isEmpty ? "status \(status)" : String(parts[2]))])
                }
        }
        return Dictionary(
            arguments.enumerated().map { index, argument in
                (argument, found[index] ?? .unknown(reason: "the answer is not complete"))
            }, uniquingKeysWith: { first, _ in first })
    }
}
