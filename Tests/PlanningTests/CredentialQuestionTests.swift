import Compile
import Model
import Planning
import Resources
import Testing

/// A kind with a secret that somebody can be asked about unless `absent` was seen. `Shared` decides it for all members.
private struct Account: ResourceKind {
    static let declaration = KindDeclaration(
        name: "account", summary: "An account.", subject: FieldDeclaration("account", .text, "Its name."), fields: [])
    let identity: String
    init(_ fields: Fields) throws(Diagnostics) { identity = fields.subject }
    init(name: String) { identity = name }
    func probes(on facts: HostFacts) -> [ProbeRequest] { [Credential.mark(of: id)] }
    func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation { .absent }
    func desired(with book: SecretBook, on facts: HostFacts) -> State? { [:] }
    func proof(given answers: ProbeAnswers, on facts: HostFacts) -> CredentialProof? { AccountSecret.proof }
    static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] { [] }
}

private struct SharedAccount: RoleResource {
    static let declaration = KindDeclaration(
        name: "shared_account", summary: "An account.", subject: FieldDeclaration("shared_account", .text, "Its name."),
        fields: [])
    let identity: String
    init(_ fields: Fields) throws(Diagnostics) { identity = fields.subject }
    init(name: String) { identity = name }
    var possibleActions: Set<ChangeAction> { [.update] }
    func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision { .nothing }
    func probes(on facts: HostFacts) -> [ProbeRequest] { [Credential.mark(of: id)] }
    func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation { .absent }
    func desired(with book: SecretBook, on facts: HostFacts) -> State? { [:] }
    func proof(given answers: ProbeAnswers, on facts: HostFacts) -> CredentialProof? { AccountSecret.proof }
    static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] { [] }
}

private enum AccountSecret {
    static let proof = CredentialProof("true", input: Content([.secret("s.password", .raw)]))
    static let book = SecretBook(values: ["s.password": Secret("value")], versions: ["s": "1"])
}

@Suite("Which secrets are tried, and where")
struct CredentialQuestionTests {
    enum Mark: Sendable { case none, fits, other, unreachable, wasTried }

    /// Hosts on which the account is tried.
    private func asked(_ marks: [Mark], isShared: Bool, tryingAll: Bool = false) -> [String] {
        let resource: any ResourceKind = isShared ? SharedAccount(name: "a") : Account(name: "a")
        let declared = DeclaredResource(
            resource: resource, notifies: [], secretNames: ["s.password"], location: Declared.place, digest: "")
        let members = marks.enumerated().map { index, mark -> MemberView in
            let host = HostName("host\(index + 1)")
            var seen = Seen()
            let request = Credential.mark(of: resource.id)
            func marked(_ value: String) -> Observation {
                .present(["salt": "00", "digest": .text(Digest.sha256(Array("00\(value)".utf8))), "text": "s 1"])
            }
            switch mark {
            case .unreachable: return .notSeen(host, reason: "timed out")
            case .none: seen = seen.with(request, .absent)
            case .fits: seen = seen.with(request, marked("value"))
            case .other: seen = seen.with(request, marked("before"))
            case .wasTried:
                seen = seen.with(request, .absent)
                    .with(Credential.answer(of: resource.id), .present(["status": 1, "errors": ""]))
            }
            return .seen(seen.view(host, [declared]))
        }
        return CredentialQuestions.open(members, with: AccountSecret.book, tryingAll: tryingAll).keys
            .map(\.rawValue).sorted()
    }

    @Test("a host's own is tried where its mark does not fit") func own() {
        #expect(asked([.none, .fits, .other, .unreachable, .wasTried], isShared: false) == ["host1", "host3"])
        #expect(asked([.fits, .fits], isShared: false).isEmpty)
        #expect(asked([.fits, .wasTried, .none], isShared: false, tryingAll: true) == ["host1", "host3"])
    }

    @Test("what all share is tried once, unless a member's mark fits") func shared() {
        #expect(asked([.none, .other, .none], isShared: true) == ["host1"])
        #expect(asked([.unreachable, .other, .none], isShared: true) == ["host2"])
        #expect(asked([.none, .fits], isShared: true).isEmpty)
        #expect(asked([.none, .wasTried], isShared: true).isEmpty)
        #expect(asked([.none, .fits], isShared: true, tryingAll: true) == ["host1"])
    }
}
