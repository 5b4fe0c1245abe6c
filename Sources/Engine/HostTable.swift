internal import Cloud
package import Model
internal import OrderedCollections
internal import Zone

/// What `hosts` shows: every declared host with what the zone says of it, and names that nobody declared.
package struct HostTable: Sendable {
    private struct Row: Sendable {
        var host: HostName
        var role: RoleName
        var place: PlacedHost?
        var trouble: String?
    }
    private var rows: [Row] = []
    private var undeclared: [(name: String, addresses: [Address])] = []
    private var notes: [String] = []

    /// Contacts DNS, and Route 53 where the inventory names the hosted zone; no host.
    package static func make(_ fleet: Fleet, environment: [String: String]) async throws(Diagnostics) -> HostTable {
        let inventory = fleet.inventory
        var table = HostTable()
        let hosts = inventory.roles.flatMap(\.hosts)
        async let listed = list(inventory)
        let verdict = ZoneVerdict.judge(await ZoneResolver().resolve(hosts, in: inventory), in: inventory)
        for membership in inventory.roles {
            for host in membership.hosts {
                let problem = verdict.problems.first { $0.host == host }
                table.rows.append(
                    Row(
                        host: host, role: membership.role, place: verdict.placed[host],
                        trouble: problem.map { verdict.diagnostic($0).message }))
            }
        }
        for entry in verdict.undivided {
            table.notes.append("all members of \(entry.role) are in \(entry.zone): its loss takes the role down")
        }
        switch await listed {
        case .success(let names):
            let declared = Set(hosts.map(inventory.fullyQualified))
            table.undeclared =
                names.filter { !declared.contains($0.key) && $0.key.hasSuffix("." + inventory.zone.name) }
                .sorted { $0.key < $1.key }.map { (name: $0.key, addresses: $0.value.sorted()) }
        case .failure(let error)?: table.notes.append("names that nobody declared: \(error.message); \(error.remedy)")
        case nil:
            table.notes.append("names that nobody declared are not listed: the inventory's zone has no hosted_zone_id")
        }
        return table
    }

    private static func list(_ inventory: Inventory) async -> Result<[String: [Address]], CloudError>? {
        guard let id = inventory.zone.hostedZoneID else { return nil }
        do throws(CloudError) { return .success(try await HostedZone().names(id: id, within: .seconds(20))) } catch {
            return .failure(error)
        }
    }

    /// Set when a declared host has no place.
    package var problem: String? {
        let count = rows.filter { $0.trouble != nil }.count
        return count == 0 ? nil : "\(count) of \(rows.count) hosts cannot be placed"
    }

    package var text: String {
        let head = ["HOST", "ROLE", "ADDRESS", "AZ"]
        let body = rows.map { row in
            [
                row.host.rawValue, row.role.rawValue, row.place?.address.description ?? "-",
                row.place?.availabilityZone.rawValue ?? "-",
            ]
        }
        let widths = head.indices.map { column in ([head] + body).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }
        var lines = [line(head)]
        for (row, cells) in zip(rows, body) { lines.append(line(cells) + (row.trouble.map { "  \($0)" } ?? "")) }
        for entry in undeclared {
            let addresses = entry.addresses.map(\.description).joined(separator: ", ")
            lines.append(
                "# undeclared: \(entry.name)  \(addresses)  (never acted on; declare it or remove it from the zone)")
        }
        return (lines + notes.map { "# \($0)" }).joined(separator: "\n")
    }

    package var json: JSONValue {
        .object([
            "command": "hosts",
            "hosts": .list(
                rows.map { row in
                    .object([
                        "host": .text(row.host.rawValue), "role": .text(row.role.rawValue),
                        "address": row.place.map { .text($0.address.description) } ?? .null,
                        "az": row.place.map { .text($0.availabilityZone.rawValue) } ?? .null,
                        "problem": row.trouble.map { .text($0) } ?? .null,
                    ])
                }),
            "undeclared": .list(
                undeclared.map { entry in
                    .object([
                        "name": .text(entry.name),
                        "addresses": .list(entry.addresses.map { .text($0.description) }),
                    ])
                }),
            "notes": .list(notes.map { .text($0) }),
        ])
    }
}
