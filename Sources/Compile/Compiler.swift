package import Model
package import Resources

/// Specs, inventory and what is known of a host become what the host shall be. Pure; secrets stay names.
package struct Compiler: Sendable {
    package let roles: [RoleName: RoleSpec]
    package let inventory: Inventory
    package let catalogue: Catalogue
    package let tree: SourceTree
    let seats: Surroundings.Seats
    /// Everything that compiling all hosts offline has shown; done at most once.
    let survey = SurveyMemo()

    package init(roles: [RoleName: RoleSpec], inventory: Inventory, catalogue: Catalogue, tree: SourceTree) {
        self.roles = roles
        self.inventory = inventory
        self.catalogue = catalogue
        self.tree = tree
        seats = Surroundings.seats(in: inventory)
    }

    /// What `host` shall be as a member of `role` if it is the usual one of its family. `placements` may lack hosts whose address no text of the role asks for.
    /// Throws every mistake that stands in the way on this host.
    package func compile(
        _ role: RoleName, on host: HostName, family: HostFacts.OSFamily, placements: [HostName: Placement]
    ) throws(Diagnostics) -> DesiredHost {
        try compile(role, on: host, facts: RecordedFacts.usual(family), placements: placements)
    }

    /// The same on a host that has said what it is. Its family must be known.
    package func compile(
        _ role: RoleName, on host: HostName, facts: HostFacts, placements: [HostName: Placement]
    ) throws(Diagnostics) -> DesiredHost {
        try compile(role, on: host, facts: facts, placements: placements, usage: nil)
    }

    /// All members of a role whose OS family is known, in rolling order. Mistakes of all hosts are thrown together.
    package func compile(
        _ role: RoleName, families: [HostName: HostFacts.OSFamily], placements: [HostName: Placement]
    ) throws(Diagnostics) -> DesiredRole {
        var hosts: [DesiredHost] = []
        var diagnostics: [Diagnostic] = []
        for host in rollingOrder(of: role, placements: placements) {
            guard let family = families[host] else { continue }
            do {
                hosts.append(try compile(role, on: host, family: family, placements: placements))
            } catch {
                diagnostics += error.all
            }
        }
        guard diagnostics.isEmpty else { throw Diagnostics(diagnostics.sortedByPlace()) }
        return DesiredRole(role: role, after: providers(of: role), hosts: hosts)
    }

    /// The members of a role in the order in which they are changed: by the inventory's order of availability zones, then as
    /// the inventory lists them. Those without a known place come last.
    package func rollingOrder(of role: RoleName, placements: [HostName: Placement]) -> [HostName] {
        let hosts = inventory.membership(of: role)?.hosts ?? []
        let ranks = hosts.enumerated().map { index, host in
            let zone = placements[host].flatMap { inventory.azOrder.firstIndex(of: $0.availabilityZone) }
            return (host: host, zone: zone ?? Int.max, index: index)
        }
        return ranks.sorted { ($0.zone, $0.index) < ($1.zone, $1.index) }.map(\.host)
    }

    /// The roles that `role` and those it includes say they come after, as far as the inventory has them.
    package func providers(of role: RoleName) -> [RoleName] {
        guard let spec = roles[role] else { return [] }
        var providers: [RoleName] = []
        for link in RoleChain(of: spec, in: roles).links {
            for provider in link.role.after.map(\.role)
            where provider != role && !providers.contains(provider) && inventory.membership(of: provider) != nil {
                providers.append(provider)
            }
        }
        return providers
    }

    /// The other roles whose hosts the texts of `role` and of those it includes name.
    package func uses(of role: RoleName) -> Set<RoleName> {
        guard let spec = roles[role] else { return [] }
        return Set(RoleChain(of: spec, in: roles).links.flatMap(\.role.uses).map(\.role)).subtracting([role])
    }

    func compile(
        _ role: RoleName, on host: HostName, facts: HostFacts, placements: [HostName: Placement], usage: Usage?
    ) throws(Diagnostics) -> DesiredHost {
        guard let family = facts.family else {
            throw Diagnostics(Diagnostic("the OS family of \(host) is not known", at: nil))
        }
        guard let membership = inventory.membership(of: role), membership.hosts.contains(host) else {
            throw Diagnostics(Diagnostic("\(host) is not a member of role \"\(role)\"", at: nil))
        }
        guard let spec = roles[role] else {
            throw Diagnostics(
                Diagnostic(
                    "there is no recipe for role \"\(role)\"", at: membership.location,
                    remedy: Diagnostic.suggestion(for: role.rawValue, among: roles.keys.map(\.rawValue))))
        }
        let surroundings = Surroundings(
            inventory: inventory, host: host, facts: facts, family: family, placements: placements, usage: usage,
            seats: seats)
        var compilation = HostCompilation(roles: roles, catalogue: catalogue, tree: tree, surroundings: surroundings)
        compilation.compile(spec, membership)
        guard compilation.diagnostics.isEmpty else { throw Diagnostics(compilation.diagnostics.sortedByPlace()) }
        return DesiredHost(host: host, role: role, resources: compilation.resources, gates: compilation.gates)
    }
}
