package import Model

/// One `inventory.yaml` as an ``Inventory``. `~/` and `${NAME}` are expanded from the environment that is passed in, in
/// every value but the parameters of roles, which belong to the language of recipes.
package struct InventoryDecoder {
    let folder: String
    let environment: [String: String]

    /// The inventory is `nil` if the file is no YAML at all.
    package static func decode(_ tree: SourceTree, environment: [String: String]) -> Decoded<Inventory?> {
        let file = tree.inventoryFile
        guard let bytes = tree.files[file] else {
            let remedy = "point --inventory or CSO_INVENTORY at a folder that holds inventory.yaml"
            return Decoded(nil, [Diagnostic("there is no \(file)", at: nil, remedy: remedy)])
        }
        let (value, mistakes) = YAMLReader.read(bytes, file: file)
        guard let value else { return Decoded(nil, mistakes) }
        var reader = MapReader(value, InventoryDeclarations.inventory)
        reader.absorb(mistakes)
        let inventory = InventoryDecoder(folder: tree.inventoryFolder, environment: environment).inventory(&reader)
        return Decoded(inventory, reader.diagnostics.sortedByPlace())
    }

    private func inventory(_ reader: inout MapReader) -> Inventory {
        let fleet = text(reader.required("fleet"), "fleet", &reader) ?? ""
        let zone = zone(reader.required("zone"), &reader)
        let networkValue = reader.required("network")
        let network = reader.list(networkValue, "network").compactMap { range($0, "network", &reader) }
        let zones = availabilityZones(
            reader.required("availability_zones"), in: network, &reader)
        let order = azOrder(reader.required("az_order"), zones: zones.map(\.name), &reader)
        let ssh = SSHDecoder(inventory: self).decode(reader.required("ssh"), &reader)
        let secrets = secretSources(reader.value("secrets"), &reader)
        let roles = roles(reader.required("roles"), &reader)
        reader.finish()
        return Inventory(
            fleet: fleet, zone: zone, network: network, availabilityZones: zones, azOrder: order, ssh: ssh,
            secretSources: secrets, roles: roles, folder: folder)
    }

    // MARK: Zone and network

    private func zone(_ value: SpecValue?, _ outer: inout MapReader) -> Inventory.ZoneDeclaration {
        var reader = MapReader(value, InventoryDeclarations.zone)
        defer { outer.absorb(reader.diagnostics) }
        let nameValue = value == nil ? nil : reader.required("name")
        var name = (text(nameValue, "name", &reader) ?? "").lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        if !name.isEmpty,
            !name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ ScalarText.isLabel(String($0)) })
        {
            reader.report("\"\(name)\" is not a zone's name", at: nameValue?.location)
        }
        let serverValue = reader.value("server")
        let server = text(serverValue, "server", &reader)
        if let server, !Self.isServer(server) {
            reader.report(
                "\"\(server)\" is not an address", at: serverValue?.location,
                remedy: "write 10.1.0.2 or 10.1.0.2:53, or remove the key to use the system's resolver")
        }
        let deadline = duration(reader.value("deadline"), "deadline", &reader) ?? .seconds(5)
        let hostedZone = text(reader.value("hosted_zone_id"), "hosted_zone_id", &reader)
        reader.finish()
        return Inventory.ZoneDeclaration(name: name, server: server, deadline: deadline, hostedZoneID: hostedZone)
    }

    private static func isServer(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, Address(String(parts[0])) != nil else { return false }
        return parts.count == 1 || ScalarText.number(String(parts[1])).map { (1...65535).contains($0) } == true
    }

    private func range(_ value: SpecValue, _ what: String, _ reader: inout MapReader) -> AddressRange? {
        guard let text = text(value, what, &reader) else { return nil }
        if let range = AddressRange(text) { return range }
        reader.report(
            "\"\(text)\" is not a range of addresses", at: value.location,
            remedy: "write 10.1.128.0/18, with no bits set behind the prefix")
        return nil
    }

    private func availabilityZones(
        _ value: SpecValue?, in network: [AddressRange], _ reader: inout MapReader
    ) -> [(name: AvailabilityZone, range: AddressRange)] {
        guard let value else { return [] }
        guard case .map(let entries) = value.form else {
            reader.report("availability_zones must be a map, not \(value.formName)", at: value.location)
            return []
        }
        var zones: [(name: AvailabilityZone, range: AddressRange)] = []
        for entry in entries {
            guard let range = range(entry.value, entry.key, &reader) else { continue }
            if !network.contains(where: { $0.contains(range.base) && $0.prefix <= range.prefix }) {
                reader.report(
                    "\(range) of \(entry.key) is not inside the network", at: entry.value.location,
                    remedy: "network is \(network.map(\.description).joined(separator: ", "))")
            }
            if let other = zones.first(where: { $0.range.contains(range.base) || range.contains($0.range.base) }) {
                reader.report(
                    "\(range) of \(entry.key) overlaps \(other.range) of \(other.name)", at: entry.value.location)
            }
            zones.append((AvailabilityZone(entry.key), range))
        }
        return zones
    }

    private func azOrder(
        _ value: SpecValue?, zones: [AvailabilityZone], _ reader: inout MapReader
    ) -> [AvailabilityZone] {
        var order: [AvailabilityZone] = []
        for element in reader.list(value, "az_order") {
            guard let text = text(element, "az_order", &reader) else { continue }
            let zone = AvailabilityZone(text)
            if !zones.contains(zone) {
                reader.report(
                    "availability zone \"\(text)\" is not declared", at: element.location,
                    remedy: Diagnostic.suggestion(for: text, among: zones.map(\.rawValue)))
            } else if order.contains(zone) {
                reader.report("availability zone \"\(text)\" stands twice in az_order", at: element.location)
            } else {
                order.append(zone)
            }
        }
        for zone in zones where value != nil && !order.contains(zone) {
            reader.report(
                "az_order does not name \(zone)", at: value?.location,
                remedy: "the order of all zones is your decision: add it")
        }
        return order
    }

    // MARK: Values

    /// A text with `~/` and `${NAME}` expanded.
    func text(_ value: SpecValue?, _ what: String, _ reader: inout MapReader) -> String? {
        guard let value, let text = reader.text(value, what) else { return nil }
        switch EnvironmentText.expand(text, environment) {
        case .success(let expanded): return expanded
        case .failure(let problem):
            reader.report("\(what): \(problem.message)", at: value.location, remedy: problem.remedy)
            return nil
        }
    }

    /// A path; a relative one starts at the inventory's folder.
    func path(_ value: SpecValue?, _ what: String, _ reader: inout MapReader) -> String? {
        text(value, what, &reader).map { $0.hasPrefix("/") ? $0 : folder + "/" + $0 }
    }

    func duration(_ value: SpecValue?, _ what: String, _ reader: inout MapReader) -> Duration? {
        reader.duration(value, what)
    }
}
