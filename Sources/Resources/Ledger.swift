package import Model

/// What we manage on a host, one resource id a line, so that a resource which no recipe declares any more is reported and
/// not forgotten. Written in the first step of a run on the host, before anything is changed: whenever a controller dies,
/// what it has made is in it. It may so name what a run did not come to make, until a recipe's next run.
package enum Ledger {
    static let file = "/var/lib/cso-provision/ledger"
    package static let request = ProbeRequest(LedgerBatch.name, "")

    /// `nil` = it could not be read.
    package static func resources(from observation: Observation) -> Set<ResourceID>? {
        switch observation {
        case .absent: []
        case .present(let state):
            if case .list(let lines)? = state["lines"] { Set(lines.map { ResourceID($0) }) } else { nil }
        case .unknown: nil
        }
    }

    package static func step(writing resources: Set<ResourceID>) -> HostStep {
        // A line break in a path cannot end a line: such ids are percent-encoded.
        let lines = resources.sorted().map { encoded($0.rawValue) + "\n" }.joined()
        return HostStep(
            "write the ledger",
            script: """
                mkdir -p -m 0700 /var/lib/cso-provision || exit 1
                umask 077
                cat > \(word: file + ".cso-tmp") && mv -f \(word: file + ".cso-tmp") \(word: file)
                """, input: Content(lines))
    }

    /// Goes before the script of a host's first step, in the same frame; the step fails if it cannot write.
    package static func prelude(writing resources: Set<ResourceID>) -> ShellText {
        """
        mkdir -p -m 0700 /var/lib/cso-provision || exit 1
        ( umask 077; printf '%s\\n' \(words: resources.sorted().map { encoded($0.rawValue) }) > \(word: file + ".cso-tmp") ) || exit 1
        mv -f \(word: file + ".cso-tmp") \(word: file) || exit 1

        """
    }

    static func encoded(_ id: String) -> String {
        id.replacing("%", with: "%25").replacing("\n", with: "%0A")
    }
    static func decoded(_ line: some StringProtocol) -> String {
        String(line).replacing("%0A", with: "\n").replacing("%25", with: "%")
    }
}

/// Reads the ledger with the shell's own `read`.
package enum LedgerBatch: ProbeBatch {
    package static let name: BatchName = "ledger"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion(
            """
            if [ -f \(word: Ledger.file) ]; then
            echo present
            while IFS= read -r l; do printf '%s\\n' "$l"; done < \(word: Ledger.file)
            else echo absent; fi
            """)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        let lines = answer.outputText.split(separator: "\n", omittingEmptySubsequences: true)
        switch lines.first {
        case "present"?:
            return ["": .present(["lines": .list(lines.dropFirst().map { Ledger.decoded($0) })])]
        case "absent"?: return ["": .absent]
        default: return ["": .unknown(reason: "ledger not readable: \(answer.errorText)")]
        }
    }
}
