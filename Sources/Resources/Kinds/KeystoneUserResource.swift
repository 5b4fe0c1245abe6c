package import Model

/// The password of a keystone user who exists, proved by a token, on every member: one that this member issues is valid on
/// the others, and theirs are valid here.
///
/// A password that is refused is never reset as a matter of course: either the secret was rotated, or somebody changed the
/// password in keystone, and only the operator knows which. `confirm` names what he has to allow.
package struct KeystoneUserResource: ResourceKind {
    package let user: String
    let url: String
    let authority: String
    let unit: String
    /// The same of the other members.
    let others: [String]
    let password: Content
    let reset: ShellText

    package static let declaration = KindDeclaration(
        name: "keystone_user",
        summary:
            "The password of a keystone user, proved by a token that all members accept. It is reset only if that is "
            + "allowed.",
        subject: FieldDeclaration(
            "keystone_user", .text, "The user's name, in the domain `default`, with a project of that name."),
        fields: [
            FieldDeclaration("url", .text, isRequired: true, "This member's API: `https://NAME:5000/api/idm/v3`."),
            FieldDeclaration(
                "ca", .path, isRequired: true, "The CAs that its certificate and those of the others may be of."),
            FieldDeclaration(
                "unit", .text, isRequired: true, "The service. While it does not run nobody can be asked."),
            FieldDeclaration(
                "members", .list,
                "The names of all members, which have the same port and path; one that does not answer is left out."),
            FieldDeclaration("password", .content, isRequired: true, "One secret: the password."),
            FieldDeclaration(
                "reset", .shell, isRequired: true,
                "Sets the password that it reads on standard input, as root. Run only if the password is refused and the "
                    + "name in `confirm` was allowed."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        user = fields.subject
        checks.requireAccountName(user)
        url = fields.text("url") ?? ""
        let scheme = "https://"
        checks.require(
            url.hasPrefix(scheme) && url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\"\(url)\" is not an https URL",
            at: "url")
        let rest = url.dropFirst(scheme.count)
        let own = String(rest.prefix { $0 != ":" && $0 != "/" })
        others = (fields.list("members") ?? []).filter { $0 != own }.map {
            "\(scheme)\($0)\(rest.dropFirst(own.count))"
        }
        authority = fields.text("ca") ?? ""
        checks.requirePath(authority, at: "ca")
        unit = fields.text("unit") ?? ""
        checks.requireUnitName(unit, at: "unit")
        password = Content([.secret(checks.oneSecret("password", example: "passwords.keystone_password"), .raw)])
        reset = ShellText(script: fields.text("reset") ?? "")
        checks.require(!reset.text.isEmpty, "there is nothing to reset it with", at: "reset")
        try checks.finish()
    }

    package var identity: String { user }
    private var unitProbe: ProbeRequest { ProbeRequest(UnitBatch.name, unit) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [unitProbe, Credential.mark(of: id)] }

    private func isAnswering(_ answers: ProbeAnswers) -> Bool {
        if case .present(let state) = answers[unitProbe] { state["active"] == "active" } else { false }
    }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        observation(from: answers, on: facts, with: SecretBook())
    }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts, with book: SecretBook) -> Observation {
        guard isAnswering(answers) else {
            // The service is what is to be mended then; this is asked when it runs.
            return .present(desired(with: book))
        }
        let found = Credential.observation(of: id, proof, in: answers, with: book, isShared: false, [:])
        guard case .present(var state) = found else { return found }
        let wanted = Credential.desired(proof, with: book)
        let isRefused = Credential.isRefused(id, in: answers)
        // As long as another member has not set it: what was found there is then no longer true here.
        if state[Credential.key] != wanted || isRefused, Credential.known(id, in: answers, besides: wanted) == nil {
            state[Credential.key] = "not proved"
        }
        state[Self.password] =
            isRefused
            ? "refused: the secret was rotated, or the password was changed in keystone by hand" : Self.accepted
        return .present(state)
    }

    private static let password = "password"
    private static let accepted: StateValue = "accepted"

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? { desired(with: book) }
    private func desired(with book: SecretBook) -> State {
        [Self.password: Self.accepted, Credential.key: Credential.desired(proof, with: book)]
    }

    /// Only a reset takes away what somebody may rely on: his password, and the tokens that it was used for.
    package func isPointOfNoReturn(_ differences: [Difference]) -> Bool {
        differences.contains { $0.key == Self.password && $0.observed != nil }
    }

    package func proof(given answers: ProbeAnswers, on facts: HostFacts) -> CredentialProof? {
        isAnswering(answers) ? proof : nil
    }

    private var proof: CredentialProof {
        var body = Content(
            #"{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"\#(user)","domain":{"id":"default"},"password":""#
        )
        for name in password.secretNames { body.append(.secret(name, .json)) }
        body.append(
            Content(
                #""}}},"scope":{"project":{"name":"\#(user)","domain":{"id":"default"}}}}}"#))
        return CredentialProof(script, input: body, limit: 60)
    }

    /// Tokens stay in the shell's memory; curl gets them as a configuration on its standard input.
    private var script: ShellText {
        """
        body=$(cat; printf x)
        body=${body%x}
        ask() { curl -q -sS -m 15 --connect-timeout 5 --noproxy '*' --proto =https --cacert \(word: authority) "$@"; }
        # issue URL: sets $status and $token
        issue() {
        answer=$(printf '%s' "$body" | ask -D - -o /dev/null -H 'Content-Type: application/json' --data-binary @- "$1/auth/tokens") \\
        || return 1
        status=${answer#* }
        status=${status%%[!0-9]*}
        token=${answer#*[Xx]-[Ss]ubject-[Tt]oken: }
        token=${token%%[!A-Za-z0-9_=-]*}
        }
        # accepts URL: whether it says that $token is valid
        accepts() {
        code=$(printf 'header = "X-Auth-Token: %s"\\nheader = "X-Subject-Token: %s"\\n' "$token" "$token" |
        ask -K - -o /dev/null -w '%{http_code}' "$1/auth/tokens") || return 1
        [ "$code" = 200 ]
        }
        own=\(word: url)
        issue "$own" || exit 3
        case $status in
        201) ;;
        401) exit 1 ;;
        *) echo "$own answered with status $status" >&2; exit 3 ;;
        esac
        accepts "$own" || { echo "$own issued a token and does not accept it" >&2; exit 3; }
        mine=$token
        for other in \(words: others); do
        # One that is down says nothing of this one.
        ask -o /dev/null "$other" 2>/dev/null || continue
        token=$mine
        accepts "$other" || { echo "$other does not accept a token of $own: are their keys the same?" >&2; exit 3; }
        issue "$other" && [ "$status" = 201 ] || { echo "$other issues no token (status ${status-})" >&2; exit 3; }
        accepts "$own" || { echo "$own does not accept a token of $other: are their keys the same?" >&2; exit 3; }
        done
        exit 0
        """
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let user = change.resource
            let resets = user.isPointOfNoReturn(change.differences)
            let step = CredentialStep(
                id: user.id, proof: user.proof,
                // Between the plan and this moment somebody may have changed it: that is not what was agreed to.
                change: resets
                    ? user.reset
                    : "echo 'the password is refused by now; plan again' >&2; exit 1",
                changeInput: user.password)
            let wanted = change.differences.first { $0.key == Credential.key }?.desired
            return step.step(
                resets ? "reset the password of \(user.user)" : "prove the password of \(user.user)", wanted: wanted)
        }
    }
}
