internal import Compile
internal import Model
internal import Resources

/// A change whose steps can be made now.
struct Pending {
    var declared: DeclaredResource
    var change: PlannedChange
    var observed: Observation
}

extension HostStep {
    /// Puts the notes of what the step's change owes before everything that it does.
    fileprivate mutating func note(_ notifications: [Notification]) {
        let owed = Set(notifications).sorted { $0.noteName < $1.noteName }
        if !owed.isEmpty { script = OwedNotes.prelude(for: owed) + script }
    }
}

extension StepGroup {
    /// Neighbouring changes of one kind form a group, so that packages are one transaction. What a group's changes owe is
    /// noted before it: by its own step where each change has one, else by the group's first.
    static func groups(of pending: [Pending], on view: HostView) -> [StepGroup] {
        var groups: [StepGroup] = []
        var rest = pending[...]
        while let first = rest.first {
            let kind = type(of: first.declared.resource)
            let run = Array(rest.prefix { ObjectIdentifier(type(of: $0.declared.resource)) == ObjectIdentifier(kind) })
            rest = rest.dropFirst(run.count)
            var steps = steps(kind, run, on: view.facts)
            if !steps.isEmpty, steps.allSatisfy({ $0.changes != nil }) {
                for (index, step) in steps.enumerated() {
                    steps[index].note(run[step.changes ?? 0..<0].flatMap(\.change.notifies))
                }
            } else if steps.count == run.count {
                for (index, pending) in run.enumerated() { steps[index].note(pending.change.notifies) }
            } else if !steps.isEmpty {
                steps[0].note(run.flatMap(\.change.notifies))
            }
            groups.append(StepGroup(changes: run.map(\.change), steps: steps))
        }
        return groups
    }

    /// What this change alone takes.
    static func steps(of pending: Pending, on view: HostView) -> [HostStep] {
        groups(of: [pending], on: view).flatMap(\.steps)
    }

    private static func steps<Kind: ResourceKind>(
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
}
