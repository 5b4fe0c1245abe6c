package import Model
package import Records

/// What the operator asked for on the command line.
package struct Selection: Sendable, Hashable {
    package var roles: [RoleName]
    package var hosts: [HostName]
    package var zone: AvailabilityZone?
    package var all: Bool

    package init(roles: [RoleName] = [], hosts: [HostName] = [], zone: AvailabilityZone? = nil, all: Bool = false) {
        self.roles = roles
        self.hosts = hosts
        self.zone = zone
        self.all = all
    }

    package init(_ choice: SavedPlan.Choice) {
        self.init(roles: choice.roles, hosts: choice.hosts, zone: choice.zone, all: choice.all)
    }

    package var isEmpty: Bool { roles.isEmpty && hosts.isEmpty && zone == nil && !all }

    /// The roles that are looked at: peers count, so always with all their members.
    package func roles(in inventory: Inventory) throws(Diagnostics) -> [RoleName] {
        var problems: [Diagnostic] = []
        for role in roles where inventory.membership(of: role) == nil {
            problems.append(unknown("role", role.rawValue, inventory.roles.map(\.role.rawValue)))
        }
        let members = inventory.roles.flatMap(\.hosts)
        for host in hosts where !members.contains(host) {
            problems.append(unknown("host", host.rawValue, members.map(\.rawValue)))
        }
        if let zone, !inventory.azOrder.contains(zone) {
            problems.append(unknown("availability zone", zone.rawValue, inventory.azOrder.map(\.rawValue)))
        }
        for host in hosts where !roles.isEmpty {
            if let owner = inventory.roles.first(where: { $0.hosts.contains(host) }), !roles.contains(owner.role) {
                problems.append(
                    Diagnostic(
                        "\(host) is a member of \(owner.role), not of \(roles.map(\.rawValue).joined(separator: ", "))",
                        at: nil))
            }
        }
        if !problems.isEmpty { throw Diagnostics(problems) }
        if all || (roles.isEmpty && hosts.isEmpty) { return inventory.roles.map(\.role) }
        return inventory.roles.filter { membership in
            roles.contains(membership.role) || membership.hosts.contains(where: hosts.contains)
        }.map(\.role)
    }

    /// Whether this host may be changed. The others of its role are observed all the same.
    package func covers(_ host: HostName, role: RoleName, zone hostZone: AvailabilityZone) -> Bool {
        (hosts.isEmpty || hosts.contains(host)) && (zone == nil || zone == hostZone)
            && (roles.isEmpty || roles.contains(role))
    }

    private func unknown(_ what: String, _ name: String, _ known: [String]) -> Diagnostic {
        let near = Diagnostic.nearest(to: name, among: known)
        return Diagnostic(
            "unknown \(what) \"\(name)\"", at: nil,
            remedy: near.map { "did you mean \"\($0)\"?" }
                ?? "the inventory has \(known.sorted().joined(separator: ", "))")
    }
}
