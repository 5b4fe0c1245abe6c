package import Model

/// A member with the address that the zone gives it and the availability zone in whose subnet that lies.
package struct PlacedHost: Sendable, Hashable {
    package var host: HostName
    package var address: Address
    package var availabilityZone: AvailabilityZone

    package init(host: HostName, address: Address, availabilityZone: AvailabilityZone) {
        self.host = host
        self.address = address
        self.availabilityZone = availabilityZone
    }
}

/// Why an answer of the zone is not acted on.
package enum ZoneProblem: Error, Sendable, Hashable {
    case noSuchName(HostName)
    case noAddress(HostName)
    case danglingAlias(HostName, to: String)
    /// Which of them is meant is not ours to guess.
    case manyAddresses(HostName, [Address])
    /// A public answer means that the query left the VPC (`.ss` is a public top-level domain).
    case outsideNetwork(HostName, Address)
    case noAvailabilityZone(HostName, Address)
    case sharedAddress([HostName], Address)
    case failed(HostName, ZoneFailure)

    /// The host it is about; of a shared address, the first.
    package var host: HostName {
        switch self {
        case .noSuchName(let host), .noAddress(let host), .danglingAlias(let host, _), .manyAddresses(let host, _),
            .outsideNetwork(let host, _), .noAvailabilityZone(let host, _), .failed(let host, _):
            host
        case .sharedAddress(let hosts, _): hosts[0]
        }
    }

    /// The zone answered, and the answer is that this host does not exist (yet). All others mean that the zone, the
    /// inventory or the way to the zone is wrong.
    package var isAbsence: Bool {
        if case .noSuchName = self { true } else { false }
    }
}

/// The zone's answers measured by what the inventory declares. Pure.
///
/// A CNAME is followed if its target's address is in the same answer: the host is then known by its own name and
/// reached at that address, and two names of one host are found by their address.
package struct ZoneVerdict: Sendable {
    package var placed: [HostName: PlacedHost]
    /// In the order of the inventory.
    package var problems: [ZoneProblem]
    /// All members of a role in one availability zone: its loss would take the role down.
    package var undivided: [(role: RoleName, zone: AvailabilityZone)]
    private let inventory: Inventory

    package static func judge(_ answer: ZoneAnswer, in inventory: Inventory) -> ZoneVerdict {
        var verdict = ZoneVerdict(placed: [:], problems: [], undivided: [], inventory: inventory)
        let members = inventory.roles.flatMap(\.hosts)
        let declared = members + answer.replies.keys.filter { !members.contains($0) }.sorted()
        var byAddress: [Address: [HostName]] = [:]
        var seen: Set<HostName> = []
        for host in declared where seen.insert(host).inserted {
            guard let reply = answer.replies[host] else { continue }
            switch place(host, reply, inventory) {
            case .success(let placed):
                verdict.placed[host] = placed
                byAddress[placed.address, default: []].append(host)
            case .failure(let problem): verdict.problems.append(problem)
            }
        }
        for (address, hosts) in byAddress.sorted(by: { $0.key < $1.key }) where hosts.count > 1 {
            verdict.problems.append(.sharedAddress(hosts, address))
            for host in hosts { verdict.placed[host] = nil }
        }
        for membership in inventory.roles where membership.hosts.count > 1 {
            let zones = Set(membership.hosts.map { verdict.placed[$0]?.availabilityZone })
            if zones.count == 1, let zone = zones.first ?? nil { verdict.undivided.append((membership.role, zone)) }
        }
        return verdict
    }

    private static func place(
        _ host: HostName, _ reply: ZoneReply, _ inventory: Inventory
    ) -> Result<PlacedHost, ZoneProblem> {
        switch reply {
        case .noSuchName: return .failure(.noSuchName(host))
        case .noAddress: return .failure(.noAddress(host))
        case .danglingAlias(let target): return .failure(.danglingAlias(host, to: target))
        case .failed(let failure): return .failure(.failed(host, failure))
        case .addresses(let addresses, _):
            // A stray address matters more than their number: it says that the query left the VPC.
            let stray = addresses.first { address in !inventory.network.contains { $0.contains(address) } }
            if let stray { return .failure(.outsideNetwork(host, stray)) }
            guard let address = addresses.first else { return .failure(.noAddress(host)) }
            guard Set(addresses).count == 1 else { return .failure(.manyAddresses(host, addresses.sorted())) }
            guard let zone = inventory.availabilityZones.first(where: { $0.range.contains(address) }) else {
                return .failure(.noAvailabilityZone(host, address))
            }
            return .success(PlacedHost(host: host, address: address, availabilityZone: zone.name))
        }
    }

    /// All hosts placed, or every reason why not.
    package var result: Result<[HostName: PlacedHost], Diagnostics> {
        problems.isEmpty ? .success(placed) : .failure(Diagnostics(problems.map(diagnostic)))
    }

    /// The problem as an operator reads it, at the place where the inventory declares the host's role.
    package func diagnostic(_ problem: ZoneProblem) -> Diagnostic {
        let (message, remedy) = words(problem)
        let membership = inventory.roles.first { $0.hosts.contains(problem.host) }
        return Diagnostic(message, at: membership?.location, remedy: remedy)
    }

    private func words(_ problem: ZoneProblem) -> (message: String, remedy: String) {
        let name = inventory.fullyQualified(problem.host)
        let ranges = inventory.network.map(\.description).joined(separator: ", ")
        switch problem {
        case .noSuchName:
            return (
                "\(name) does not exist in the zone",
                "create its A record (negative answers are remembered for the SOA's minimum), or take the host out"
            )
        case .noAddress: return ("\(name) exists and has no A record", "give it one A record")
        case .danglingAlias(_, let target):
            return (
                "\(name) is an alias of \(target), which has no address here", "give the host one A record of its own"
            )
        case .manyAddresses(_, let addresses):
            let list = addresses.map(\.description).joined(separator: ", ")
            return ("\(name) has several addresses: \(list)", "a host has one; remove the records that are not its own")
        case .outsideNetwork(_, let address):
            return (
                "\(name) is \(address), outside of the fleet's network \(ranges)",
                "the query left the VPC: name the VPC's resolver as the zone's `server` in the inventory"
            )
        case .noAvailabilityZone(_, let address):
            return (
                "\(name) is \(address), in the subnet of no declared availability zone",
                "declare its subnet, or correct the record"
            )
        case .sharedAddress(let hosts, let address):
            let names = hosts.map(\.description).joined(separator: " and ")
            return ("\(names) have one address, \(address)", "correct the record of the one that was replaced")
        case .failed(_, let failure): return ("\(name): \(failure)", failure.remedy)
        }
    }
}
