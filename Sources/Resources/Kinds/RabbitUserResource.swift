package import Model

/// A user of a RabbitMQ cluster, with its tags and, if one is given, its password.
package struct RabbitUserResource: BrokerResource {
    package let name: String
    let isAbsent: Bool
    let tags: [String]
    let password: Content?

    package static let declaration = KindDeclaration(
        name: "rabbitmq_user", summary: "A user of a RabbitMQ cluster. Its password is proved by logging in with it.",
        subject: FieldDeclaration("rabbitmq_user", .text, "Its name, or a list of names."), allowsSubjectList: true,
        fields: [
            FieldDeclaration(
                "password", .content, "One secret, without white space at its ends. Required unless it is absent."),
            FieldDeclaration(
                "tags", .list, defaultText: "[]", "What it may do in the management interface: `administrator`."),
            .state,
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        isAbsent = fields.isAbsent
        tags = (fields.list("tags") ?? []).sorted()
        password = fields.content("password")
        checks.requireBrokerName(name)
        for tag in tags { checks.requireBrokerName(tag, at: "tags") }
        checks.require(Set(tags).count == tags.count, "a tag is given twice", at: "tags")
        if isAbsent {
            checks.require(password == nil, "a user that shall be absent has no password", at: "password")
        } else {
            _ = checks.oneSecret("password", example: "passwords.rabbitmq_password")
        }
        try checks.finish()
    }

    package var identity: String { name }
    package var wanted: State? { isAbsent ? nil : ["type": "user", "tags": .list(tags)] }

    package func found(in broker: State) -> State? {
        BrokerView(broker).rows("user").first { $0[0] == name }.map {
            ["type": "user", "tags": .list(Array($0[1...]))]
        }
    }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        [BrokerBatch.request] + (isAbsent ? [] : [Credential.mark(of: id)])
    }

    // MARK: Password

    /// rabbitmqctl takes white space off both ends of the line that it reads.
    package func objection(to book: SecretBook) -> BindingError? {
        for name in password?.secretNames ?? [] {
            guard let secret = book[name] else { continue }
            let isUnfit = secret.reveal(to: .digest) { bytes in
                let blanks: Set<UInt8> = [0x20, 0x09]
                return bytes.isEmpty || bytes.contains { $0 == 0 || (0x0A...0x0D).contains($0) }
                    || bytes.first.map(blanks.contains) == true || bytes.last.map(blanks.contains) == true
                    || String(validating: bytes, as: UTF8.self).map { $0.trimmed.utf8.count != bytes.count } ?? true
            }
            if isUnfit {
                return .unfit(
                    name,
                    "rabbitmqctl cannot read it as it is: it must be one line of UTF-8 without white space at its ends")
            }
        }
        return nil
    }

    private var proof: CredentialProof? {
        guard let password else { return nil }
        var input = password
        input.append(Content("\n"))
        // 65 (EX_DATAERR) alone says that it is wrong; 69, 70 and 75 say that nobody was asked.
        return CredentialProof(
            """
            die() { printf '%s\\n' "$1" >&2; exit 3; }
            \(script: Broker.functions)
            said=$(ctl authenticate_user \(word: name) 2>&1)
            status=$?
            case $status in
            0) exit 0 ;;
            65) exit 1 ;;
            esac
            die "rabbitmqctl authenticate_user ended with $status"
            """, input: input)
    }

    package func proof(given answers: ProbeAnswers, on facts: HostFacts) -> CredentialProof? {
        guard case .present(let state) = answers[BrokerBatch.request], BrokerView(state).isRunning,
            found(in: state) != nil
        else { return nil }
        return proof
    }

    private static let wantedKey = "wanted credential"

    /// As of any other such resource, with the password's state and what it shall be.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts, with book: SecretBook) -> Observation {
        let plain = observation(from: answers, on: facts)
        guard let proof else { return plain }
        var state: State = [:]
        switch plain {
        case .unknown: return plain
        case .absent: state["type"] = "none"
        case .present(let found): state = found
        }
        if state["broker"] != nil {
            // That it was proved before still stands.
            if (try? Credential.isMarked(proof, of: id, in: answers, with: book)) == true {
                state[Credential.key] = Credential.desired(proof, with: book)
            }
            return .present(state)
        }
        state[Self.wantedKey] = Credential.desired(proof, with: book)
        if plain == .absent { return .present(state) }
        return Credential.observation(of: id, proof, in: answers, with: book, isShared: true, state)
    }

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        guard !isAbsent else { return sharedDecision(on: host, seen: seen) }
        guard let own = seen.first(where: { $0.host == host })?.observation else {
            return .unknown(reason: "it could not be asked")
        }
        guard case .present(let state) = own, let goal = state[Self.wantedKey] else {
            return sharedDecision(on: host, seen: seen)
        }
        var differences = state.differences(from: wanted ?? [:])
        var verdict = Credential.verdict(seen.map(\.observation), wanted: goal)
        // It is accepted; that this host shall note it too is no reason to change the only member that serves.
        let isComplete = seen.allSatisfy { member in
            if case .present(let other)? = member.observation { other[Self.wantedKey] != nil } else { false }
        }
        if verdict == .differs(observed: Credential.unrecorded), !isComplete { verdict = .right }
        if state["type"] == "none" || verdict != .right {
            var observed: StateValue?
            if case .differs(let found) = verdict { observed = found }
            differences.append(Difference(key: Credential.key, observed: observed, desired: goal))
        }
        if differences.isEmpty { return .nothing }
        let first = seen.first { member in
            guard case .present(let other)? = member.observation, other[Self.wantedKey] != nil else { return false }
            return verdict != .right || !other.differences(from: wanted ?? [:]).isEmpty
        }
        if let first, first.host != host {
            return .knownAfter(host: first.host, after: id, possible: possibleActions)
        }
        return .change(state["type"] == "none" ? .create : .update, differences: differences, from: nil)
    }

    // MARK: Steps

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.flatMap { $0.resource.steps(for: $0) }
    }

    private func steps(for change: Change<Self>) -> [HostStep] {
        guard change.action != .remove, let proof else {
            return BrokerSteps.step([change], noun: "user", \.name) { _ in "ctl delete_user \(word: name)" }
        }
        let setTags: ShellText = "ctl set_user_tags \(words: [name] + tags)"
        if change.action == .update, !change.differs(in: Credential.key) {
            return BrokerSteps.step([change], noun: "user", \.name) { _ in setTags }
        }
        let verb: ShellText = change.action == .create ? "add_user" : "change_password"
        var step = CredentialStep(
            id: id, proof: proof,
            change: """
                die() { printf '%s\\n' "$1" >&2; exit 1; }
                \(script: Broker.functions)
                ctl \(script: verb) \(word: name) >/dev/null
                """)
        if change.action == .create || change.differs(in: "tags") {
            step.before = Broker.functions
            step.after = setTags + " || die \(word: "the tags of \(name) cannot be set")\n"
        }
        let wanted = change.differences.first { $0.key == Credential.key }?.desired
        let verbs = change.action == .create ? "make user \(name)" : "give user \(name) its password"
        return [step.step(verbs, wanted: wanted)]
    }
}
