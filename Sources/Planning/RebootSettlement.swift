internal import Compile
internal import Model
internal import Resources

/// Whether this run may reboot hosts.
package enum RebootPermission: Sendable, Hashable {
    /// What is owed is said and stays owed.
    case notGiven
    case given
    /// It was given and cannot be used.
    case impossible(String)
}

/// The reboot that a host owes: by a note, by what the host says, by the changes of a plan.
struct RebootSettlement {
    let view: HostView
    let permission: RebootPermission

    /// Comes after all else, restarts too. Without permission the plan only says it.
    func settle(_ plan: inout HostPlan, book: SecretBook) {
        guard let declared = view.desired.resources.first(where: { $0.resource is RebootResource }),
            let reboot = declared.resource as? RebootResource
        else { return }
        var reasons = view.owed.contains(.reboot) ? ["a change was made that takes effect with it"] : []
        var doubt: String?
        switch reboot.observation(from: view.answers, on: view.facts) {
        case .present(let state):
            if case .list(let owed)? = state["owed"] { reasons += owed }
        case .absent: break
        case .unknown(let reason): doubt = reason
        }
        let others = plan.changes
        let causes = others.filter { $0.notifies.contains(.reboot) }
        if let cause = causes.first(where: \.isExpected), reasons.isEmpty { reasons = ["for \(cause.resource)"] }
        if let doubt { plan.notes.append(doubt) }
        guard !reasons.isEmpty else {
            // A package that is installed may bring it.
            if permission == .given, let cause = causes.first ?? others.first {
                plan.changes.append(
                    change(declared, book, after: .init(host: view.host, resource: cause.resource, possible: [.reboot]))
                )
            }
            return
        }
        let owed = "a reboot is owed: " + reasons.joined(separator: "; ")
        switch permission {
        case .notGiven: plan.notes.append("\(owed); not done, --reboot-if-owed does it")
        case .impossible(let why):
            plan.obstacle = plan.obstacle ?? .init(resource: declared.id, cause: .refused, reason: "\(owed); \(why)")
            plan.groups = []
        case .given:
            plan.notes.append(owed)
            let change = change(declared, book, after: nil)
            plan.changes.append(change)
            if others.isEmpty, plan.obstacle == nil {
                plan.groups.append(
                    StepGroup(
                        changes: [change], steps: steps,
                        reboot: RebootOrder(bootID: view.facts.bootID, deadline: reboot.deadline)))
            }
        }
    }

    private var steps: [HostStep] { [RebootResource.request(on: view.facts)] }

    private func change(
        _ declared: DeclaredResource, _ book: SecretBook, after: PlannedChange.KnownAfter?
    ) -> PlannedChange {
        var deed = Deed(declared, book)
        if after == nil { deed.steps = Deed.digest(of: steps) }
        return PlannedChange(
            resource: declared.id, action: .reboot, knownAfter: after, isExpected: after == nil, deed: deed)
    }
}

/// What turns a group's step into a reboot that is waited for.
package struct RebootOrder: Sendable, Hashable {
    /// The boot that has to be over.
    package var bootID: String
    /// From the request until the host has booted.
    package var deadline: Duration

    package init(bootID: String, deadline: Duration) {
        self.bootID = bootID
        self.deadline = deadline
    }
}
