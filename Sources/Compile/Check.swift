package import Model

extension Compiler {
    /// Everything that can be known to be wrong without a network: each host of each role is compiled for each OS family,
    /// with addresses made up from the ranges of the availability zones.
    package func check() -> [Diagnostic] { survey.get(of: self).diagnostics }

    /// The hosts whose address or availability zone some text of the role asks for; the zone must be asked for these and for
    /// the role's own members.
    package func hostsAskedFor(by role: RoleName) -> Set<HostName> { survey.get(of: self).placed[role] ?? [] }

    /// All secrets that a role may need, whatever its hosts' OS families turn out to be: they are fetched while the hosts
    /// are still being asked.
    package func secretNames(of role: RoleName) -> Set<SecretName> { Set(secretUsers(of: role).keys) }

    /// The same, with the resources that each of them is for.
    package func secretUsers(of role: RoleName) -> [SecretName: Set<ResourceID>] {
        survey.get(of: self).secretUsers[role] ?? [:]
    }

    /// What resources may need an operator's word for although their recipes name nothing.
    package var permissions: Set<PermissionName> { survey.get(of: self).permissions }

    func makeSurvey() -> Survey {
        var survey = Survey(diagnostics: checkOrder())
        let used = Usage()
        var reached: Set<RoleName> = []
        var unread: Set<RoleName> = []
        let placements = madeUpPlacements()
        for membership in inventory.roles {
            guard let spec = roles[membership.role] else {
                survey.diagnostics.append(
                    Diagnostic(
                        "there is no recipe for role \"\(membership.role)\"", at: membership.location,
                        remedy: Diagnostic.suggestion(for: membership.role.rawValue, among: roles.keys.map(\.rawValue))
                    ).aboutAbsence
                )
                continue
            }
            let chain = Set(RoleChain(of: spec, in: roles).links.map(\.role.name))
            reached.formUnion(chain)
            let usage = Usage()
            let mistakes = compileEverywhere(membership, placements, usage, &survey)
            // A role with other mistakes was not read to its end, so what it does not use is not known.
            if !mistakes.isEmpty { unread.formUnion(chain) }
            survey.diagnostics += mistakes
            survey.placed[membership.role] = usage.placed
            used.formUnion(usage)
        }
        for spec in roles.values where !reached.contains(spec.name) {
            survey.diagnostics.append(
                Diagnostic(
                    "no host has role \"\(spec.name)\"", at: spec.location,
                    remedy: "name its hosts in the inventory, or include it in a role that has some"
                ).aboutAbsence)
        }
        survey.diagnostics += UnusedParts(roles: roles, tree: tree, used: used).mistakes(
            in: reached.subtracting(unread))
        survey.diagnostics = survey.diagnostics.sortedByPlace()
        return survey
    }

    /// All mistakes that a role has on any host of any family.
    private func compileEverywhere(
        _ membership: Inventory.RoleMembership, _ placements: [HostName: Placement], _ usage: Usage,
        _ survey: inout Survey
    ) -> [Diagnostic] {
        var mistakes: [Diagnostic] = []
        for host in membership.hosts {
            for family in HostFacts.OSFamily.allCases {
                for facts in RecordedFacts.all(family) {
                    do {
                        let desired = try compile(
                            membership.role, on: host, facts: facts, placements: placements, usage: usage)
                        for declared in desired.resources {
                            survey.permissions.formUnion(declared.resource.permissions)
                            for name in declared.secretNames {
                                survey.secretUsers[membership.role, default: [:]][name, default: []].insert(declared.id)
                            }
                        }
                        if roles[membership.role]?.changesAllAtOnce == true, let gate = desired.gates.first {
                            mistakes.append(
                                Diagnostic(
                                    "a role with gates is changed one member at a time", at: gate.location,
                                    remedy: "remove members_at_once from role \"\(membership.role)\", or this gate"))
                        }
                    } catch {
                        mistakes += error.all
                    }
                    // Most roles ask for nothing that another record would answer in another way.
                    if !usage.asksFacts { break }
                }
            }
        }
        return mistakes
    }

    private func madeUpPlacements() -> [HostName: Placement] {
        let zones = inventory.availabilityZones
        guard !zones.isEmpty else { return [:] }
        var placements: [HostName: Placement] = [:]
        for (index, host) in inventory.roles.flatMap(\.hosts).enumerated() {
            let zone = zones[index % zones.count]
            let address = Address(number: zone.range.base.number &+ UInt32(truncatingIfNeeded: 10 + index))
            placements[host] = Placement(address: address, availabilityZone: zone.name)
        }
        return placements
    }

    /// `after` must name roles that exist, and lead round no circle.
    private func checkOrder() -> [Diagnostic] {
        var diagnostics: [Diagnostic] = []
        let known = Set(roles.keys).union(inventory.roles.map(\.role))
        for spec in roles.values {
            for provider in spec.after + spec.uses where !known.contains(provider.role) {
                diagnostics.append(
                    Diagnostic(
                        "there is no role \"\(provider.role)\"", at: provider.location,
                        remedy: Diagnostic.suggestion(for: provider.role.rawValue, among: known.map(\.rawValue))
                    ).aboutAbsence)
            }
        }
        for spec in roles.values.sorted(by: { $0.name < $1.name }) {
            guard let cycle = cycle(from: spec.name), cycle.min() == spec.name,
                let first = spec.after.first(where: { cycle.contains($0.role) })
            else { continue }
            let words = (cycle + [spec.name]).map(\.rawValue).joined(separator: " -> ")
            diagnostics.append(
                Diagnostic("roles come after each other: \(words)", at: first.location, remedy: "remove one of them"))
        }
        return diagnostics
    }

    /// The roles on a way from `start` back to it.
    private func cycle(from start: RoleName) -> [RoleName]? {
        var visited: Set<RoleName> = []
        func search(_ name: RoleName, _ path: [RoleName]) -> [RoleName]? {
            for next in roles[name]?.after.map(\.role) ?? [] {
                if next == start { return path }
                if visited.insert(next).inserted, let found = search(next, path + [next]) { return found }
            }
            return nil
        }
        return search(start, [start])
    }
}
