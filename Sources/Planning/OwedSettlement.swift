internal import Compile
internal import Model
internal import Resources

/// Restarts and reloads: those that are owed by notes on the host and by the changes of a plan, and those that may come.
struct OwedSettlement {
    private let view: HostView
    private let services: [any RunningService]

    init(view: HostView) {
        self.view = view
        services = view.desired.resources.compactMap { $0.resource as? any RunningService }
    }

    /// Adds what is owed. It is executed when nothing else is left, so that a service sees all its new files at once.
    func settle(_ plan: inout HostPlan) {
        let others = plan.changes
        // A service that is started by this plan reads its files then, and its start strikes off what is owed.
        let starting = Dictionary(
            others.compactMap { change in started(by: change).map { ($0, change.resource) } },
            uniquingKeysWith: { first, _ in first })
        // Reboots are settled by ``RebootSettlement``.
        let noted = view.owed.filter { $0 != .reboot }
        var owed = Set(noted).filter { starting[$0.unit] == nil }
        for change in others where change.isExpected {
            owed.formUnion(change.notifies.filter { $0 != .reboot && starting[$0.unit] == nil })
        }
        for notification in sorted(owed) {
            // A restart does what a reload does, and a fresh start reads every file.
            if notification.action == .reload, owed.contains(Notification(.restart, notification.unit)) { continue }
            let change = change(for: notification)
            plan.changes.append(change)
            if others.isEmpty, plan.obstacle == nil {
                plan.groups.append(StepGroup(changes: [change], steps: [step(for: notification)]))
            }
        }
        let mayBeOwed = Set(noted + others.flatMap(\.notifies).filter { $0 != .reboot })
        for notification in mayBeOwed {
            plan.settlements[notification] = Deed(settling: step(for: notification)).recipe
        }
        let mayCome = mayBeOwed.subtracting(owed)
        for notification in sorted(mayCome) {
            let cause = others.first { $0.notifies.contains(notification) }?.resource
            guard let first = starting[notification.unit] ?? cause else { continue }
            plan.changes.append(change(for: notification, after: first))
        }
    }

    /// The unit that a change starts.
    private func started(by change: PlannedChange) -> UnitName? {
        guard change.differences.contains(where: { $0.key == "running" && $0.desired == true }) else { return nil }
        return services.first { $0.id == change.resource }?.unit
    }

    private func step(for notification: Notification) -> HostStep {
        OwedNotes.settle(notification, service: services.first { $0.unit == notification.unit })
    }

    private func change(for notification: Notification, after cause: ResourceID? = nil) -> PlannedChange {
        let action: ChangeAction = notification.action == .restart ? .restart : .reload
        return PlannedChange(
            resource: ResourceID(kind: "service", identity: notification.unit.rawValue), action: action,
            knownAfter: cause.map { .init(host: view.host, resource: $0, possible: [action]) },
            isExpected: cause == nil, deed: Deed(settling: step(for: notification)))
    }

    private func sorted(_ notifications: Set<Notification>) -> [Notification] {
        notifications.sorted { $0.noteName < $1.noteName }
    }
}
