internal import Compile
package import Model
internal import Resources

/// Computes what must change on the members of a role from what all of them show. Pure: the same views give the same plan.
package struct RolePlanner: Sendable {
    private let book: SecretBook

    package init(book: SecretBook) { self.book = book }

    /// `members` in rolling order, all of them, also those that are not to be changed: peers count.
    package func plan(_ role: RoleName, members: [MemberView], changing: (HostName) -> Bool = { _ in true }) -> RolePlan {
        RolePlan(
            role: role,
            hosts: members.compactMap(\.view).filter { changing($0.host) }.map { plan($0, members: members) })
    }

    func plan(_ view: HostView, members: [MemberView]) -> HostPlan {
        var draft = HostPlan(host: view.host, health: view.health)
        var pending: [Pending] = []
        /// The first change that may alter anything after it.
        var influencer: DeclaredResource?
        var previous: DeclaredResource?

        for declared in view.desired.resources {
            var planned = judge(declared, on: view, members: members)
            // A transaction that is still being collected influences what comes after it, not its own parts.
            let isSameTransaction = influencer.map { $0.isInOneTransaction(with: declared) } ?? false
            let isNeighbour = previous.map { $0.isInOneTransaction(with: declared) } ?? false
            previous = declared
            if let influencer, !(isSameTransaction && isNeighbour) {
                planned = planned.deferred(after: influencer.id, on: view.host)
            }
            switch planned {
            case .nothing, .unchanged: continue
            case .obstacle(let obstacle):
                draft.obstacle = draft.obstacle ?? obstacle
            case .change(let change):
                draft.changes.append(change)
                if change.knownAfter != nil || draft.obstacle != nil { continue }
                pending.append(Pending(declared: declared, change: change, observed: view.observation(of: declared)))
                if declared.resource.influence == .anything { influencer = influencer ?? declared }
            }
        }
        draft.groups = groups(pending, on: view)
        settleOwed(&draft, view)
        draft.forgotten = forgotten(view)
        return draft
    }

    // MARK: One resource

    private enum Judgement {
        case nothing
        case obstacle(HostPlan.Obstacle)
        case change(PlannedChange)
        /// Looks right, and could be altered by what comes before it.
        case unchanged(ResourceID, possible: Set<ChangeAction>, notifies: [Notification], isSensitive: Bool)

        /// The same, after an earlier resource of the host that may alter anything.
        func deferred(after influencer: ResourceID, on host: HostName) -> Judgement {
            switch self {
            case .nothing: return self
            case .obstacle(let obstacle):
                let later = PlannedChange.KnownAfter(
                    host: host, resource: influencer, possible: Set(ChangeAction.allCases))
                return .change(
                    PlannedChange(resource: obstacle.resource, action: .update, knownAfter: later, isExpected: false))
            case .change(var change):
                let possible = change.knownAfter?.possible ?? HostPlan.alternatives(to: change.action)
                change.knownAfter = .init(host: host, resource: influencer, possible: possible)
                return .change(change)
            case .unchanged(let id, let possible, let notifies, let isSensitive):
                return .change(
                    PlannedChange(
                        resource: id, action: possible.min { $0.rawValue < $1.rawValue } ?? .update, notifies: notifies,
                        isSensitive: isSensitive,
                        knownAfter: .init(host: host, resource: influencer, possible: possible), isExpected: false))
            }
        }
    }

    private func judge(_ declared: DeclaredResource, on view: HostView, members: [MemberView]) -> Judgement {
        if let resource = declared.resource as? any RoleResource {
            return judge(resource, declared, on: view, members: members)
        }
        let resource = declared.resource
        let desired: State?
        do {
            desired = try resource.desired(with: book, on: view.facts)
        } catch {
            return .obstacle(.init(resource: declared.id, cause: .unknown, reason: error.description))
        }
        let verdict = Comparison.verdict(
            observed: view.observation(of: declared), desired: desired, isSensitive: resource.isSensitive,
            creation: resource.creation)
        switch verdict {
        case .same:
            let possible: Set<ChangeAction> = desired == nil ? [.remove] : [resource.creation, .update]
            return .unchanged(
                declared.id, possible: possible, notifies: declared.notifies, isSensitive: resource.isSensitive)
        case .unknown(let reason):
            return .obstacle(.init(resource: declared.id, cause: .unknown, reason: reason))
        case .differs(let action, let differences):
            return .change(
                PlannedChange(
                    resource: declared.id, action: action, differences: differences, notifies: declared.notifies,
                    isSensitive: resource.isSensitive))
        }
    }

    private func judge(
        _ resource: any RoleResource, _ declared: DeclaredResource, on view: HostView, members: [MemberView]
    ) -> Judgement {
        let seen = members.map { member -> (host: HostName, observation: Observation?) in
            guard let peer = member.view, let twin = peer.desired.resources.first(where: { $0.id == declared.id }) else {
                return (member.host, nil)
            }
            return (member.host, peer.observation(of: twin))
        }
        switch resource.decision(on: view.host, seen: seen) {
        case .nothing:
            return .unchanged(
                declared.id, possible: resource.possibleActions, notifies: declared.notifies,
                isSensitive: resource.isSensitive)
        case .refused(let reason):
            return .obstacle(.init(resource: declared.id, cause: .refused, reason: reason))
        case .unknown(let reason):
            return .obstacle(.init(resource: declared.id, cause: .unknown, reason: reason))
        case .change(let action, let differences, let source):
            return .change(
                PlannedChange(
                    resource: declared.id, action: action, differences: differences, notifies: declared.notifies,
                    isSensitive: resource.isSensitive, source: source))
        case .knownAfter(let host, let after, let possible):
            return .change(
                PlannedChange(
                    resource: declared.id, action: possible.min { $0.rawValue < $1.rawValue } ?? .transfer,
                    notifies: declared.notifies, isSensitive: resource.isSensitive,
                    knownAfter: .init(host: host, resource: after, possible: possible)))
        }
    }

    // MARK: Steps

    private struct Pending {
        var declared: DeclaredResource
        var change: PlannedChange
        var observed: Observation
    }

    /// Neighbouring changes of one kind form a group, so that packages are one transaction.
    private func groups(_ pending: [Pending], on view: HostView) -> [StepGroup] {
        var groups: [StepGroup] = []
        var rest = pending[...]
        while let first = rest.first {
            let kind = type(of: first.declared.resource)
            let run = rest.prefix { ObjectIdentifier(type(of: $0.declared.resource)) == ObjectIdentifier(kind) }
            rest = rest.dropFirst(run.count)
            var steps = makeSteps(kind, Array(run), on: view.facts)
            let owed = Set(run.flatMap(\.change.notifies)).sorted { $0.noteName < $1.noteName }
            if !owed.isEmpty, !steps.isEmpty {
                steps[0].script = OwedNotes.prelude(for: owed) + steps[0].script
            }
            groups.append(StepGroup(changes: run.map(\.change), steps: steps))
        }
        return groups
    }

    private func makeSteps<Kind: ResourceKind>(
        _ kind: Kind.Type, _ run: [Pending], on facts: HostFacts
    ) -> [HostStep] {
        kind.steps(
            for: run.compactMap { pending in
                (pending.declared.resource as? Kind).map { resource in
                    Change(
                        resource: resource, action: pending.change.action, observed: pending.observed,
                        differences: pending.change.differences, source: pending.change.source)
                }
            }, on: facts)
    }

    // MARK: Restarts and reloads

    /// Adds what is owed: by notes on the host and by the changes of this plan. It is executed when nothing else is left,
    /// so that a service sees all its new files at once.
    private func settleOwed(_ plan: inout HostPlan, _ view: HostView) {
        let services = view.desired.resources.compactMap { $0.resource as? any RunningService }
        // A service that shall be started by this plan reads its files then; what its start leaves owed is known after.
        let starting = Set(
            plan.changes.compactMap { change in
                change.differences.contains { $0.key == "running" && $0.desired == true }
                    ? services.first { $0.id == change.resource }?.unit : nil
            })
        var owed = Set(view.owed)
        for change in plan.changes where change.isExpected {
            owed.formUnion(change.notifies.filter { !starting.contains($0.unit) })
        }
        let others = plan.changes
        let mayCome = Set(plan.changes.flatMap(\.notifies)).subtracting(owed)
        for notification in owed.sorted(by: { $0.noteName < $1.noteName }) {
            // A restart does what a reload does, and a fresh start reads every file.
            if notification.action == .reload, owed.contains(Notification(.restart, notification.unit)) { continue }
            let service = services.first { $0.unit == notification.unit }
            let change = PlannedChange(
                resource: ResourceID(kind: "service", identity: notification.unit.rawValue),
                action: notification.action == .restart ? .restart : .reload)
            plan.changes.append(change)
            if others.isEmpty, plan.obstacle == nil {
                plan.groups.append(
                    StepGroup(changes: [change], steps: [OwedNotes.settle(notification, service: service)]))
            }
        }
        for notification in mayCome.sorted(by: { $0.noteName < $1.noteName }) {
            guard let first = others.first(where: { $0.notifies.contains(notification) })?.resource else { continue }
            let action: ChangeAction = notification.action == .restart ? .restart : .reload
            plan.changes.append(
                PlannedChange(
                    resource: ResourceID(kind: "service", identity: notification.unit.rawValue), action: action,
                    knownAfter: .init(host: view.host, resource: first, possible: [action]), isExpected: false))
        }
    }

    private func forgotten(_ view: HostView) -> [ResourceID] {
        (view.ledger ?? []).subtracting(view.desired.resources.map(\.id)).sorted()
    }
}

extension DeclaredResource {
    fileprivate func isInOneTransaction(with other: DeclaredResource) -> Bool {
        let kind = type(of: resource)
        return kind.isTransaction && ObjectIdentifier(kind) == ObjectIdentifier(type(of: other.resource))
    }
}

extension HostView {
    func observation(of declared: DeclaredResource) -> Observation {
        declared.resource.observation(from: answers, on: facts)
    }
}

extension HostPlan {
    /// What a change may turn into when something that may alter anything comes before it.
    static func alternatives(to action: ChangeAction) -> Set<ChangeAction> {
        switch action {
        case .create, .update: [.create, .update]
        case .remove: [.remove]
        case .run: [.run, .update]
        case .transfer: [.transfer, .update]
        case .restart, .reload: [action]
        }
    }
}
