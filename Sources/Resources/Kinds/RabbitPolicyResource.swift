package import Model

/// A policy of a RabbitMQ cluster: what queues and exchanges of certain names get.
package struct RabbitPolicyResource: BrokerResource {
    package let name: String
    let vhost: String
    let isAbsent: Bool
    let pattern: String
    let applyTo: String
    let priority: Int
    let definition: JSONValue

    private static let objects = ["all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams"]

    package static let declaration = KindDeclaration(
        name: "rabbitmq_policy",
        summary: "A policy of a RabbitMQ cluster: what queues and exchanges of certain names get.",
        subject: FieldDeclaration("rabbitmq_policy", .text, "Its name."),
        fields: [
            FieldDeclaration("vhost", .text, isRequired: true, "The virtual host."),
            FieldDeclaration("pattern", .text, defaultText: "\".*\"", "Regular expression of the names."),
            FieldDeclaration("apply_to", .choice(objects), defaultText: "all", "What it is for."),
            FieldDeclaration("priority", .number, defaultText: "0", "Of several that fit the highest counts."),
            FieldDeclaration("definition", .text, "What they get, a JSON object. Required unless it is absent."),
            .state,
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        vhost = fields.text("vhost") ?? ""
        isAbsent = fields.isAbsent
        pattern = fields.text("pattern") ?? ".*"
        applyTo = fields.text("apply_to") ?? "all"
        priority = fields.number("priority") ?? 0
        definition = (try? JSONValue(parsing: Array((fields.text("definition") ?? "").utf8))) ?? .null
        checks.requireBrokerName(name)
        checks.requireBrokerName(vhost, at: "vhost")
        checks.requireBrokerText(pattern, at: "pattern")
        if !isAbsent {
            checks.require(
                definition.object?.isEmpty == false, "definition is not a JSON object with an entry", at: "definition",
                remedy: "'{\"ha-mode\": \"all\"}'")
        }
        try checks.finish()
    }

    package var identity: String { "\(name) in \(vhost)" }

    package var wanted: State? {
        isAbsent
            ? nil
            : [
                "pattern": .text(pattern), "apply_to": .text(applyTo), "priority": .number(priority),
                "definition": .text(Self.canonical(definition)),
            ]
    }

    package func found(in broker: State) -> State? {
        BrokerView(broker).rows("policy").first { $0[0] == vhost && $0[1] == name }.map { row in
            let definition = try? JSONValue(parsing: Array(row[5].utf8))
            return [
                "pattern": .text(row[2]), "apply_to": .text(row[3]),
                "priority": Int(row[4]).map { .number($0) } ?? .text(row[4]),
                "definition": .text(definition.map(Self.canonical) ?? row[5]),
            ]
        }
    }

    /// Keys in order, so that equal definitions are equal texts.
    private static func canonical(_ value: JSONValue) -> String {
        guard let members = value.object else { return String(decoding: value.encoded(.compact), as: UTF8.self) }
        let parts = members.sorted { $0.key < $1.key }.map { key, value in
            "\(String(decoding: JSONValue.text(key).encoded(.compact), as: UTF8.self)): \(canonical(value))"
        }
        return "{" + parts.joined(separator: ", ") + "}"
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        BrokerSteps.step(changes, noun: "policy", \.identity) { change in
            let policy = change.resource
            return change.action == .remove
                ? "ctl clear_policy -p \(word: policy.vhost) \(word: policy.name)"
                : """
                ctl set_policy -p \(word: policy.vhost) --priority \(policy.priority) --apply-to \(word: policy.applyTo) \
                \(words: [policy.name, policy.pattern, canonical(policy.definition)])
                """
        }
    }
}
