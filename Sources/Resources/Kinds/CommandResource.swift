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
    package let inputs: [String]
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
            FieldDeclaration(
                "inputs", .list,
                "Files that it reads: it is run again when the content of one has changed since, or of what `creates` names."
            ),
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
        inputs = fields.list("inputs") ?? []
        checks.requireInputs(inputs)
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
    private var marks: String { "\(InputMarks.folder)/command-\(Digest.sha256(Array(label.utf8)).prefix(16))" }
    /// What it made is looked at like what it was made of: somebody may have put another in its place.
    private var markedPaths: [String] {
        guard !inputs.isEmpty else { return [] }
        if case .creates(let path) = condition { return inputs + [path] }
        return inputs
    }
    private var inputRequest: ProbeRequest? { Self.inputRequest(markedPaths, marks: marks) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [request] + (inputRequest.map { [$0] } ?? []) }
    package func objection(among resources: [any ResourceKind]) -> Objection? { objectionToInputs(among: resources) }

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
        guard case .present = presence else { return presence }
        var state: State = ["done": true]
        if let inputRequest {
            switch answers[inputRequest] {
            case .unknown(let reason): return .unknown(reason: "inputs: \(reason)")
            case .absent: state["inputs"] = "not recorded"
            case .present(let found): state["inputs"] = found["changed"]
            }
        }
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        inputs.isEmpty ? ["done": true] : ["done": true, "inputs": .list([])]
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let command = change.resource
            var script = StepText.opening + "umask 022\n"
            switch command.condition {
            // What is there was made of something else.
            case _ where change.differs(in: "inputs") && change.action == .update: break
            case .creates(let path):
                script += """
                    if [ -e \(word: path) ] || [ -L \(word: path) ]; then echo \(word: command.label)": nothing to do any more"; exit 0; fi

                    """
            case .unless(let condition):
                script += GuardedRun.ask(condition) + GuardedRun.decide(done: 0, todo: 1, label: command.label)
            case .onlyIf(let condition):
                script += GuardedRun.ask(condition) + GuardedRun.decide(done: 1, todo: 0, label: command.label)
            }
            script += command.marking(GuardedRun.run(command.run, label: command.label))
            return HostStep(
                "run \(command.label)", script: script, input: command.input, isSupervised: true, limit: command.limit)
        }
    }
}

extension CommandResource {
    /// Inputs are measured before they are read, and marked when all went well.
    private func marking(_ work: ShellText) -> ShellText {
        guard !inputs.isEmpty else { return work }
        let products = markedPaths.dropFirst(inputs.count)
        return """
            \(script: InputMarks.measuring)\
            marks=\(word: marks)
            mkdir -p -m 0700 -- \(word: InputMarks.folder) || die "cannot make "\(word: InputMarks.folder)
            measured=$(umask 077; measure \(words: inputs)) || exit 1
            \(script: work)\
            \(script: products.isEmpty ? "" : "measured=$measured'\n'$(measure \(words: Array(products))) || exit 1\n")\
            umask 077
            printf '%s\\n' "$measured" >"$marks.cso-tmp" && sync -- "$marks.cso-tmp" && mv -fT -- "$marks.cso-tmp" "$marks" || die "cannot write $marks"

            """
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
