package import Model

/// Small scripts that look and change nothing: guards, evidence, command gates. Keys: `status` (exit status; 137 = it was
/// killed at its limit) and `errors` (what it said on standard error).
package enum ScriptBatch: ProbeBatch {
    package static let name: BatchName = "script"
    /// Seconds for one script.
    static let limit = 20

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        var script: ShellText = ""
        for (index, argument) in arguments.enumerated() {
            // The marks on standard error only tell whose words are whose; statuses stand on standard output, which no
            // script can reach.
            script += """
                printf '\\000%s\\000' \(index) >&2
                timeout -s KILL \(limit) sh -c \(word: argument) </dev/null >/dev/null
                printf '%s %s\\n' \(index) "$?"

                """
        }
        return HostQuestion(script)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        var statuses: [Int: Int] = [:]
        for line in answer.outputLines {
            let parts = line.split(separator: " ")
            if parts.count == 2, let index = Int(parts[0]), let status = Int(parts[1]) { statuses[index] = status }
        }
        let said = errors(answer)
        return Dictionary(
            arguments.enumerated().map { index, argument in
                guard let status = statuses[index] else {
                    return (argument, .unknown(reason: "the answer is not complete"))
                }
                return (argument, .present(["status": .number(status), "errors": .text(said[index] ?? "")]))
            }, uniquingKeysWith: { first, _ in first })
    }

    private static func errors(_ answer: HostAnswer) -> [Int: String] {
        let parts = answer.errors.pieces(0)
        var said: [Int: String] = [:]
        var next = 0
        // "", "0", words of the first, "1", words of the second, ...
        for (position, part) in parts.enumerated() where part == String(next) && position + 1 < parts.count {
            said[next] = String(parts[position + 1].prefix(2000)).trimmed
            next += 1
        }
        return said
    }

    package static func request(_ script: ShellText) -> ProbeRequest { ProbeRequest(name, script.text) }

    /// How guards and evidence speak: 0 = there, 1 = not there, anything else = cannot be told.
    static func presence(_ observation: Observation, what: String) -> Observation {
        guard case .present(let state) = observation, case .number(let status)? = state["status"] else {
            return observation
        }
        switch status {
        case 0: return .present([:])
        case 1: return .absent
        case 137: return .unknown(reason: "\(what) did not end within \(limit) s")
        default:
            let errors = state["errors"]?.text ?? ""
            return .unknown(
                reason: "\(what) ended with status \(status), which says neither yes (0) nor no (1)"
                    + (errors.isEmpty ? "" : ": \(errors)"))
        }
    }
}
