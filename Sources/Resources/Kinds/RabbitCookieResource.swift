package import Model

/// The secret that the nodes of a cluster know each other by. A node reads it when it starts, so it stops before another
/// one is put in place: afterwards nothing on the host could tell it to.
package struct RabbitCookieResource: RoleResource {
    package let content: Content
    private let file: FileWrite

    package static let declaration = KindDeclaration(
        name: "rabbitmq_cookie",
        summary:
            "The Erlang cookie of a RabbitMQ node. A node that runs with another one is stopped before it is replaced; "
            + "where all members run with another, that is a full stop of the cluster and needs "
            + "`--allow change-erlang-cookie`.",
        subject: FieldDeclaration("rabbitmq_cookie", .text, "What plans call it: the cluster's name."),
        fields: [
            FieldDeclaration(
                "content", .content, isRequired: true,
                "The secret: letters and digits, at most 255, and not 20 capitals, which Debian's package replaces.")
        ])
    static let permission: PermissionName = "change-erlang-cookie"

    private let label: String

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        label = fields.subject
        checks.requireLabel(label)
        content = Content([.secret(checks.oneSecret("content", example: "rabbitmq.erlang_cookie"), .raw)])
        file = FileWrite(
            path: Broker.cookie, content: content,
            attributes: FileAttributes(mode: 0o400, owner: Broker.user, group: Broker.user))
        try checks.finish()
    }

    package var identity: String { label }
    package var isSensitive: Bool { true }
    package var influence: Influence { .anything }
    package var managedPaths: [String] { [file.path] }
    package var possibleActions: Set<ChangeAction> { [.create, .update] }
    package var permissions: Set<PermissionName> { [Self.permission] }

    package func objection(to book: SecretBook) -> BindingError? {
        for name in content.secretNames {
            guard let secret = book[name] else { continue }
            let complaint = secret.reveal(to: .digest) { bytes -> String? in
                let isPlain = bytes.allSatisfy { byte in
                    switch byte {
                    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                    default: false
                    }
                }
                if !isPlain || bytes.isEmpty || bytes.count > 255 {
                    return "a cookie is of letters and digits, at most 255, without a line break"
                }
                let isErlangs = bytes.count == 20 && bytes.allSatisfy { (0x41...0x5A).contains($0) }
                return isErlangs
                    ? "it is 20 capitals, which rabbitmq-server takes for Erlang's own weak form and replaces" : nil
            }
            if let complaint { return .unfit(name, complaint) }
        }
        return nil
    }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        FileState.probes(file.path, content: content) + [BrokerBatch.request]
    }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        .unknown(reason: "it is compared with the secret")
    }

    /// Keys: `file` (`right`, `wrong` or none), its attributes, and `node`: `accepts` or `refuses` what lies in the file, or
    /// `none` runs.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts, with book: SecretBook) -> Observation {
        let seen = FileState.observation(file.path, content: content, attributes: file.attributes, from: answers)
        guard case .present(let broker) = answers[BrokerBatch.request] else { return answers[BrokerBatch.request] }
        var state: State = [:]
        switch seen {
        case .unknown: return seen
        case .absent: state["file"] = "none"
        case .present(let found):
            let wanted: State
            do throws(BindingError) {
                wanted = try FileState.desired(content: content, attributes: file.attributes, with: book)
            } catch { return .unknown(reason: error.description) }
            state["file"] = found["content"] == wanted["content"] ? "right" : "wrong"
            for key in ["type", "mode", "owner", "group"] where found[key] != wanted[key] { state[key] = found[key] }
        }
        let view = BrokerView(broker)
        state["node"] = view.text("live") == nil ? "none" : view.state["refuses"] == true ? "refuses" : "accepts"
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? { ["file": "right"] }

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        let state: State
        switch seen.first(where: { $0.host == host })?.observation {
        case .present(let found)?: state = found
        case .unknown(let reason)?: return .unknown(reason: reason)
        case .absent?, nil: return .unknown(reason: "it was not asked")
        }
        var differences = state.compactMap { key, value in
            ["file", "node"].contains(key) ? nil : Difference(key: key, observed: value, desired: Self.wanted[key])
        }
        if state["file"] != "right" {
            // It has a word of its own: that the cookie is wrong is what an operator has to read.
            differences.insert(Difference(key: "cookie", observed: state["file"], desired: "the secret's"), at: 0)
        }
        let isOfNode = state["file"] == "right" && state["node"] == "refuses"
        if isOfNode {
            differences.append(Difference(key: "node", observed: "runs with another cookie", desired: "stopped"))
        } else if state["file"] != "right", state["node"] != "none" {
            differences.append(Difference(key: "node", observed: "running", desired: "stopped"))
        }
        if differences.isEmpty { return .nothing }
        let stops = differences.contains { $0.key == "node" }
        // One that has the right one already, and lives by it: then this is the repair of a single member.
        let model = seen.contains { member in
            guard member.host != host, case .present(let other)? = member.observation else { return false }
            return other["file"] == "right" && other["node"] == "accepts"
        }
        return .change(
            state["file"] == "none" ? .create : .update, differences: differences, from: nil,
            confirm: stops && !model ? Self.permission : nil)
    }

    private static let wanted: State = ["type": "file", "mode": "0400", "owner": "rabbitmq", "group": "rabbitmq"]

    /// systemd's stop asks the node by the cookie in the file; where the node has another one that is refused, and systemd
    /// goes on with a signal, which the node obeys as well.
    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let cookie = change.resource
            if FileAttributes.isOnly(in: change.differences), change.action == .update {
                return FileSteps.adjust(cookie.file.path, attributes: cookie.file.attributes)
            }
            let stops = change.differs(in: "node")
            var step = FileWriting.step(
                [cookie.file], summary: stops ? "stop \(Broker.unit); write \(Broker.cookie)" : "write \(Broker.cookie)"
            )
            if stops {
                step.script =
                    "systemctl stop -- \(word: Broker.unit.rawValue) || exit 1\n" + step.script
                step.isSupervised = true
                step.limit = .seconds(300)
            }
            return step
        }
    }
}
