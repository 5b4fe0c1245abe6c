internal import Compile
internal import Model
internal import Resources

/// Plans one host, seen together with its peers.
struct HostPlanner {
    let book: SecretBook
    let reboots: RebootPermission
    /// Only these keys are looked at then, and nothing else is changed.
    let rotation: KeyRotation?
    let view: HostView
    /// All members of the role, in the order in which they are changed.
    let members: [MemberView]
    /// The plans of the members that are changed before this one.
    let earlier: [HostPlan]

    func plan() -> HostPlan {
        var draft = HostPlan(host: view.host, health: view.health)
        var pending: [Pending] = []
        /// The first change that may alter anything after it.
        var influencer: DeclaredResource?
        var previous: DeclaredResource?
        /// What writes a path that this plan changes.
        var writers: [String: ResourceID] = [:]

        for declared in view.desired.resources where !(declared.resource is RebootResource) {
            if let rotation, !rotation.concerns(declared.resource) { continue }
            var judgement = judge(declared)
            // A transaction that is still being collected influences what comes after it, not its own parts.
            let isSameTransaction = influencer.map { $0.isInOneTransaction(with: declared) } ?? false
            let isNeighbour = previous.map { $0.isInOneTransaction(with: declared) } ?? false
            previous = declared
            if let influencer, !(isSameTransaction && isNeighbour) {
                judgement = judgement.deferred(after: influencer.id, on: view.host)
            } else if let writer = declared.resource.inputs.lazy.compactMap({ writers[$0] }).first {
                judgement = judgement.deferred(after: writer, on: view.host)
                // It may be made anew, and then it alters what comes after it.
                if declared.resource.influence == .anything { influencer = declared }
            }
            if !judgement.isRight {
                for path in declared.resource.managedPaths + declared.resource.sharedPaths {
                    writers[path] = writers[path] ?? declared.id
                }
            }
            switch judgement {
            case .right: continue
            case .blocked(let cause, let reason, _):
                let obstacle = HostPlan.Obstacle(resource: declared.id, cause: cause, reason: reason)
                draft.obstacle = draft.obstacle ?? obstacle
            case .later(let later, let action, let differences, let source, let isExpected, let confirm):
                draft.changes.append(
                    change(
                        of: declared, action, differences, from: source, after: later, isExpected: isExpected,
                        confirm: confirm))
            case .differs(let action, let differences, let source, _, let confirm):
                var next = Pending(
                    declared: declared,
                    change: change(of: declared, action, differences, from: source, confirm: confirm),
                    observed: view.observation(of: declared, with: book))
                next.change.deed.steps = Deed.digest(of: StepGroup.steps(of: next, on: view))
                draft.changes.append(next.change)
                pending.append(next)
                if declared.resource.influence == .anything { influencer = influencer ?? declared }
            }
        }
        if case .unknown(let reason) = view.answers[OwedNotes.request] {
            // A restart that is owed and not seen would be lost as soon as its cause looks right.
            draft.obstacle = draft.obstacle ?? .init(resource: "service:*", cause: .unknown, reason: reason)
        }
        // Order is dependence: what cannot be known or decided stops the host before its first step.
        if draft.obstacle == nil { draft.groups = StepGroup.groups(of: pending, on: view) }
        if rotation == nil {
            OwedSettlement(view: view).settle(&draft)
            RebootSettlement(view: view, permission: reboots).settle(&draft, book: book)
            draft.notes += view.desired.resources.flatMap(notes(of:))
        }
        draft.forgotten = (view.ledger?.resources ?? []).subtracting(view.desired.resources.map(\.id)).sorted()
        return draft
    }

    private func change(
        of declared: DeclaredResource, _ action: ChangeAction, _ differences: [Difference], from source: HostName?,
        after later: PlannedChange.KnownAfter? = nil, isExpected: Bool = true, confirm: PermissionName? = nil
    ) -> PlannedChange {
        PlannedChange(
            resource: declared.id, action: action, differences: differences + rotations(of: declared, differences),
            notifies: declared.notifies,
            isSensitive: declared.resource.isSensitive, source: source, knownAfter: later, isExpected: isExpected,
            deed: Deed(declared, book),
            confirm: declared.resource.isPointOfNoReturn(differences) ? declared.confirm ?? confirm : confirm)
    }

    /// From which version of its secrets to which, of a resource that shows no values and differs anyway.
    private func rotations(of declared: DeclaredResource, _ differences: [Difference]) -> [Difference] {
        guard differences.contains(where: \.isSensitive), let before = view.ledger?.versions else { return [] }
        return Set(declared.secretNames.map(\.source)).sorted().compactMap { source in
            guard let old = before[source], let new = book.versions[source], old != new else { return nil }
            return Difference(key: "secrets of \(source)", observed: .text(old), desired: .text(new))
        }
    }

    // MARK: One resource

    private func judge(_ declared: DeclaredResource) -> Judgement {
        if let resource = declared.resource as? any RoleResource { return judge(resource, declared) }
        let resource = declared.resource
        let desired: State?
        do throws(BindingError) {
            desired = try resource.desired(with: book, on: view.facts)
        } catch {
            return .blocked(.unknown, reason: error.description, possible: [])
        }
        let verdict = Comparison.verdict(
            observed: view.observation(of: declared, with: book), desired: desired, isSensitive: resource.isSensitive,
            creation: resource.creation)
        let possible: Set<ChangeAction> = desired == nil ? [.remove] : [resource.creation, .update]
        return switch verdict {
        case .same: .right(possible: possible)
        case .unknown(let reason): .blocked(.unknown, reason: reason, possible: possible)
        case .differs(let action, let differences): .differs(action, differences, from: nil, possible: possible)
        }
    }

    /// What every member shows of a resource, `nil` where that could not be asked.
    private func seen(_ declared: DeclaredResource) -> [(host: HostName, observation: Observation?)] {
        members.map { member in
            guard let peer = member.view, let twin = peer.desired.resources.first(where: { $0.id == declared.id })
            else {
                return (member.host, nil)
            }
            return (member.host, peer.observation(of: twin, with: book))
        }
    }

    private func notes(of declared: DeclaredResource) -> [String] {
        guard let resource = declared.resource as? any RoleResource else { return [] }
        return resource.notes(on: view.host, seen: seen(declared)).map { "\(declared.id): \($0)" }
    }

    private func judge(_ resource: any RoleResource, _ declared: DeclaredResource) -> Judgement {
        let seen = seen(declared)
        let decision =
            if let rotation, let keys = resource as? KeystoneKeysResource {
                keys.decision(on: view.host, seen: seen, rotating: rotation)
            } else {
                resource.decision(on: view.host, seen: seen)
            }
        switch decision {
        case .nothing: return .right(possible: resource.possibleActions)
        case .refused(let reason): return .blocked(.refused, reason: reason, possible: resource.possibleActions)
        case .unknown(let reason): return .blocked(.unknown, reason: reason, possible: resource.possibleActions)
        case .change(let action, let differences, let source, let confirm):
            return .differs(
                action, differences, from: source, possible: resource.possibleActions, confirm: confirm)
        case .knownAfter(let host, let after, let possible):
            guard host != view.host else {
                let later = PlannedChange.KnownAfter(
                    host: host, resource: after, possible: resource.possibleActions)
                return .later(later, Judgement.first(of: possible))
            }
            // What the other does for all leaves nothing to do here.
            let rest: Judgement =
                after == declared.id
                ? .right(possible: resource.possibleActions)
                : .later(
                    .init(host: host, resource: after, possible: resource.possibleActions),
                    Judgement.first(of: possible))
            return whatStopsWaiting(for: host, after) ?? rest
        }
    }

    /// What another member has to do first is waited for only if that one is changed before this host.
    private func whatStopsWaiting(for host: HostName, _ after: ResourceID) -> Judgement? {
        guard let provider = earlier.first(where: { $0.host == host }) else {
            return .blocked(
                .refused, reason: "\(after) has to be done on \(host) first, which is not changed before this host",
                possible: [])
        }
        return provider.obstacle.map { obstacle in
            .blocked(
                .refused,
                reason: "\(after) has to be done on \(host) first, where \(obstacle.resource) stands in the way",
                possible: [])
        }
    }
}

extension HostView {
    func observation(of declared: DeclaredResource, with book: SecretBook) -> Observation {
        declared.resource.observation(from: answers, on: facts, with: book)
    }
}
