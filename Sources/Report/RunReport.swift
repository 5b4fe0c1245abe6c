package import Model
package import Planning

/// What a run found and did: the one value that text, JSON and the journal are rendered from. Holds no secret.
package struct RunReport: Sendable {
    package var run: RunID
    /// `apply`, `plan`.
    package var command: String
    package var outcome: Outcome
    package var seconds: Double
    package var hosts: [HostReport]
    /// Things worth knowing that belong to no host.
    package var notes: [String]

    package init(
        run: RunID, command: String, outcome: Outcome, seconds: Double, hosts: [HostReport], notes: [String] = []
    ) {
        self.run = run
        self.command = command
        self.outcome = outcome
        self.seconds = seconds
        self.hosts = hosts
        self.notes = notes
    }
}

/// One host of a run.
package struct HostReport: Sendable {
    package var host: HostName
    package var role: RoleName
    /// `nil` when the zone has no address.
    package var address: Address?
    package var zone: AvailabilityZone?
    package var ending: Ending
    package var seconds: Double
    /// What was planned (`plan`) or done (`apply`).
    package var changes: [ReportedChange]
    /// Things worth knowing: the ledger's forgotten resources, why the host may be changed.
    package var notes: [String]
    /// The end of a failed step's output, masked.
    package var tail: String?
    /// Gates that are asked after it was changed; only of hosts that have something to do.
    package var gates: [ReportedGate] = []
    /// What its role needs of others: `after rabbitmq`, `uses frontend`.
    package var needs: [String] = []

    package init(
        host: HostName, role: RoleName, address: Address?, zone: AvailabilityZone?, ending: Ending, seconds: Double = 0,
        changes: [ReportedChange] = [], notes: [String] = [], tail: String? = nil
    ) {
        self.host = host
        self.role = role
        self.address = address
        self.zone = zone
        self.ending = ending
        self.seconds = seconds
        self.changes = changes
        self.notes = notes
        self.tail = tail
    }
}

/// A gate that will be asked.
package struct ReportedGate: Sendable, Hashable {
    /// `http http://10.1.128.11:8080/`
    package var label: String
    package var scope: Gate.Scope
    package var vantage: Gate.Vantage
    /// The gate's own words for what is not ordinary about it.
    package var circumstances: String?

    package init(_ gate: Gate) {
        label = gate.label
        scope = gate.scope
        vantage = gate.vantage
        circumstances = gate.circumstances
    }
}

/// A change with its text diff, if it has one that may be shown.
package struct ReportedChange: Sendable, Hashable {
    package var change: PlannedChange
    /// Unified diff of the content; `nil` for what is sensitive, not text, or not known.
    package var diff: String?
    /// Why there is no diff of a content that changes: `binary`.
    package var diffOmission: String?

    package init(_ change: PlannedChange, diff: String? = nil) {
        self.change = change
        self.diff = diff
    }
}
