package import Model

/// The broker of a host: it runs, is started at boot, and is a member of one cluster with the brokers of the role's other
/// hosts.
package struct RabbitMemberResource: RoleResource, RunningService {
    package let cluster: String
    /// This host's Erlang node.
    package let node: String
    package let members: [String]
    let vhosts: [String]
    let users: [String]

    package static let declaration = KindDeclaration(
        name: "rabbitmq_member",
        summary:
            "The RabbitMQ node of a host: it runs, is started at boot, and is one cluster with those of the role's "
            + "other hosts. Joins by itself only what is proved blank.",
        subject: FieldDeclaration("rabbitmq_member", .text, "The cluster's name, the same on all members."),
        fields: [
            FieldDeclaration(
                "host", .text, isRequired: true,
                "This host's full name, in small letters; its node is `rabbit@` and that name."),
            FieldDeclaration("members", .list, isRequired: true, "The full names of all members, this one among them."),
            FieldDeclaration(
                "vhosts", .list, "Virtual hosts that a blank node may have beside `/`: those that the recipe makes."),
            FieldDeclaration("users", .list, "Users that a blank node may have beside `guest`."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        cluster = fields.subject
        node = Broker.node(on: fields.text("host") ?? "")
        members = (fields.list("members") ?? []).map(Broker.node).sorted()
        vhosts = fields.list("vhosts") ?? []
        users = fields.list("users") ?? []
        checks.requireLabel(cluster)
        for (field, names) in [("host", [node]), ("members", members)] {
            for name in names where !Broker.isNodeName(name) {
                checks.require(
                    false, "\"\(name)\" is not the long name of an Erlang node", at: field,
                    remedy: "the host's name with its zone, in small letters: Erlang compares names byte by byte")
            }
        }
        checks.require(members.contains(node), "members does not contain \(node)", at: "members")
        checks.require(
            Set(members.compactMap(Broker.host)).count == members.count, "two members are of one host", at: "members")
        try checks.finish()
    }

    package var identity: String { cluster }
    package var influence: Influence { .anything }
    package var possibleActions: Set<ChangeAction> { [.create, .update] }
    package var permissions: Set<PermissionName> {
        Set(members.compactMap(Broker.host).flatMap { [Self.forget($0), Self.setAside($0)] })
    }
    static func forget(_ host: HostName) -> PermissionName { PermissionName("forget-\(host)") }
    static func setAside(_ host: HostName) -> PermissionName { PermissionName("reset-\(host)") }

    // MARK: Running

    package var unit: UnitName { Broker.unit }
    package var shallRun: Bool { true }

    /// Before a restart: whether queues would be lost or stand still. With two members a quorum queue always stands still
    /// while one of them is away, so there only mirrors are asked about.
    package var check: ShellText? {
        var script: ShellText = StepText.opening + Broker.functions
        if members.count > 2 { script += "diagnose check_if_node_is_quorum_critical || exit 1\n" }
        return script + "diagnose check_if_node_is_mirror_sync_critical || exit 1\n"
    }

    private var unitRequest: ProbeRequest { ProbeRequest(UnitBatch.name, Broker.unit.rawValue) }
    private var cookieRequest: ProbeRequest { ProbeRequest(DigestBatch.name, Broker.cookie) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [unitRequest, BrokerBatch.request, cookieRequest] }

    package func isRunning(_ answers: ProbeAnswers, on facts: HostFacts) -> Bool? {
        switch (answers[unitRequest], answers[BrokerBatch.request]) {
        case (.unknown, _), (_, .unknown): nil
        case (.present(let unit), .present(let broker)):
            unit["active"] == "active" && BrokerView(broker).isRunning && BrokerView(broker).list("alarms").isEmpty
        default: false
        }
    }

    package func awaitsPeers(_ answers: ProbeAnswers) -> Bool {
        guard case .present(let broker) = answers[BrokerBatch.request] else { return false }
        return BrokerView(broker).life == "waiting"
    }

    // MARK: State

    /// What ``BrokerBatch`` gives, with systemd's `active`, `sub` and `enabled` (its word for the unit file).
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        guard case .present(var state) = answers[BrokerBatch.request] else { return answers[BrokerBatch.request] }
        switch answers[unitRequest] {
        case .unknown(let reason): return .unknown(reason: reason)
        case .absent: state["active"] = "inactive"
        case .present(let unit):
            state["active"] = unit["active"]
            state["sub"] = unit["sub"]
            state["enabled"] = unit["file"]
        }
        // Only ever compared with those of its peers.
        if case .present(let digest) = answers[cookieRequest] { state[Self.cookieKey] = digest["sha256"] }
        let view = BrokerView(state)
        if view.isRunning {
            state["blank"] = .flag(view.members == [view.text("node")] && view.isBlank(besides: vhosts, users))
            // What else the cluster holds is of other resources.
            for key in ["vhost", "user", "permission", "policy", "own"] { state.removeValue(forKey: key) }
        }
        return .present(state)
    }

    private static let cookieKey = "cookie"

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        ["state": "running", "members": .list(members)]
    }

    /// What a member's observation says of membership. `named` is the node that its host shall have.
    func sight(_ observation: Observation?, named: String) -> Membership.Sight {
        switch observation {
        case nil: return .unseen
        case .unknown(let reason)?: return .unknown(reason)
        case .absent?: return .none
        case .present(let state)?: return sight(BrokerView(state), named: named)
        }
    }

    private func sight(_ view: BrokerView, named: String) -> Membership.Sight {
        if let other = otherName(view, than: named) { return .unknown(other) }
        let record = Set(view.list("record \(named)"))
        guard let live = view.text("live") else {
            if ["activating", "deactivating"].contains(view.text("active")), view.text("sub") != "auto-restart" {
                return .unknown("the broker is just starting or stopping (\(view.text("sub") ?? ""))")
            }
            if !view.list("data").contains(named) { return .none }
            return record.isEmpty
                ? .unknown("/var/lib/rabbitmq/mnesia/\(named) has no record of its cluster") : .stopped(record: record)
        }
        if let refusal = view.refusal { return .unknown(refusal) }
        switch view.life {
        case "running"?:
            let partitions = view.list("partitions")
            if !partitions.isEmpty {
                return .unknown("the cluster is split: \(live) was cut off from \(partitions.joined(separator: ", "))")
            }
            return .running(
                members: Set(view.members), running: Set(view.list("running")), isBlank: view.state["blank"] == true)
        case "waiting"?: return .waiting(members: Set(view.members), away: Set(view.list("away")))
        case "stopped"?:
            return record.isEmpty
                ? .unknown("its application is stopped, and there is no record of its cluster")
                : .applicationStopped(record: record)
        default: return .unknown("the broker is just starting")
        }
    }

    /// Why the node, or data on the host, is of another name than the recipe's.
    private func otherName(_ view: BrokerView, than named: String) -> String? {
        let names = [view.text("node"), view.text("live")].compactMap(\.self) + view.list("data")
        guard let other = names.first(where: { $0 != named }) else { return nil }
        let what = view.text("live") != nil ? "the node of this host is called \(other)" : "there is data of \(other)"
        return other.lowercased() == named.lowercased()
            ? "\(what), which differs from \(named) in capitals: to Erlang that is another node"
            : "\(what), not \(named); under its own name it would begin without data"
    }

    // MARK: Decision

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        guard let own = seen.first(where: { $0.host == host }) else { return .unknown(reason: "it was not asked") }
        switch membership(of: own, seen).verdict {
        case .settled: return settled(own.observation)
        case .change(let deeds): return change(deeds, on: host, own.observation)
        case .after(let peer):
            guard let first = Broker.host(ofNode: peer) else {
                return .refused(reason: "\(peer) has to be started first")
            }
            return .knownAfter(host: first, after: id, possible: possibleActions)
        case .refused(let reason): return .refused(reason: reason)
        case .unknown(let reason): return .unknown(reason: reason)
        }
    }

    private func membership(
        of own: (host: HostName, observation: Observation?), _ seen: [(host: HostName, observation: Observation?)]
    ) -> Membership {
        let peers = members.filter { $0 != node(of: own.host) }.map { name in
            let member = seen.first { node(of: $0.host) == name }
            return (node: name, sight: sight(member?.observation ?? nil, named: name))
        }
        let named = node(of: own.host) ?? node
        var membership = Membership(node: named, own: sight(own.observation, named: named), peers: peers)
        if let cookie = cookie(own.observation) {
            let others = seen.filter { self.cookie($0.observation).map { $0 != cookie } ?? false }
            membership.strangers = Set(others.compactMap { self.node(of: $0.host) })
        }
        return membership
    }

    private func cookie(_ observation: Observation?) -> StateValue? {
        if case .present(let state)? = observation { state[Self.cookieKey] } else { nil }
    }

    private func node(of host: HostName) -> String? { members.first { Broker.host(ofNode: $0) == host } }

    private func settled(_ observation: Observation?) -> RoleDecision {
        guard case .present(let state)? = observation, state["enabled"] != "enabled" else { return .nothing }
        return .change(
            .update, differences: [Difference(key: "enabled", observed: state["enabled"], desired: "enabled")],
            from: nil)
    }

    private func change(_ deeds: Membership.Deeds, on host: HostName, _ observation: Observation?) -> RoleDecision {
        var state: State = [:]
        if case .present(let found)? = observation { state = found }
        let isNew = BrokerView(state).list("data").isEmpty && state["live"] == nil
        var confirm: PermissionName?
        var differences: [Difference] = []
        if let witness = deeds.forgetsOn {
            confirm = Self.forget(host)
            differences.append(
                Difference(key: Key.entry, observed: .text("in the cluster of \(witness)"), desired: nil))
        }
        if deeds.setsAside {
            confirm = Self.setAside(host)
            differences.append(
                Difference(key: Key.data, observed: "of a cluster that has forgotten it", desired: "set aside"))
        }
        if state["enabled"] != "enabled", deeds.starts {
            differences.append(Difference(key: "enabled", observed: state["enabled"], desired: "enabled"))
        }
        if deeds.starts { differences.append(Difference(key: Key.running, observed: false, desired: true)) }
        if deeds.startsApplication {
            differences.append(Difference(key: Key.application, observed: "stopped", desired: "running"))
        }
        if let peer = deeds.joins {
            differences.append(
                Difference(key: Key.cluster, observed: isNew ? nil : "its own", desired: .text("that of \(peer)")))
        }
        return .change(isNew ? .create : .update, differences: differences, from: nil, confirm: confirm)
    }

    /// Keys of differences, which the steps are made from.
    enum Key {
        static let entry = "old entry"
        static let data = "data"
        static let running = "running"
        static let application = "application"
        static let cluster = "cluster"
    }

    /// Members of the cluster that no inventory declares stay until somebody forgets them by hand: they may only be away.
    package func notes(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> [String] {
        guard case .present(let state)?? = seen.first(where: { $0.host == host })?.observation else { return [] }
        let view = BrokerView(state)
        var notes: [String] = []
        let strangers = Set(view.members).subtracting(members).sorted()
        if view.isRunning, !strangers.isEmpty {
            let running = Set(view.list("running"))
            let words = strangers.map { "\($0) (\(running.contains($0) ? "running" : "not running"))" }
            notes.append(
                "the cluster has members that the inventory does not declare: \(words.joined(separator: ", ")); they are "
                    + "left alone. If one is gone for good: rabbitmqctl forget_cluster_node \(strangers[0])")
        }
        if !view.list("alarms").isEmpty {
            notes.append("\(node) blocks publishers, since it lacks \(view.list("alarms").joined(separator: " and "))")
        }
        if view.isRunning, view.text("drained") == "true" {
            notes.append("\(node) is in maintenance mode; `rabbitmq-upgrade revive` ends it")
        }
        return notes
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { RabbitMemberSteps.step($0) }
    }
}
