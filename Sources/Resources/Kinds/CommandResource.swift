package import Model

/// A command, run when its guard says so.
package struct CommandResource: ResourceKind {
    package enum Guard: Sendable, Hashable {
        /// Nothing to do if this path exists.
        case creates(String)
        /// Nothing to do if this exits 0; to do if it exits 1.
        case unless(ShellText)
        /// To do if this exits 0; nothing to do if it exits 1.
        case onlyIf(ShellText)
    }

    package let label: String
    package let run: ShellText
    package let condition: Guard
    package let input: Content?
    package let limit: Duration

    package static let declaration = KindDeclaration(
        name: "command", summary: "A command, run when its guard says so.",
        subject: FieldDeclaration("command", .text, "What it is called in plans and reports."),
        fields: [
            FieldDeclaration("run", .shell, isRequired: true, "What is run, by `sh -eu` as root."),
            FieldDeclaration("creates", .path, "Guard: it is run if nothing lies at this path."),
            FieldDeclaration(
                "unless", .shell, "Guard: 0 = nothing to do, 1 = it is run, anything else stops the plan."),
            FieldDeclaration(
                "only_if", .shell, "Guard: 0 = it is run, 1 = nothing to do, anything else stops the plan."),
            FieldDeclaration("input", .content, "Its standard input; the way for secrets."),
            FieldDeclaration("limit", .duration, defaultText: "10m", "How long it may take."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        label = fields.subject
        checks.requireLabel(label)
        run = ShellText(script: fields.text("run") ?? "")
        checks.require(fields.text("run")?.isEmpty == false, "there is nothing to run", at: "run")
        let guards: [(field: String, guard: Guard?)] = [
            ("creates", fields.text("creates").map { .creates($0) }),
            ("unless", fields.text("unless").map { .unless(ShellText(script: $0)) }),
            ("only_if", fields.text("only_if").map { .onlyIf(ShellText(script: $0)) }),
        ]
        let given = guards.filter { $0.guard != nil }
        checks.require(
            given.count == 1, given.isEmpty ? "a command needs a guard" : "a command has one guard",
            at: given.last?.field, remedy: "one of creates, unless, only_if")
        condition = given.first?.guard ?? .creates("/")
        if case .creates(let path) = condition, !given.isEmpty { checks.requirePath(path, at: "creates") }
        input = fields.content("input")
        limit = fields.duration("limit") ?? .seconds(600)
        try checks.finish()
    }

    package var identity: String { label }
    package var influence: Influence { .anything }
    package var creation: ChangeAction { .run }

    private var request: ProbeRequest {
        switch condition {
        case .creates(let path): ProbeRequest(PathBatch.name, path)
        case .unless(let script), .onlyIf(let script): ScriptBatch.request(script)
        }
    }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [request] }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let answer = answers[request]
        let presence: Observation
        switch condition {
        case .creates: presence = answer
        case .unless: presence = ScriptBatch.presence(answer, what: "`unless`")
        case .onlyIf:
            switch ScriptBatch.presence(answer, what: "`only_if`") {
            case .present: presence = .absent
            case .absent: presence = .present([:])
            case let unknown: presence = unknown
            }
        }
        if case .present = presence { return .present(["done": true]) }
        return presence
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? { ["done": true] }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let command = change.resource
            var script = StepText.opening + "umask 022\n"
            switch command.condition {
            case .creates(let path):
                script += """
                    if [ -e \(word: path) ] || [ -L \(word: path) ]; then echo \(word: command.label)": nothing to do any more"; exit 0; fi

                    """
            case .unless(let condition):
                script += GuardedRun.ask(condition) + GuardedRun.decide(done: 0, todo: 1, label: command.label)
            case .onlyIf(let condition):
                script += GuardedRun.ask(condition) + GuardedRun.decide(done: 1, todo: 0, label: command.label)
            }
            script += GuardedRun.run(command.run, label: command.label)
            return HostStep(
                "run \(command.label)", script: script, input: command.input, isSupervised: true, limit: command.limit)
        }
    }
}

extension FieldChecks {
    /// One line, so that plans and reports stay readable.
    mutating func requireLabel(_ label: String) {
        require(
            !label.isEmpty && !label.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a label is one line of text",
            remedy: "say in a few words what it does")
    }
}
