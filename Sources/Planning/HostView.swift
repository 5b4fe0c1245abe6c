package import Compile
package import Model
package import Resources

/// What was seen of one member of a role in one observation.
package struct HostView: Sendable {
    package var desired: DesiredHost
    package var facts: HostFacts
    package var answers: ProbeAnswers
    /// What others found about gates that the host is not asked itself. A gate that nobody could be asked is missing.
    package var testimonies: [Gate: Testimony]

    package init(
        desired: DesiredHost, facts: HostFacts, answers: ProbeAnswers, testimonies: [Gate: Testimony] = [:]
    ) {
        self.testimonies = testimonies
        self.desired = desired
        self.facts = facts
        self.answers = answers
    }

    package var host: HostName { desired.host }

    package func observation(of resource: some ResourceKind) -> Observation {
        resource.observation(from: answers, on: facts)
    }

    /// Restarts and reloads that an earlier run noted and did not do.
    package var owed: [Notification] {
        OwedNotes.notifications(from: answers[OwedNotes.request])
    }

    /// What an earlier run noted here; `nil` if it could not be read.
    package var ledger: Ledger? { Ledger(answers[Ledger.request]) }

    /// What the ledger shall say; `nil` if it says so, or cannot be read. What was once managed stays listed until it is gone,
    /// so that it is reported and never forgotten.
    package func missingLedger(with book: SecretBook) -> Ledger? {
        guard let ledger else { return nil }
        var wanted = ledger
        wanted.resources.formUnion(desired.resources.map(\.id))
        for source in Set(desired.resources.flatMap(\.secretNames).map(\.source)) {
            wanted.versions[source] = book.versions[source]
        }
        return wanted == ledger ? nil : wanted
    }

    /// Whether the host serves: all its host gates, and every service that shall run. Gates that nobody could be asked do not
    /// count: a peer that is down is no reason to call this host down.
    ///
    /// A role without gates and services promises nothing, so its members are healthy once they were seen.
    package var health: Health {
        var unknown: String?
        for gate in desired.gates where gate.scope == .host {
            guard let (verdict, witness) = verdict(of: gate) else { continue }
            switch verdict {
            case .passed: break
            case .failed(let found): return .unhealthy("gate \(gate.label)\(witness): \(found)")
            case .unknown(let reason): unknown = "gate \(gate.label)\(witness): \(reason)"
            }
        }
        for declared in desired.resources {
            guard let service = declared.resource as? any RunningService, service.shallRun else { continue }
            switch service.isRunning(answers, on: facts) {
            case true?: break
            case false?: return .unhealthy("\(service.unit) is not running")
            case nil: unknown = unknown ?? "state of \(service.unit) is unknown"
            }
        }
        return unknown.map { .unknown($0) } ?? .healthy
    }
}

extension HostView {
    /// It does not serve, and nothing is wrong with that: its turn is over, and others have to be started first.
    package var awaitsPeers: Bool {
        desired.resources.contains { declared in
            guard let service = declared.resource as? any RunningService, service.shallRun else { return false }
            return service.awaitsPeers(answers)
        }
    }

    /// The first gate of the whole role that does not hold as seen of this host, with what was found; what could not be told
    /// counts as not holding.
    package var trouble: String? {
        for gate in desired.gates where gate.scope == .role {
            guard let (verdict, witness) = verdict(of: gate) else { continue }
            switch verdict {
            case .passed: break
            case .failed(let found), .unknown(let found):
                return "gate of the role, \(gate.label)\(witness.isEmpty ? " of \(host)" : witness): \(found)"
            }
        }
        return nil
    }

    private func verdict(of gate: Gate) -> (GateVerdict, witness: String)? {
        if gate.vantage == .own { return (GateProbe.verdict(gate, answers[GateProbe.request(for: gate)]), "") }
        return testimonies[gate].map { ($0.verdict, " asked by \($0.witness)") }
    }
}

/// What somebody else found about a host.
package struct Testimony: Sendable, Hashable {
    /// The member that asked, or `the controller`.
    package var witness: String
    package var verdict: GateVerdict

    package init(witness: String, verdict: GateVerdict) {
        self.witness = witness
        self.verdict = verdict
    }
}

/// A member of a role: seen, or not.
package enum MemberView: Sendable {
    case seen(HostView)
    case notSeen(HostName, reason: String)

    package var host: HostName {
        switch self {
        case .seen(let view): view.host
        case .notSeen(let host, _): host
        }
    }
    package var view: HostView? {
        if case .seen(let view) = self { view } else { nil }
    }
    package var health: Health {
        switch self {
        case .seen(let view): view.health
        case .notSeen(_, let reason): .unknown(reason)
        }
    }
}
