import ArgumentParser
import Engine
import Model
import Records

/// Which hosts.
struct SelectionOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("Hosts of this role. May be repeated.", valueName: "role"))
    var role: [String] = []

    @Option(
        name: .long, help: ArgumentHelp("Only this host. Its peers still count. May be repeated.", valueName: "host"))
    var host: [String] = []

    @Option(name: .long, help: ArgumentHelp("Only hosts of this availability zone.", valueName: "zone"))
    var az: String?

    @Flag(name: .long, help: "Every role of the inventory.")
    var all = false

    var selection: Selection {
        // Host names are lower case in the zone, whatever the operator types.
        Selection(
            roles: role.map { RoleName($0) }, hosts: host.map { HostName($0.lowercased()) },
            zone: az.map { AvailabilityZone($0) }, all: all)
    }
}

/// Which fleet.
struct FleetOptions: ParsableArguments {
    @Option(name: .long, help: "Folder with inventory.yaml. Default: $CSO_INVENTORY, else Inventory/prod-ha.")
    var inventory: String?

    @Option(name: .long, help: "Folder with one folder a role. Default: $CSO_ROLES, else Roles.")
    var roles: String?

    /// A saved plan's own folders come before those of the environment.
    func load(_ controller: Controller, _ saved: SavedPlan.Inputs? = nil) throws(Diagnostics) -> Fleet {
        try Fleet.load(
            roles: roles ?? saved?.roles ?? controller.environment["CSO_ROLES"] ?? "Roles",
            inventory: inventory ?? saved?.inventory ?? controller.environment["CSO_INVENTORY"]
                ?? "Inventory/prod-ha",
            environment: controller.environment)
    }
}

/// How closely hosts are looked at.
struct LookOptions: ParsableArguments {
    @Flag(name: .long, help: "Read files over 16 MB whole, whatever the host's marks say of them.")
    var deep = false

    @Flag(
        name: .long,
        help: "Try every password at the service that holds it, also those that were proved and have not changed since."
    )
    var verifySecrets = false

    @Flag(
        inversion: .prefixedNo,
        help: """
            Show the lines that change in files that are not sensitive; with --diff also those of new and removed files, \
            and in JSON. Default: of changed files, in text.
            """)
    var diff: Bool?
}

/// What hosts may be put through.
struct RebootOptions: ParsableArguments {
    @Flag(
        name: .customLong("reboot-if-owed"),
        help: "Reboot hosts that owe it, one at a time, after their other changes. Without it a plan only says so.")
    var rebootIfOwed = false
}

/// How results are shown.
struct OutputOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

    @Option(name: .long, help: "text, or json: one document on standard output.")
    var output: Format = .text

    @Flag(name: .shortAndLong, help: "Also show what may come of changes, and what steps print.")
    var verbose = false
}
