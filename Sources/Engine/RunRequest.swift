package import Model
package import Records
package import Report
package import Resources

/// One call of `plan` or `apply`, parsed.
package struct RunRequest: Sendable {
    package var selection: Selection
    package var changesHosts: Bool
    /// Asked before the first change; gets the plan's hosts as they will be shown. `nil` = agreed beforehand (`--yes`).
    package var confirm: (@Sendable ([HostReport]) async -> Bool)?
    package var controller: Controller
    /// Big files are read whole, whatever the host's marks say of them.
    package var isDeep = false
    /// Every secret is tried at the service that holds it, whatever the hosts' marks say of them.
    package var verifiesSecrets = false
    /// Which files' lines are shown.
    package var diffs = ContentDiffs.Extent.updates
    /// Do this plan, and nothing else; it is the approval.
    package var saved: SavedPlan?
    /// Hosts that owe a reboot are rebooted.
    package var rebootsIfOwed = false
    /// Keys are rotated, and nothing else is changed.
    package var rotation: KeyRotation?
    /// Gets the plan to be kept.
    package var keep: (@Sendable (SavedPlan) -> Void)?
    /// Points of no return, and interruptions, that the operator allowed by name.
    package var allowed: Set<PermissionName>

    package init(
        selection: Selection, changesHosts: Bool, confirm: (@Sendable ([HostReport]) async -> Bool)?,
        controller: Controller, allowed: Set<PermissionName> = []
    ) {
        self.allowed = allowed
        self.selection = selection
        self.changesHosts = changesHosts
        self.confirm = confirm
        self.controller = controller
    }
}

extension RunRequest {
    /// What the report calls it.
    var command: String { rotation != nil ? "rotate" : changesHosts ? "apply" : "plan" }
}

/// Who runs this, and where it keeps its records.
package struct Controller: Sendable {
    package var owner: String
    package var hostname: String
    package var environment: [String: String]
    package var stateFolder: String
    /// Of this program.
    package var version = ""

    package init(owner: String, hostname: String, environment: [String: String], stateFolder: String) {
        self.owner = owner
        self.hostname = hostname
        self.environment = environment
        self.stateFolder = stateFolder
    }
}
