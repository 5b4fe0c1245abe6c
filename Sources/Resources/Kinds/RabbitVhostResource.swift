package import Model

/// A virtual host of a RabbitMQ cluster.
package struct RabbitVhostResource: BrokerResource {
    enum QueueType: String, CaseIterable { case classic, quorum, stream }

    package let name: String
    let isAbsent: Bool
    let queueType: QueueType?

    package static let declaration = KindDeclaration(
        name: "rabbitmq_vhost", summary: "A virtual host of a RabbitMQ cluster.",
        subject: FieldDeclaration("rabbitmq_vhost", .text, "Its name, or a list of names."), allowsSubjectList: true,
        fields: [
            FieldDeclaration(
                "queue_type", .choice(QueueType.allCases.map(\.rawValue)),
                "What a new queue becomes whose client does not say it; queues that exist stay what they are. Left out: "
                    + "not compared."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present",
                "`absent` removes it with all its queues and messages; give it a `confirm`."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        checks.requireBrokerName(name)
        isAbsent = fields.isAbsent
        queueType = fields.text("queue_type").flatMap(QueueType.init(rawValue:))
        try checks.finish()
    }

    package var identity: String { name }

    package var wanted: State? {
        if isAbsent { return nil }
        var state: State = ["type": "virtual host"]
        if let queueType { state["queue_type"] = .text(queueType.rawValue) }
        return state
    }

    package func found(in broker: State) -> State? {
        BrokerView(broker).rows("vhost").first { $0[0] == name }.map { row in
            ["type": "virtual host", "queue_type": .text(row[1] == "undefined" ? "classic" : row[1])]
        }
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        BrokerSteps.step(changes, noun: "virtual host", \.name) { change in
            let vhost = change.resource
            let name = vhost.name
            let type = vhost.queueType?.rawValue ?? "classic"
            return switch change.action {
            case .remove: "ctl delete_vhost \(word: name)"
            case .create:
                vhost.queueType.map { "ctl add_vhost \(word: name) --default-queue-type \(word: $0.rawValue)" }
                    ?? "ctl add_vhost \(word: name)"
            // 3.10's rabbitmqctl has no word for it (EX_USAGE); what a later one calls is there.
            default:
                """
                { ctl update_vhost_metadata \(word: name) --default-queue-type \(word: type) 2>/dev/null ||
                { [ "$?" -eq 64 ] && ctl eval \(word: Self.change(of: name, to: type)) >/dev/null; }; }
                """
            }
        }
    }

    /// The name has no quotes and no backslashes.
    private static func change(of name: String, to type: String) -> String {
        "rabbit_misc:execute_mnesia_transaction(fun() -> rabbit_vhost:update_metadata(<<\"\(name)\">>, "
            + "fun(M) -> M#{default_queue_type => <<\"\(type)\">>} end) end)."
    }
}
