internal import Model

/// The `ssh:` map of an inventory.
struct SSHDecoder {
    let inventory: InventoryDecoder

    func decode(_ value: SpecValue?, _ outer: inout MapReader) -> Inventory.SSHDeclaration {
        var reader = MapReader(value, InventoryDeclarations.ssh)
        defer { outer.absorb(reader.diagnostics) }
        let transport = transport(reader.value("transport"), &reader)
        let isSSH = transport == .ssh
        let userValue = isSSH && value != nil ? reader.required("user") : reader.value("user")
        let user = inventory.text(userValue, "user", &reader) ?? ""
        let port = reader.number(reader.value("port"), "port", in: 1...65535) ?? 22
        let identity = identity(&reader, isNeeded: isSSH && value != nil)
        let knownHostsValue =
            isSSH && value != nil ? reader.required("known_hosts") : reader.value("known_hosts")
        let knownHosts = reader.list(knownHostsValue, "known_hosts").compactMap {
            inventory.path($0, "known_hosts", &reader)
        }
        if let knownHostsValue, isSSH, case .list(let elements) = knownHostsValue.form, elements.isEmpty {
            reader.report(
                "known_hosts names no file", at: knownHostsValue.location, remedy: "hosts are trusted by it alone")
        }
        let proxy = inventory.text(reader.value("proxy_command"), "proxy_command", &reader)
        let deadline = reader.duration(reader.value("connect_deadline"), "connect_deadline") ?? .seconds(10)
        reader.finish()
        return Inventory.SSHDeclaration(
            transport: transport, user: user, port: port, identity: identity, knownHosts: knownHosts,
            proxyCommand: proxy, connectDeadline: deadline)
    }

    /// `ssh`, or `{command: [nsenter, …]}`.
    private func transport(_ value: SpecValue?, _ outer: inout MapReader) -> Inventory.SSHDeclaration.Transport {
        guard let value else { return .ssh }
        if case .scalar(let text, _) = value.form {
            if text != "ssh" {
                outer.report(
                    "unknown transport \"\(text)\"", at: value.location, remedy: "write ssh or {command: [PROGRAM, …]}")
            }
            return .ssh
        }
        var reader = MapReader(value, InventoryDeclarations.transport)
        defer { outer.absorb(reader.diagnostics) }
        let words = reader.list(reader.required("command"), "command").compactMap {
            inventory.text($0, "command", &reader)
        }
        reader.finish()
        return .command(prefix: words)
    }

    /// `identity` is a private key file, `agent_key` the public key of the one that the agent holds.
    private func identity(
        _ reader: inout MapReader, isNeeded: Bool
    ) -> Inventory.SSHDeclaration.Identity? {
        let fileValue = reader.value("identity")
        let agentValue = reader.value("agent_key")
        let file = inventory.path(fileValue, "identity", &reader)
        let agent = inventory.path(agentValue, "agent_key", &reader)
        if fileValue != nil, let agentValue {
            reader.report(
                "both identity and agent_key", at: agentValue.location, remedy: "one key is offered; choose one")
        } else if isNeeded, fileValue == nil, agentValue == nil {
            reader.report("ssh names no key", remedy: "add identity: PATH, or agent_key: PATH.pub")
        }
        if let file { return .keyFile(file) }
        return agent.map { .agent(publicKeyFile: $0) }
    }
}
