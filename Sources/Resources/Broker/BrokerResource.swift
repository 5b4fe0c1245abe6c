package import Model

/// Something that a broker's cluster holds once for all its members: a virtual host, a user, a permission, a policy. Every
/// running member shows the same; the leader changes it, and each member is asked in its turn whether it has arrived.
package protocol BrokerResource: RoleResource {
    /// What a running node's answer says of it; `nil` = it is not there. The state is that of ``BrokerBatch``.
    func found(in broker: State) -> State?

    /// `nil` = it shall not be there.
    var wanted: State? { get }
}

extension BrokerResource {
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [BrokerBatch.request] }

    package var possibleActions: Set<ChangeAction> { wanted == nil ? [.remove] : [.create, .update] }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? { wanted }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(let state) = answers[BrokerBatch.request] else { return answers[BrokerBatch.request] }
        let view = BrokerView(state)
        if view.isRunning { return found(in: state).map { .present($0) } ?? .absent }
        // Its peers have to be started first, in their turns: until then there is nothing to be done on this host.
        if view.life == "waiting" { return .present(["broker": "waits"]) }
        return .unknown(reason: view.whyNotSeen)
    }

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        sharedDecision(on: host, seen: seen)
    }

    /// A host that sees a difference puts it right in its own turn, when it comes first; of several that see it, the first.
    func sharedDecision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        guard let own = seen.first(where: { $0.host == host })?.observation else {
            return .unknown(reason: "it could not be asked")
        }
        if case .unknown(let reason) = own { return .unknown(reason: reason) }
        guard let change = change(from: own) else { return .nothing }
        let first = seen.first { member in member.observation.map { self.change(from: $0) != nil } ?? false }
        if let first, first.host != host {
            return .knownAfter(host: first.host, after: id, possible: possibleActions)
        }
        return change
    }

    /// `nil` = nothing differs, or nothing can be seen.
    private func change(from observation: Observation) -> RoleDecision? {
        var state: State = [:]
        switch observation {
        case .unknown: return nil
        case .present(let found) where found["broker"] != nil: return nil
        case .present(let found):
            guard wanted != nil else {
                return .change(
                    .remove, differences: found.map { Difference(key: $0.key, observed: $0.value, desired: nil) },
                    from: nil)
            }
            state = found
        case .absent: if wanted == nil { return nil }
        }
        let differences = state.differences(from: wanted ?? [:])
        if differences.isEmpty { return nil }
        return .change(observation == .absent ? .create : .update, differences: differences, from: nil)
    }
}
