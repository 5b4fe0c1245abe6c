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
                "What a queue becomes whose client does not say it, in a virtual host that is made. One that exists keeps "
                    + "what it has: clients that declare their queues of the other type again would be refused."),
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

    package var wanted: State? { isAbsent ? nil : ["type": "virtual host"] }

    package func found(in broker: State) -> State? {
        BrokerView(broker).vhosts.contains(name) ? ["type": "virtual host"] : nil
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        BrokerSteps.step(changes, noun: "virtual host", \.name) { change in
            let vhost = change.resource
            if change.action == .remove { return "ctl delete_vhost \(word: vhost.name)" }
            return vhost.queueType.map { "ctl add_vhost \(word: vhost.name) --default-queue-type \(word: $0.rawValue)" }
                ?? "ctl add_vhost \(word: vhost.name)"
        }
    }
}
