package import Compile
package import Model
package import Resources

/// All questions of one observation of a host, one for each batch that its resources and gates use.
package struct ObservationScript: Sendable {
    package let questions: [HostQuestion]
    private let batches: [(batch: any ProbeBatch.Type, arguments: [String])]
    private let facts: HostFacts

    /// `resources` limits the observation to some of them (role resources of peers, what one step may have changed).
    package init(
        for desired: DesiredHost, on facts: HostFacts, batches catalogue: BatchCatalogue,
        resources: ((DeclaredResource) -> Bool)? = nil, includesGates: Bool = true, isDeep: Bool = false
    ) {
        var order: [BatchName] = []
        var arguments: [BatchName: [String]] = [:]
        var known: Set<ProbeRequest> = []
        func add(_ request: ProbeRequest) {
            guard known.insert(request).inserted else { return }
            if arguments[request.batch] == nil { order.append(request.batch) }
            arguments[request.batch, default: []].append(request.argument)
        }
        for declared in desired.resources where resources?(declared) ?? true {
            declared.resource.probes(on: facts).forEach(add)
        }
        if includesGates {
            for gate in desired.gates where gate.vantage == .own { add(GateProbe.request(for: gate)) }
        }
        add(OwedNotes.request)
        add(Ledger.request)
        self.facts = facts
        batches = order.compactMap { name in catalogue[name].map { ($0, arguments[name] ?? []) } }
        questions = batches.map {
            isDeep ? $0.batch.deepQuestion($0.arguments, on: facts) : $0.batch.question($0.arguments, on: facts)
        }
    }

    /// Only these questions, for whoever asks about another host.
    package init(requests: [ProbeRequest], on facts: HostFacts, batches catalogue: BatchCatalogue) {
        var order: [BatchName] = []
        var arguments: [BatchName: [String]] = [:]
        for request in requests where arguments[request.batch]?.contains(request.argument) != true {
            if arguments[request.batch] == nil { order.append(request.batch) }
            arguments[request.batch, default: []].append(request.argument)
        }
        self.facts = facts
        batches = order.compactMap { name in catalogue[name].map { ($0, arguments[name] ?? []) } }
        questions = batches.map { $0.batch.question($0.arguments, on: facts) }
    }

    /// `answers` in the order of ``questions``.
    package func parse(_ answers: [HostAnswer]) -> ProbeAnswers {
        var result = ProbeAnswers()
        for (index, entry) in batches.enumerated() {
            guard index < answers.count else { break }
            let observations = entry.batch.parse(answers[index], arguments: entry.arguments, on: facts)
            for argument in entry.arguments {
                result[ProbeRequest(entry.batch.name, argument)] =
                    observations[argument] ?? .unknown(reason: "the host gave no answer")
            }
        }
        return result
    }
}
