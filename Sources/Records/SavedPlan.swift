package import Model
package import Planning

/// A plan as it is kept for `apply FILE`: what would be done, to which machines, and from what it was made. Holds no secret,
/// and nothing from which one could be told: no digest and no length.
package struct SavedPlan: Sendable, Hashable {
    /// Who made it, when and with what.
    package struct Origin: Sendable, Hashable {
        package var run: RunID
        /// RFC 3339, UTC.
        package var at: String
        package var by: String
        package var on: String
        package var tool: String

        package init(run: RunID, at: String, by: String, on: String, tool: String) {
            self.run = run
            self.at = at
            self.by = by
            self.on = on
            self.tool = tool
        }
    }

    /// What it was made from.
    package struct Inputs: Sendable, Hashable {
        package var fleet: String
        /// Absolute paths.
        package var inventory: String
        package var roles: String
        /// SHA-256 of every file of the recipes, by its path below the folder of roles, and of the inventory, by its name.
        package var files: [String: String]

        package init(fleet: String, inventory: String, roles: String, files: [String: String]) {
            self.fleet = fleet
            self.inventory = inventory
            self.roles = roles
            self.files = files
        }

        /// The names of files that are not the same in both.
        package func changedFiles(to other: Inputs) -> [String] {
            Set(files.keys).union(other.files.keys).filter { files[$0] != other.files[$0] }.sorted()
        }
    }

    package struct Choice: Sendable, Hashable {
        package var roles: [RoleName]
        package var hosts: [HostName]
        package var zone: AvailabilityZone?
        package var all: Bool

        package init(roles: [RoleName], hosts: [HostName], zone: AvailabilityZone?, all: Bool) {
            self.roles = roles
            self.hosts = hosts
            self.zone = zone
            self.all = all
        }
    }

    /// One member of a role that the plan looked at, whether or not it may be changed.
    package struct Host: Sendable, Hashable {
        package var host: HostName
        package var role: RoleName
        package var address: Address
        /// The fingerprint of its host key; `nil` if it was not reached, or not over SSH.
        package var key: String?
        /// Digest of its gates and of how its role is changed; `nil` if it was not reached.
        package var terms: String?
        /// The selection covers it.
        package var isSelected: Bool
        package var ending: Ending
        package var changes: [PlannedChange]
        package var settlements: [Notification: String]

        package init(
            host: HostName, role: RoleName, address: Address, key: String?, terms: String?, isSelected: Bool,
            ending: Ending, changes: [PlannedChange], settlements: [Notification: String]
        ) {
            self.host = host
            self.role = role
            self.address = address
            self.key = key
            self.terms = terms
            self.isSelected = isSelected
            self.ending = ending
            self.changes = changes
            self.settlements = settlements
        }
    }

    package var origin: Origin
    package var inputs: Inputs
    package var choice: Choice
    /// Big files were read whole.
    package var isDeep: Bool
    /// Source -> version.
    package var secrets: [String: String]
    /// In the order in which they are changed.
    package var hosts: [Host]

    package init(
        origin: Origin, inputs: Inputs, choice: Choice, isDeep: Bool, secrets: [String: String], hosts: [Host]
    ) {
        self.origin = origin
        self.inputs = inputs
        self.choice = choice
        self.isDeep = isDeep
        self.secrets = secrets
        self.hosts = hosts
    }

    /// What it agrees to.
    package func approval(maskedBy masker: Masker) -> Approval {
        Approval(
            hosts.map { host in
                var plan = HostPlan(host: host.host, health: .unknown("as it was planned"))
                plan.changes = host.changes
                plan.settlements = host.settlements
                return RolePlan(role: host.role, hosts: [plan])
            }, maskedBy: masker)
    }
}
