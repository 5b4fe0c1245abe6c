package import Model

/// What a user of a RabbitMQ cluster may do in a virtual host.
package struct RabbitPermissionResource: BrokerResource {
    package let user: String
    let vhost: String
    let isAbsent: Bool
    let patterns: [String]
    private static let verbs = ["configure", "write", "read"]

    package static let declaration = KindDeclaration(
        name: "rabbitmq_permission", summary: "What a user of a RabbitMQ cluster may do in a virtual host.",
        subject: FieldDeclaration("rabbitmq_permission", .text, "The user, or a list of users."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration("vhost", .text, isRequired: true, "The virtual host.")
        ]
            + verbs.map {
                FieldDeclaration(
                    $0, .text, defaultText: "\".*\"", "Regular expression of the names that it may \($0).")
            } + [.state])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        user = fields.subject
        vhost = fields.text("vhost") ?? ""
        isAbsent = fields.isAbsent
        patterns = Self.verbs.map { fields.text($0) ?? ".*" }
        checks.requireBrokerName(user)
        checks.requireBrokerName(vhost, at: "vhost")
        for (verb, pattern) in zip(Self.verbs, patterns) { checks.requireBrokerText(pattern, at: verb) }
        try checks.finish()
    }

    package var identity: String { "\(user) in \(vhost)" }
    package var wanted: State? { isAbsent ? nil : Self.state(patterns) }

    package func found(in broker: State) -> State? {
        BrokerView(broker).rows("permission").first { $0[0] == vhost && $0[1] == user }.map {
            Self.state(Array($0[2...]))
        }
    }

    private static func state(_ patterns: [String]) -> State {
        State(uniqueKeysWithValues: zip(verbs, patterns.map { StateValue.text($0) }))
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        BrokerSteps.step(changes, noun: "permissions of", \.identity) { change in
            let permission = change.resource
            return change.action == .remove
                ? "ctl clear_permissions -p \(word: permission.vhost) \(word: permission.user)"
                : "ctl set_permissions -p \(words: [permission.vhost, permission.user] + permission.patterns)"
        }
    }
}
