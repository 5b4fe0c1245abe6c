package import Model

/// What we manage on a host, one resource id a line, so that a resource which no recipe declares any more is reported and
/// not forgotten; and the versions of the secrets that it was made with, so that a plan can say from which version to which
/// they changed. Written in the first step of a run on the host, before anything is changed: whenever a controller dies,
/// what it has made is in it. It may so name what a run did not come to make, until a recipe's next run.
package struct Ledger: Sendable, Hashable {
    package var resources: Set<ResourceID>
    /// Source -> version.
    package var versions: [String: String]

    package init(resources: Set<ResourceID> = [], versions: [String: String] = [:]) {
        self.resources = resources
        self.versions = versions
    }

    static let file = "/var/lib/cso-provision/ledger"
    package static let request = ProbeRequest(LedgerBatch.name, "")

    /// `nil` = it could not be read.
    package init?(_ observation: Observation) {
        switch observation {
        case .absent: self.init()
        case .unknown: return nil
        case .present(let state):
            guard case .list(let lines)? = state["lines"] else { return nil }
            self.init()
            for line in lines {
                // No resource id begins so.
                guard line.hasPrefix("=") else {
                    resources.insert(ResourceID(line))
                    continue
                }
                let parts = line.dropFirst().split(separator: " ", maxSplits: 1).map(String.init)
                if parts.count == 2 { versions[parts[0]] = parts[1] }
            }
        }
    }

    /// A line break in a path cannot end a line: such ids are percent-encoded.
    private var lines: [String] {
        resources.sorted().map { Self.encoded($0.rawValue) }
            + versions.sorted { $0.key < $1.key }.map { Self.encoded("=\($0.key) \($0.value)") }
    }

    package var step: HostStep {
        HostStep(
            "write the ledger",
            script: """
                mkdir -p -m 0700 /var/lib/cso-provision || exit 1
                umask 077
                cat > \(word: Self.file + ".cso-tmp") && mv -f \(word: Self.file + ".cso-tmp") \(word: Self.file)
                """, input: Content(lines.map { $0 + "\n" }.joined()))
    }

    /// Goes before the script of a host's first step, in the same frame; the step fails if it cannot write.
    package var prelude: ShellText {
        """
        mkdir -p -m 0700 /var/lib/cso-provision || exit 1
        ( umask 077; printf '%s\\n' \(words: lines) > \(word: Self.file + ".cso-tmp") ) || exit 1
        mv -f \(word: Self.file + ".cso-tmp") \(word: Self.file) || exit 1

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
