internal import Model

/// Everything that expressions on one host can see beside the parameters of their role.
struct Surroundings {
    let inventory: Inventory
    let host: HostName
    let facts: HostFacts
    let family: HostFacts.OSFamily
    let placements: [HostName: Placement]
    /// Set while `check` looks for names that nobody uses.
    let usage: Usage?

    /// The role of every host of the fleet and its number in it, from 1.
    let seats: Seats
    typealias Seats = [HostName: (role: RoleName, index: Int)]

    static func seats(in inventory: Inventory) -> Seats {
        inventory.roles.reduce(into: [:]) { seats, membership in
            for (index, host) in membership.hosts.enumerated() { seats[host] = (membership.role, index + 1) }
        }
    }

    static let names = ["host", "fleet", "zone", "os", "machine"]
    /// What the names that are no hosts have, whether this host tells it or not.
    static let attributes: [String: [String]] = [
        "fleet": ["name"], "zone": ["name"], "os": ["family", "release", "architecture", "systemd", "selinux"],
        "machine": ["memory", "cpus", "container", "vendor"],
    ]

    func value(of name: String) -> Value? {
        switch name {
        case "host": .record(.host(host))
        case "fleet": .record(.plain(name: "fleet", ["name": .text(inventory.fleet)]))
        case "zone": .record(.plain(name: "zone", ["name": .text(inventory.zone.name)]))
        case "os":
            .record(
                .plain(
                    name: "os",
                    Self.known([
                        "family": .text(family.rawValue), "release": .text(facts.osVersion),
                        "architecture": .text(facts.architecture), "systemd": facts.systemdVersion.map { .number($0) },
                        "selinux": facts.selinux.map { .text($0.rawValue) },
                    ])))
        case "machine":
            .record(
                .plain(
                    name: "machine",
                    Self.known([
                        "memory": facts.memory.map { .number($0) }, "cpus": facts.cpus.map { .number($0) },
                        "container": facts.container.map { .text($0) }, "vendor": facts.vendor.map { .text($0) },
                    ])))
        default: nil
        }
    }

    private static func known(_ values: [String: Value?]) -> [String: Value] { values.compactMapValues { $0 } }

    var ownAddress: Address? {
        usage?.placed.insert(host)
        return placements[host]?.address
    }

    /// `nil` if the host has no known address or zone.
    func value(of attribute: HostAttribute, of host: HostName) -> Value? {
        switch attribute {
        case .name: return .text(host.rawValue)
        case .fqdn: return .text(inventory.fullyQualified(host))
        case .role: return seats[host].map { .text($0.role.rawValue) }
        case .index: return seats[host].map { .number($0.index) }
        case .address:
            usage?.placed.insert(host)
            return placements[host].map { .text($0.address.description) }
        case .az:
            usage?.placed.insert(host)
            return placements[host].map { .text($0.availabilityZone.rawValue) }
        }
    }
}

/// What expressions made use of; filled during `check`, by one thread.
final class Usage {
    /// Parameters that some text of the role names.
    var parameters: [RoleName: Set<String>] = [:]
    /// Hosts whose address or availability zone was asked for.
    var placed: Set<HostName> = []
    /// Files below templates/ and files/.
    var files: Set<String> = []
    /// Roles whose hosts were asked for, by the role that asks.
    var roles: [RoleName: Set<RoleName>] = [:]
    /// Something depends on more of a host than its OS family, so that one record of facts does not show everything.
    var asksFacts = false

    func formUnion(_ other: Usage) {
        parameters.merge(other.parameters) { $0.union($1) }
        roles.merge(other.roles) { $0.union($1) }
        files.formUnion(other.files)
    }
}
