package import Model
package import Resources

/// What was shown and agreed to. Everything that is executed is in it, or the run stops: steps reach a host only as
/// ``Admitted``, which nobody else can make.
///
/// A change is in it if the same resource of the same host was shown with the same action, asked for by the same recipe
/// text and the same versions of secrets; with no other difference than those that were shown; and, where all differences
/// are still there, with the very same steps. What was shown as "known after X" may become each action that was shown
/// with it, and no other.
package struct Approval: Sendable {
    private struct Place: Hashable, Sendable {
        var host: HostName
        var resource: ResourceID
    }
    private var changes: [Place: [PlannedChange]] = [:]
    private var settlements: [HostName: [Notification: String]] = [:]
    /// Differences are compared as they were shown.
    private let masker: Masker

    package init(_ plans: [RolePlan], maskedBy masker: Masker) {
        self.masker = masker
        for plan in plans.flatMap(\.hosts) {
            settlements[plan.host] = plan.settlements
            for change in plan.changes {
                changes[Place(host: plan.host, resource: change.resource), default: []].append(
                    change.masked(by: masker))
            }
        }
    }

    /// Why a change is not covered.
    package struct Objection: Error, Sendable, Hashable, CustomStringConvertible {
        package var host: HostName
        package var resource: ResourceID
        /// A phrase that goes behind the resource's name.
        package var reason: String
        package var description: String { "\(resource) of \(host) \(reason)" }
    }

    /// Groups that may be executed.
    package struct Admitted: Sendable {
        package let groups: [StepGroup]
        fileprivate init(_ groups: [StepGroup]) { self.groups = groups }
    }

    /// The groups of a plan, if all of them are covered. Their steps are made from their changes alone, so that what is
    /// right of each change is right of the group.
    package func admit(_ plan: HostPlan) throws(Objection) -> Admitted {
        for change in plan.groups.flatMap(\.changes) {
            if let objection = objection(to: change, on: plan.host) { throw objection }
        }
        return Admitted(plan.groups)
    }

    /// Everything that would be executed or may come of it and that is not covered.
    package func objections(to plans: [RolePlan]) -> [Objection] {
        plans.flatMap(\.hosts).flatMap { plan in
            plan.changes.compactMap { objection(to: $0, on: plan.host) }
        }
    }

    package func covers(_ plans: [RolePlan]) -> Bool { objections(to: plans).isEmpty }

    /// Changes that were shown as needed and that a later plan has no more.
    package func settled(in plans: [RolePlan]) -> [(host: HostName, change: PlannedChange)] {
        let seen = Set(plans.flatMap(\.hosts).map(\.host))
        let left = Set(
            plans.flatMap(\.hosts).flatMap { plan in
                plan.changes.filter(\.isExpected).map { Place(host: plan.host, resource: $0.resource) }
            })
        return changes.filter { seen.contains($0.key.host) && !left.contains($0.key) }
            .flatMap { place, shown in shown.filter(\.isExpected).map { (place.host, $0) } }
            .sorted { ($0.host, $0.change.resource) < ($1.host, $1.change.resource) }
    }

    // MARK: One change

    private func objection(to change: PlannedChange, on host: HostName) -> Objection? {
        func objection(_ reason: String) -> Objection {
            Objection(host: host, resource: change.resource, reason: reason)
        }
        let shown = changes[Place(host: host, resource: change.resource)] ?? []
        if let notification = change.settles, let agreed = settlements[host]?[notification] {
            return agreed == change.deed.recipe ? nil : objection("would be done with other steps than the plan says")
        }
        guard !shown.isEmpty else {
            return objection("now needs \(change.action.rawValue), which the plan does not have")
        }
        var nearest: String?
        for agreed in shown {
            // The masker may have learned something since it was shown.
            guard let reason = reason(against: change.masked(by: masker), agreed.masked(by: masker)) else { return nil }
            // With several changes of one resource, the one with the same action says most.
            if nearest == nil || agreed.action == change.action { nearest = reason }
        }
        return nearest.map(objection)
    }

    /// Why `change` is not what was agreed to; `nil` if it is.
    private func reason(against change: PlannedChange, _ agreed: PlannedChange) -> String? {
        let possible = change.possibleActions
        guard possible.isSubset(of: agreed.possibleActions) else {
            let rest = possible.subtracting(agreed.possibleActions).map(\.rawValue).sorted().joined(separator: " or ")
            let words = agreed.possibleActions.map(\.rawValue).sorted().joined(separator: " or ")
            return "now needs \(rest), where the plan says \(words)"
        }
        for (source, version) in change.deed.secrets.sorted(by: { $0.key < $1.key }) {
            guard let before = agreed.deed.secrets[source], before != version else { continue }
            return "would be made with version \(version) of secret \(source), where the plan says \(before)"
        }
        guard !change.deed.recipe.isEmpty, change.deed.recipe == agreed.deed.recipe,
            change.deed.secrets == agreed.deed.secrets
        else { return "is asked for otherwise than in the plan: its recipe or a parameter was changed" }
        // What was not known yet may be found in any way.
        if agreed.knownAfter != nil { return nil }
        for difference in change.differences where !agreed.differences.contains(where: difference.isShown(by:)) {
            return difference.reason(where: agreed.differences.first { $0.key == difference.key })
        }
        if change.source != agreed.source {
            return "now comes from \(text(change.source)), where the plan says \(text(agreed.source))"
        }
        if change.knownAfter == nil, change.differences.count == agreed.differences.count,
            change.deed.steps != agreed.deed.steps
        {
            return "would be done with other steps than the plan says"
        }
        return nil
    }

    private func text(_ host: HostName?) -> String { host?.rawValue ?? "nowhere" }
}

extension PlannedChange {
    /// Every action that it may turn out to be.
    package var possibleActions: Set<ChangeAction> { knownAfter?.possible ?? [action] }

    /// The restart or reload that this is.
    fileprivate var settles: Notification? {
        guard resource.kind == "service" else { return nil }
        return switch action {
        case .restart: Notification(.restart, UnitName(resource.identity))
        case .reload: Notification(.reload, UnitName(resource.identity))
        default: nil
        }
    }

    /// As it may be shown and kept.
    package func masked(by masker: Masker) -> PlannedChange {
        if masker.isEmpty { return self }
        var change = self
        change.differences = differences.map { $0.masked(by: masker) }
        return change
    }
}

extension Difference {
    /// Sensitive values are never shown, so nobody agreed to one rather than another; what they become is in the deed.
    fileprivate func isShown(by other: Difference) -> Bool {
        key == other.key && isSensitive == other.isSensitive
            && (isSensitive || observed == other.observed && desired == other.desired)
    }

    fileprivate func reason(where agreed: Difference?) -> String {
        guard let agreed else { return "now differs in \(key) too" }
        if isSensitive || agreed.isSensitive { return "differs otherwise in \(key) (sensitive)" }
        func text(_ value: StateValue?) -> String { value?.description ?? "nothing" }
        return observed == agreed.observed
            ? "would get \(key) \(text(desired)), where the plan says \(text(agreed.desired))"
            : "now has \(key) \(text(observed)), where the plan found \(text(agreed.observed))"
    }
}
