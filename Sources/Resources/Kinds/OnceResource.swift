package import Model

/// Something that is done once for all members of a role, on the leader. Whether it was done is seen in the service itself,
/// never remembered.
package struct OnceResource: RoleResource {
    package enum Vantage: String, Sendable, Hashable, CaseIterable {
        /// Each member has evidence of its own (a file): every one of them must be asked.
        case members
        /// All members see the same evidence (a database): any that sees it proves it, and the leader's view is enough to
        /// say that it was not done.
        case leader
    }

    /// What becomes of it while a member cannot be asked.
    package enum Unseen: String, Sendable, Hashable, CaseIterable {
        /// That member may have done it: nothing is done until it answers.
        case refuse
        /// Doing it twice is detected and harmless: the leader goes on.
        case run
    }

    package let label: String
    package let run: ShellText
    package let evidence: ShellText
    package let seenFrom: Vantage
    package let unseen: Unseen
    package let input: Content?
    package let limit: Duration

    package static let declaration = KindDeclaration(
        name: "once", summary: "Something that is done once for all members of a role, on the leader.",
        subject: FieldDeclaration("once", .text, "What it is called in plans and reports."),
        fields: [
            FieldDeclaration("run", .shell, isRequired: true, "What the leader runs, by `sh -eu` as root."),
            FieldDeclaration(
                "evidence", .shell, isRequired: true,
                "Looks whether it was done: 0 = done, 1 = not done, anything else stops the plan. Changes nothing."),
            FieldDeclaration(
                "seen_from", .choice(Vantage.allCases.map(\.rawValue)), defaultText: "members",
                "`members`: done if any member shows it, so all must be asked; `leader`: all see the same."),
            FieldDeclaration(
                "unseen", .choice(Unseen.allCases.map(\.rawValue)), defaultText: "refuse",
                "`refuse`: a member that cannot be asked may have done it, so nothing is done; `run`: it is done all the "
                    + "same. Only where doing it twice is detected and harmless."),
            FieldDeclaration("input", .content, "Its standard input; the way for secrets."),
            FieldDeclaration("limit", .duration, defaultText: "10m", "How long it may take."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        label = fields.subject
        checks.requireLabel(label)
        run = ShellText(script: fields.text("run") ?? "")
        evidence = ShellText(script: fields.text("evidence") ?? "")
        for field in ["run", "evidence"] {
            checks.require(fields.text(field)?.isEmpty == false, "\(field) is empty", at: field)
        }
        seenFrom = fields.text("seen_from").flatMap(Vantage.init(rawValue:)) ?? .members
        unseen = fields.text("unseen").flatMap(Unseen.init(rawValue:)) ?? .refuse
        input = fields.content("input")
        limit = fields.duration("limit") ?? .seconds(600)
        try checks.finish()
    }

    package var identity: String { label }
    package var influence: Influence { .anything }
    package var creation: ChangeAction { .run }
    package var possibleActions: Set<ChangeAction> { [.run] }

    package func probes(on facts: HostFacts) -> [ProbeRequest] { [ScriptBatch.request(evidence)] }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let presence = ScriptBatch.presence(answers[ScriptBatch.request(evidence)], what: "`evidence`")
        if case .present = presence { return .present(["done": true]) }
        return presence
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? { ["done": true] }

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        guard let leader = seen.first(where: { $0.observation != nil })?.host else {
            return .refused(reason: "no member could be asked")
        }
        let witnesses = seenFrom == .leader ? seen.filter { $0.host == leader } : seen
        // One that sees it is enough, whoever was to be asked.
        if seen.contains(where: { if case .present? = $0.observation { true } else { false } }) { return .nothing }
        let silent = witnesses.filter { $0.observation == nil }.map(\.host.rawValue)
        if !silent.isEmpty, unseen == .refuse {
            return .refused(
                reason: "\(silent.joined(separator: ", ")) could not be asked and may have done it; doing it twice "
                    + "could destroy data")
        }
        for witness in witnesses {
            if case .unknown(let reason)? = witness.observation {
                return .unknown(reason: "\(witness.host): \(reason)")
            }
        }
        if host == leader {
            return .change(.run, differences: [Difference(key: "done", observed: nil, desired: true)], from: nil)
        }
        return .knownAfter(host: leader, after: id, possible: [.run])
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let once = change.resource
            return HostStep(
                "run once: \(once.label)",
                script: StepText.opening + "umask 022\n" + GuardedRun.ask(once.evidence)
                    + GuardedRun.decide(done: 0, todo: 1, label: once.label)
                    + GuardedRun.run(once.run, label: once.label),
                input: once.input, isSupervised: true, limit: once.limit)
        }
    }
}
