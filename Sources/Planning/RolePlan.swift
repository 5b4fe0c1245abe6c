package import Model
package import Resources

/// What a run will do to a role, host by host in rolling order. Pure data: the same value is shown, saved and executed.
package struct RolePlan: Sendable {
    package var role: RoleName
    package var hosts: [HostPlan]

    package init(role: RoleName, hosts: [HostPlan]) {
        self.role = role
        self.hosts = hosts
    }

    package subscript(host: HostName) -> HostPlan? { hosts.first { $0.host == host } }
    package var isEmpty: Bool { hosts.allSatisfy(\.isEmpty) }
}

/// What a run will do to one host.
package struct HostPlan: Sendable {
    package var host: HostName
    package var health: Health
    /// Everything that differs, in the order in which it is put right; also what can only be known later.
    package var changes: [PlannedChange]
    /// What is executed before the host must be looked at again. Never more than `changes` says.
    package var groups: [StepGroup]
    /// Resources that the ledger says we managed here and that no recipe declares any more.
    package var forgotten: [ResourceID]
    /// Why nothing can be done from a certain resource on.
    package var obstacle: Obstacle?
    /// Restarts and reloads that may come of this plan, with the digest of the steps that settle each.
    package var settlements: [Notification: String]
    /// What the operator shall know and no change says.
    package var notes: [String] = []

    package init(host: HostName, health: Health) {
        self.host = host
        self.health = health
        changes = []
        groups = []
        forgotten = []
        settlements = [:]
    }

    package struct Obstacle: Sendable, Hashable {
        package enum Cause: Sendable, Hashable {
            /// A probe failed: outcome failed.
            case unknown
            /// Members disagree, or a peer must be asked first: outcome refused.
            case refused
        }
        package var resource: ResourceID
        package var cause: Cause
        package var reason: String
    }

    /// Nothing to do and nothing in the way.
    package var isEmpty: Bool { changes.isEmpty && obstacle == nil }
    package var hasChanges: Bool { !changes.isEmpty }
    /// What cannot be known or decided stops the host before its first step: order is dependence.
    package var canBeChanged: Bool { hasChanges && obstacle == nil }
}

/// One line of a plan.
package struct PlannedChange: Sendable, Hashable {
    /// What must have been done before this can be known.
    package struct KnownAfter: Sendable, Hashable {
        package var host: HostName
        package var resource: ResourceID
        package var possible: Set<ChangeAction>

        package init(host: HostName, resource: ResourceID, possible: Set<ChangeAction>) {
            self.host = host
            self.resource = resource
            self.possible = possible
        }
    }

    package var resource: ResourceID
    package var action: ChangeAction
    package var differences: [Difference]
    package var notifies: [Notification]
    package var isSensitive: Bool
    package var source: HostName?
    package var knownAfter: KnownAfter?
    /// False for a resource that looks right now and may only be altered by what comes before it.
    package var isExpected: Bool
    /// What is really run.
    package var deed: Deed
    /// What an operator has to allow before it is done.
    package var confirm: PermissionName?

    package init(
        resource: ResourceID, action: ChangeAction, differences: [Difference] = [], notifies: [Notification] = [],
        isSensitive: Bool = false, source: HostName? = nil, knownAfter: KnownAfter? = nil, isExpected: Bool = true,
        deed: Deed = Deed(), confirm: PermissionName? = nil
    ) {
        self.deed = deed
        self.confirm = confirm
        self.resource = resource
        self.action = action
        self.differences = differences
        self.notifies = notifies
        self.isSensitive = isSensitive
        self.source = source
        self.knownAfter = knownAfter
        self.isExpected = isExpected
    }
}

/// Steps that are executed one after another and the changes that they make.
package struct StepGroup: Sendable {
    package var changes: [PlannedChange]
    package var steps: [HostStep]
    /// Its one step is a reboot: the session ends with it.
    package var reboot: RebootOrder?

    package init(changes: [PlannedChange], steps: [HostStep], reboot: RebootOrder? = nil) {
        self.changes = changes
        self.steps = steps
        self.reboot = reboot
    }
}
