internal import Model

/// Commands of rabbitmqctl for neighbouring changes of one kind.
enum BrokerSteps {
    static func step<Resource>(
        _ changes: [Change<Resource>], noun: String, _ name: (Resource) -> String,
        _ command: (Change<Resource>) -> ShellText
    ) -> [HostStep] {
        guard !changes.isEmpty else { return [] }
        var script = StepText.opening + Broker.functions
        for change in changes {
            script += command(change) + " || die \(word: "\(noun) \(name(change.resource)): rabbitmqctl failed")\n"
        }
        let seconds = 60 + 60 * changes.count
        return [
            HostStep(
                StepText.verbs(changes, of: noun, name), script: script, isSupervised: true, limit: .seconds(seconds))
        ]
    }
}

extension FieldChecks {
    /// Of a user, a virtual host, a policy. rabbitmqctl would take one with a hyphen in front for an option.
    mutating func requireBrokerName(_ name: String, at field: String? = nil) {
        require(
            !name.isEmpty && name.utf8.count <= 255 && name.utf8.first != UInt8(ascii: "-")
                && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C },
            "\"\(name)\" is not a name that RabbitMQ's tools take", at: field,
            remedy: "1 to 255 visible ASCII characters without quotes and backslashes, no hyphen in front")
    }

    mutating func requireBrokerText(_ text: String, at field: String) {
        require(
            text.utf8.first != UInt8(ascii: "-") && !text.utf8.contains { $0 < 0x20 || $0 == 0x7F },
            "\"\(text)\" is not a pattern that rabbitmqctl takes", at: field,
            remedy: "no control character, no hyphen in front")
    }
}
