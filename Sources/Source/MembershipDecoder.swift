internal import Model

extension InventoryDecoder {
    /// `{backend: {hosts: [backend01], parameters: {}, host_parameters: {backend01: {}}}}`
    func roles(_ value: SpecValue?, _ reader: inout MapReader) -> [Inventory.RoleMembership] {
        guard let value else { return [] }
        guard case .map(let entries) = value.form else {
            reader.report("roles must be a map, not \(value.formName)", at: value.location)
            return []
        }
        var roleOfHost: [HostName: RoleName] = [:]
        return entries.map { membership($0, &roleOfHost, &reader) }
    }

    private func membership(
        _ entry: SpecEntry, _ roleOfHost: inout [HostName: RoleName], _ outer: inout MapReader
    ) -> Inventory.RoleMembership {
        let role = RoleName(entry.key)
        var reader = MapReader(entry.value, InventoryDeclarations.membership, name: "role \"\(entry.key)\"")
        defer { outer.absorb(reader.diagnostics) }
        var hosts: [HostName] = []
        let hostsValue = reader.required("hosts", "[\(entry.key)01, \(entry.key)02]")
        for element in reader.list(hostsValue, "hosts") {
            guard let name = text(element, "a host", &reader).map({ $0.lowercased() }) else { continue }
            let host = HostName(name)
            if !ScalarText.isLabel(name) {
                reader.report(
                    "\"\(name)\" cannot be the name of a host", at: element.location,
                    remedy: "write the short name, without the zone: letters, digits and hyphens")
            } else if let other = roleOfHost[host] {
                reader.report(
                    other == role ? "host \(name) stands twice" : "host \(name) has role \(other) already",
                    at: element.location, remedy: "a host has one role; a role takes in others with includes")
            } else {
                roleOfHost[host] = role
                hosts.append(host)
            }
        }
        if let hostsValue, case .list(let elements) = hostsValue.form, elements.isEmpty {
            reader.report(
                "role \"\(entry.key)\" has no hosts", at: hostsValue.location, remedy: "name one, or remove the role")
        }
        let parameters = parameters(reader.value("parameters"), "parameters", &reader)
        let hostParameters = hostParameters(reader.value("host_parameters"), hosts: hosts, &reader)
        reader.finish()
        return Inventory.RoleMembership(
            role: role, hosts: hosts, location: entry.keyLocation, parameters: parameters,
            hostParameters: hostParameters)
    }

    private func parameters(_ value: SpecValue?, _ what: String, _ reader: inout MapReader) -> [String: SpecValue] {
        guard let value else { return [:] }
        guard case .map(let entries) = value.form else {
            reader.report("\(what) must be a map, not \(value.formName)", at: value.location)
            return [:]
        }
        return Dictionary(entries.map { ($0.key, $0.value) }) { first, _ in first }
    }

    private func hostParameters(
        _ value: SpecValue?, hosts: [HostName], _ reader: inout MapReader
    ) -> [HostName: [String: SpecValue]] {
        guard let value else { return [:] }
        guard case .map(let entries) = value.form else {
            reader.report("host_parameters must be a map, not \(value.formName)", at: value.location)
            return [:]
        }
        var result: [HostName: [String: SpecValue]] = [:]
        for entry in entries {
            let host = HostName(entry.key.lowercased())
            if !hosts.contains(host) {
                reader.report(
                    "host \"\(entry.key)\" is not one of the role's hosts", at: entry.keyLocation,
                    remedy: Diagnostic.suggestion(for: entry.key, among: hosts.map(\.rawValue)))
            }
            result[host] = parameters(entry.value, "parameters of \(entry.key)", &reader)
        }
        return result
    }

    /// `{passwords: {aws: NAME, region: REGION} | {file: PATH} | {terraform: PATH, output: NAME}}`
    func secretSources(_ value: SpecValue?, _ outer: inout MapReader) -> [SecretSource] {
        guard let value else { return [] }
        guard case .map(let entries) = value.form else {
            outer.report("secrets must be a map, not \(value.formName)", at: value.location)
            return []
        }
        return entries.compactMap { entry in
            if !ScalarText.isIdentifier(entry.key) {
                outer.report(
                    "\"\(entry.key)\" cannot be the name of a secret source", at: entry.keyLocation,
                    remedy: "use a letter, then letters, digits and _")
            }
            var reader = MapReader(
                entry.value, InventoryDeclarations.secretSource, name: "secret source \"\(entry.key)\"")
            defer { outer.absorb(reader.diagnostics) }
            return secretKind(&reader).map { SecretSource(name: entry.key, kind: $0, location: entry.keyLocation) }
        }
    }

    private func secretKind(_ reader: inout MapReader) -> SecretSource.Kind? {
        let sources = ["aws", "file", "terraform"]
        let given = reader.keys.filter(sources.contains)
        let (aws, region) = (reader.value("aws"), reader.value("region"))
        let (file, terraform) = (reader.value("file"), reader.value("terraform"))
        let output = given == ["terraform"] ? reader.required("output") : reader.value("output")
        defer { reader.finish() }
        guard given.count == 1 else {
            reader.report(
                given.isEmpty
                    ? "\(reader.name) does not say where it comes from" : "\(reader.name) comes from two places",
                remedy: "write exactly one of aws, file, terraform")
            return nil
        }
        switch given[0] {
        case "aws":
            let id = text(aws, "aws", &reader)
            let region = text(region, "region", &reader)
            return id.map { .aws(secretID: $0, region: region) }
        case "file":
            if case .scalar("-", _)? = file?.form { return .file(path: "-") }
            return path(file, "file", &reader).map { .file(path: $0) }
        default:
            let file = path(terraform, "terraform", &reader)
            let output = text(output, "output", &reader)
            guard let file, let output else { return nil }
            return .terraform(path: file, output: output)
        }
    }
}
