package import Model

/// One question about a host, answered together with all others of its batch by one process or two.
package struct ProbeRequest: Sendable, Hashable {
    package var batch: BatchName
    /// A path, a package name, a unit name, a script: what the batch says.
    package var argument: String

    package init(_ batch: BatchName, _ argument: String) {
        self.batch = batch
        self.argument = argument
    }
}

package struct BatchName: Name {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
}

/// A way to ask many things of one sort at once. Read-only, bounded by `timeout -s KILL`, in the C locale (the session sets
/// it). Kinds share batches: files, directories and symlinks are all found by one call.
package protocol ProbeBatch: Sendable {
    static var name: BatchName { get }

    /// The script that answers all arguments. Arguments are distinct and in a stable order.
    static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion

    /// The same without relying on anything that an earlier run left on the host (`--deep`).
    static func deepQuestion(_ arguments: [String], on facts: HostFacts) -> HostQuestion

    /// One observation for each argument, keyed by it. An argument that the answer does not prove to be present or absent is
    /// `unknown`, with what the host said.
    static func parse(_ answer: HostAnswer, arguments: [String], on facts: HostFacts) -> [String: Observation]
}

extension ProbeBatch {
    package static func deepQuestion(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        question(arguments, on: facts)
    }
}

/// The answers to a host's probes.
package struct ProbeAnswers: Sendable {
    private var observations: [ProbeRequest: Observation]

    package init(_ observations: [ProbeRequest: Observation] = [:]) { self.observations = observations }

    /// What was answered; `unknown` if it was never asked.
    package subscript(request: ProbeRequest) -> Observation {
        get { observations[request] ?? .unknown(reason: "not asked") }
        set { observations[request] = newValue }
    }

    /// It was asked, whatever the answer.
    package func holds(_ request: ProbeRequest) -> Bool { observations[request] != nil }

    /// What services said to secrets; it holds only until the next look.
    package mutating func forgetProofs() {
        observations = observations.filter { $0.key.batch != CredentialProofs.name }
    }

    package mutating func merge(_ other: ProbeAnswers) {
        observations.merge(other.observations) { _, new in new }
    }
}

/// The probe batches that kinds may use.
package struct BatchCatalogue: Sendable {
    package let batches: [any ProbeBatch.Type]
    package init(_ batches: [any ProbeBatch.Type]) { self.batches = batches }
    package subscript(name: BatchName) -> (any ProbeBatch.Type)? { batches.first { $0.name == name } }
}
