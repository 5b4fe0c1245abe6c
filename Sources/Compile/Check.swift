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
    package func secretNames(of role: RoleName) -> Set<SecretName> { survey.get(of: self).secretNames[role] ?? [] }

    func makeSurvey() -> Survey {
        var survey = Survey(diagnostics: checkOrder())
        var usedParameters: [RoleName: Set<String>] = [:]
        var reached: Set<RoleName> = []
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
            reached.formUnion(RoleChain(of: spec, in: roles).links.map(\.role.name))
            let usage = Usage()
            for host in membership.hosts {
                for family in HostFacts.OSFamily.allCases {
                    do {
                        let desired = try compile(
                            membership.role, on: host, family: family, placements: placements, usage: usage)
                        survey.secretNames[membership.role, default: []].formUnion(desired.secretNames)
                    } catch {
                        survey.diagnostics += error.all
                    }
                }
            }
            survey.placed[membership.role] = usage.placed
            usedParameters.merge(usage.parameters) { $0.union($1) }
        }
        for spec in roles.values where !reached.contains(spec.name) {
            survey.diagnostics.append(
                Diagnostic(
                    "no host has role \"\(spec.name)\"", at: spec.location,
                    remedy: "name its hosts in the inventory, or include it in a role that has some"
                ).aboutAbsence)
        }
        // A role with other mistakes was not read to its end, so what it does not use is not known.
        if survey.diagnostics.isEmpty { survey.diagnostics = unusedParameters(usedParameters, reached) }
        survey.diagnostics = survey.diagnostics.sortedByPlace()
        return survey
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

    private func unusedParameters(_ used: [RoleName: Set<String>], _ reached: Set<RoleName>) -> [Diagnostic] {
        reached.flatMap { name -> [Diagnostic] in
            let used = used[name] ?? []
            return (roles[name]?.parameters ?? []).filter { !used.contains($0.name) }.map {
                Diagnostic("parameter \"\($0.name)\" is never used", at: $0.location, remedy: "use it, or remove it")
                    .aboutAbsence
            }
        }
    }

    /// `after` must name roles that exist, and lead round no circle.
    private func checkOrder() -> [Diagnostic] {
        var diagnostics: [Diagnostic] = []
        let known = Set(roles.keys).union(inventory.roles.map(\.role))
        for spec in roles.values {
            for provider in spec.after where !known.contains(provider.role) {
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
