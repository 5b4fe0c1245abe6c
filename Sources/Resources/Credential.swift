package import Model

/// A question to a living service: whether it accepts a secret. Read-only.
package struct CredentialProof: Sendable, Hashable {
    /// Run by `sh` on the host with `input` as its standard input. 0 = accepted, 1 = refused; anything else = it cannot be told
    /// (the service does not answer), with the reason on standard error.
    package var script: ShellText
    /// What the service is asked about, with the secret by reference.
    package var input: Content
    /// Seconds.
    package var limit: Int

    package init(_ script: ShellText, input: Content, limit: Int = 30) {
        self.script = script
        self.input = input
        self.limit = limit
    }
}

/// Passwords that services hold. What a service holds cannot be read, only tried, and that costs a round trip and often the
/// start of a client. So the host keeps a mark of the last value that was proved: the version of its source, and a digest
/// of the value under a key of that mark's own. While the mark fits, the value is not tried again; `--verify-secrets` tries
/// every one.
///
/// A kind asks for the ``mark(of:)``, gives its ``ResourceKind/proof(given:on:)``, lets ``observation(of:_:in:with:isShared:_:)`` complete its
/// state, wants ``desired(_:with:)`` for ``key``, and changes it by a ``CredentialStep``.
package enum Credential {
    package static let key = "credential"
    static let folder = "/var/lib/cso-provision/credentials"
    static let refused: StateValue = "refused"
    static let unrecorded: StateValue = "accepted, not recorded"

    /// What the host noted when it was last proved. Keys: `salt`, `digest`, `text`.
    package static func mark(of id: ResourceID) -> ProbeRequest { ProbeRequest(CredentialBatch.name, id.rawValue) }

    /// What the service said when it was asked. Keys: `status`, `errors`.
    package static func answer(of id: ResourceID) -> ProbeRequest { ProbeRequest(CredentialProofs.name, id.rawValue) }

    static func path(of id: ResourceID) -> String { folder + "/" + Digest.sha256(Array(id.rawValue.utf8)).prefix(32) }

    /// What plans and marks call the value: its sources' versions, `passwords 1a2b3c4d`.
    package static func desired(_ proof: CredentialProof, with book: SecretBook) -> StateValue {
        let sources = Set(proof.input.secretNames.map(\.source)).sorted()
        let versions = sources.map { source in
            let version = book.versions[source] ?? "?"
            // Enough of a UUID to tell versions apart.
            return "\(source) \(version.utf8.count == 36 ? String(version.prefix(8)) : version)"
        }
        return .text(versions.joined(separator: ", "))
    }

    /// Whether the host's mark is of this value.
    package static func isMarked(
        _ proof: CredentialProof, of id: ResourceID, in answers: ProbeAnswers, with book: SecretBook
    ) throws(BindingError) -> Bool {
        guard case .present(let mark) = answers[Self.mark(of: id)], let salt = mark["salt"]?.text else { return false }
        return mark["digest"]?.text == Digest.sha256(Array(salt.utf8) + (try proof.input.bound(to: book, for: .digest)))
    }

    /// `state` with what is known of the credential. One that was not tried and whose mark does not fit makes a host's own
    /// resource unknown; of a resource that all members share (`isShared`) the key is left out: another member was asked.
    package static func observation(
        of id: ResourceID, _ proof: CredentialProof, in answers: ProbeAnswers, with book: SecretBook, isShared: Bool,
        _ state: State
    ) -> Observation {
        var state = state
        let isMarked: Bool
        do throws(BindingError) { isMarked = try Self.isMarked(proof, of: id, in: answers, with: book) } catch {
            return .unknown(reason: error.description)
        }
        let wanted = desired(proof, with: book)
        var before: StateValue?
        if case .present(let mark) = answers[Self.mark(of: id)], let text = mark["text"] { before = text }
        guard answers.holds(answer(of: id)) else {
            if isMarked {
                state[key] = wanted
            } else if !isShared {
                return .unknown(reason: "its secret was not tried")
            }
            return .present(state)
        }
        guard case .present(let said) = answers[answer(of: id)], case .number(let status)? = said["status"] else {
            if case .unknown(let reason) = answers[answer(of: id)] { return .unknown(reason: reason) }
            return .unknown(reason: "its secret could not be tried")
        }
        switch status {
        case 0: state[key] = isMarked ? wanted : before.flatMap { $0 == wanted ? nil : $0 } ?? unrecorded
        // The service still has the value before, or somebody has changed it there.
        case 1: state[key] = isMarked ? refused : before.flatMap { $0 == wanted ? nil : $0 } ?? refused
        case 137: return .unknown(reason: "whether its secret is accepted could not be told within \(proof.limit) s")
        default:
            let errors = said["errors"]?.text ?? ""
            return .unknown(
                reason: "whether its secret is accepted could not be told (status \(status))"
                    + (errors.isEmpty ? "" : ": \(errors)"))
        }
        return .present(state)
    }

    /// What the host's mark says that is something else.
    static func known(_ id: ResourceID, in answers: ProbeAnswers, besides wanted: StateValue) -> StateValue? {
        guard case .present(let mark) = answers[Self.mark(of: id)], let text = mark["text"], text != wanted else {
            return nil
        }
        return text
    }

    /// The service refused the value when it was tried.
    package static func isRefused(_ id: ResourceID, in answers: ProbeAnswers) -> Bool {
        if case .present(let said) = answers[answer(of: id)] { said["status"] == .number(1) } else { false }
    }

    package enum SharedVerdict: Sendable, Hashable {
        case right
        case differs(observed: StateValue?)
    }

    /// Of a credential that all members share: right if one member that was asked, or whose mark fits, says so, and none
    /// says otherwise.
    package static func verdict(_ observations: [Observation?], wanted: StateValue) -> SharedVerdict {
        let seen = observations.compactMap { observation -> StateValue? in
            if case .present(let state)? = observation { state[key] } else { nil }
        }
        if let other = seen.first(where: { $0 != wanted }) { return .differs(observed: other) }
        return seen.isEmpty ? .differs(observed: nil) : .right
    }
}

/// Reads marks with the shell's own `read`.
package enum CredentialBatch: ProbeBatch {
    package static let name: BatchName = "credential"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        var script: ShellText = ""
        for (index, argument) in arguments.enumerated() {
            let path = Credential.path(of: ResourceID(argument))
            script += """
                if ! [ -e \(word: path) ]; then printf '%s absent\\n' \(index)
                elif IFS= read -r l <\(word: path); then printf '%s mark %s\\n' \(index) "$l"; fi

                """
        }
        return HostQuestion(script)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        var found: [String: Observation] = [:]
        for line in answer.outputLines {
            let parts = line.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
            guard parts.count >= 2, let index = Int(parts[0]), arguments.indices.contains(index) else { continue }
            if parts == [parts[0], "absent"] { found[arguments[index]] = .absent }
            if parts.count == 5, parts[1] == "mark", Digest.hex(parts[3].utf8) != nil {
                found[arguments[index]] = .present([
                    "salt": .text(parts[2]), "digest": .text(parts[3]), "text": .text(parts[4]),
                ])
            }
        }
        // A mark that cannot be read proves nothing, and is written anew.
        return Dictionary(
            arguments.map { ($0, found[$0] ?? .unknown(reason: "its mark cannot be read")) },
            uniquingKeysWith: { first, _ in first })
    }
}
