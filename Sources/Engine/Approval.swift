internal import Model
internal import Planning
internal import Resources

/// What the operator saw and agreed to. Everything that is executed is in it, or the run stops.
struct Approval: Sendable {
    private struct Key: Hashable {
        var host: HostName
        var resource: ResourceID
        var action: ChangeAction
    }
    private var allowed: Set<Key> = []

    init(_ plans: [RolePlan]) {
        for plan in plans {
            for host in plan.hosts {
                for change in host.changes {
                    for action in change.possibleActions {
                        allowed.insert(Key(host: host.host, resource: change.resource, action: action))
                    }
                    // What a change owes is part of what was shown with it.
                    for owed in change.notifies {
                        let service = ResourceID(kind: "service", identity: owed.unit.rawValue)
                        let action: ChangeAction = owed.action == .restart ? .restart : .reload
                        allowed.insert(Key(host: host.host, resource: service, action: action))
                    }
                }
            }
        }
    }

    /// Whether it was shown, with everything that it may become.
    func covers(_ change: PlannedChange, on host: HostName) -> Bool {
        change.possibleActions.allSatisfy { allowed.contains(Key(host: host, resource: change.resource, action: $0)) }
    }

    /// The first change that is about to be executed and that was not shown.
    func stranger(in plan: HostPlan) -> PlannedChange? {
        plan.groups.flatMap(\.changes).first { !covers($0, on: plan.host) }
    }

    /// What lies outside of what was approved, now or later, as a phrase.
    func firstStranger(in plans: [RolePlan]) -> String? {
        for plan in plans {
            for host in plan.hosts {
                guard let change = host.changes.first(where: { !covers($0, on: host.host) }) else { continue }
                return "\(change.resource) of \(host.host) now needs \(change.action.rawValue)"
            }
        }
        return nil
    }

    /// Nothing that would be executed or may come of it lies outside of what was approved.
    func covers(_ plans: [RolePlan]) -> Bool { firstStranger(in: plans) == nil }
}

extension PlannedChange {
    fileprivate var possibleActions: Set<ChangeAction> { knownAfter?.possible ?? [action] }
}
