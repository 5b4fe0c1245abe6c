package import Model

/// One thing that recipes can declare: how it is told apart, how it is looked at, and how a difference is removed. All of
/// it is pure. A kind is one file in Kinds/, one line in ``Catalogue``, and its cases in Tests.
package protocol ResourceKind: Sendable {
    static var declaration: KindDeclaration { get }

    /// From evaluated fields. Throws what only this kind can know to be wrong.
    init(_ fields: Fields) throws(Diagnostics)

    /// Unique among the resources of this kind on a host: a path, a name.
    var identity: String { get }

    /// Values, digests and lengths of this resource are shown nowhere.
    var isSensitive: Bool { get }

    /// What else on the host a change of it may alter unseen.
    var influence: Influence { get }

    /// What must be asked to know its state. Requests for the same batch, of all resources of a host, are asked at once.
    func probes(on facts: HostFacts) -> [ProbeRequest]

    /// The state from the answers to exactly these probes.
    func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation

    /// The same where a secret is needed to judge what was seen (whether a certificate is by our CA). What it says holds no
    /// value, digest or length of one.
    func observation(from answers: ProbeAnswers, on facts: HostFacts, with book: SecretBook) -> Observation

    /// How to try whether the service accepts the secret that this resource gives it; `nil` = there is none, or nobody to ask
    /// as `answers` show. It is tried where the host's mark does not fit (see ``Credential``).
    func proof(given answers: ProbeAnswers, on facts: HostFacts) -> CredentialProof?

    /// The state that is wanted; `nil` = absent. Secrets are bound here for digests only.
    func desired(with book: SecretBook, on facts: HostFacts) throws(BindingError) -> State?

    /// The steps that remove the differences of a run of neighbouring changes of this kind. Steps of later changes rely on
    /// those of earlier ones. Must be safe to run again after having been cut off at any point.
    static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep]

    /// Neighbouring changes of this kind are made in one go (packages in one transaction), so that none of them is "known
    /// after" another.
    static var isTransaction: Bool { get }

    /// Paths that this resource writes; two resources of a host must not share one.
    var managedPaths: [String] { get }

    /// Files of others in which this resource keeps a part of its own. Several may share one; nobody may write it whole.
    var sharedPaths: [String] { get }

    /// Paths of which it is made: when an earlier resource of the recipe changes one, what becomes of this one is known only
    /// after that.
    var inputs: [String] { get }

    /// What is wrong with it beside the resources of its host, in their order, itself among them; `nil` = nothing.
    func objection(among resources: [any ResourceKind]) -> Objection?

    /// Whether removing these differences needs what the recipe's `confirm` names, if it names something.
    func isPointOfNoReturn(_ differences: [Difference]) -> Bool

    /// What a plan calls making it: `.create`, or `.run` for commands.
    var creation: ChangeAction { get }

    /// The file whose content this resource manages, for a text diff.
    var managedContent: (path: String, content: Content)? { get }

    /// What ``RoleDecision/change(_:differences:from:confirm:)`` may ask an operator to allow, whatever the recipe says.
    var permissions: Set<PermissionName> { get }

    /// A secret whose value this kind cannot take, whatever it is written into.
    func objection(to book: SecretBook) -> BindingError?
}

extension ResourceKind {
    package static var name: KindName { declaration.name }
    package var id: ResourceID { ResourceID(kind: Self.name, identity: identity) }
    package func observation(
        from answers: ProbeAnswers, on facts: HostFacts, with book: SecretBook
    ) -> Observation {
        observation(from: answers, on: facts)
    }
    package func proof(given answers: ProbeAnswers, on facts: HostFacts) -> CredentialProof? { nil }
    package var isSensitive: Bool { false }
    package var influence: Influence { .itself }
    package static var isTransaction: Bool { false }
    package var managedPaths: [String] { [] }
    package var sharedPaths: [String] { [] }
    package var inputs: [String] { [] }
    package func isPointOfNoReturn(_ differences: [Difference]) -> Bool { true }
    package func objection(among resources: [any ResourceKind]) -> Objection? { nil }
    package var creation: ChangeAction { .create }
    package var managedContent: (path: String, content: Content)? { nil }
    package var permissions: Set<PermissionName> { [] }
    package func objection(to book: SecretBook) -> BindingError? { nil }
}

/// Why a resource cannot stand in the company of a host's other resources.
package struct Objection: Sendable, Hashable {
    /// Of one sentence, after the resource's id: `"is overwritten by line:x"`.
    package var message: String
    package var remedy: String?
    /// Something that it needs is not declared; that may be the consequence of another mistake.
    package var isAboutAbsence: Bool

    package init(_ message: String, remedy: String? = nil, isAboutAbsence: Bool = false) {
        self.message = message
        self.remedy = remedy
        self.isAboutAbsence = isAboutAbsence
    }
}

/// How far the effects of a change reach.
package enum Influence: Sendable, Hashable {
    /// Only the resource itself.
    case itself
    /// Anything on the host: a package's maintainer scripts, a command. What comes later is "known after" it.
    case anything
}

/// What a plan wants to do with a resource.
package enum ChangeAction: String, Sendable, Hashable, Codable, CaseIterable {
    case create, update, remove
    /// A command is run, or a `once`.
    case run
    /// Bytes come from another member of the role.
    case transfer
    case restart, reload
    case reboot
}

extension State {
    /// The keys of `wanted` that are another here, or not there.
    package func differences(from wanted: State) -> [Difference] {
        wanted.compactMap { key, value in
            self[key] == value ? nil : Difference(key: key, observed: self[key], desired: value)
        }
    }
}

/// A resource with the difference that is to be removed.
package struct Change<Resource: Sendable>: Sendable {
    package var resource: Resource
    package var action: ChangeAction
    package var observed: Observation
    package var differences: [Difference]
    /// The member that a transfer comes from.
    package var source: HostName?

    package init(
        resource: Resource, action: ChangeAction, observed: Observation, differences: [Difference],
        source: HostName? = nil
    ) {
        self.resource = resource
        self.action = action
        self.observed = observed
        self.differences = differences
        self.source = source
    }
    package func differs(in key: String) -> Bool { differences.contains { $0.key == key } }
}

/// A resource whose state is decided from what all members of the role show, not from one host alone.
package protocol RoleResource: ResourceKind {
    /// What is to be done on `host`, given what every member shows of this resource (`nil` = could not be asked). `members`
    /// is in rolling order; the leader is the first that could be asked.
    func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision

    /// Every action that `decision` may ever give.
    var possibleActions: Set<ChangeAction> { get }

    /// What an operator shall know of `host` beside the decision: what is not as it should be and is left alone.
    func notes(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> [String]
}

extension RoleResource {
    package func notes(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> [String] { [] }
}

/// A resource that says whether a unit runs: what health and restarts are decided from.
package protocol RunningService: ResourceKind {
    var unit: UnitName { get }
    /// The recipe wants it running.
    var shallRun: Bool { get }
    /// Run on the host before a reload or restart; a failure stops it, so that a bad configuration is never loaded.
    var check: ShellText? { get }
    /// `nil` = could not be known.
    func isRunning(_ answers: ProbeAnswers, on facts: HostFacts) -> Bool?

    /// It was started and cannot serve before members are started that come after this host: then the run goes on to them.
    func awaitsPeers(_ answers: ProbeAnswers) -> Bool
}

extension RunningService {
    package func awaitsPeers(_ answers: ProbeAnswers) -> Bool { false }
}

package enum RoleDecision: Sendable, Hashable {
    case nothing
    /// `confirm`: a point of no return by what was found, where the recipe names none; one of ``ResourceKind/permissions``.
    case change(ChangeAction, differences: [Difference], from: HostName?, confirm: PermissionName? = nil)
    /// Decided once the resource `after` of `host` was applied; it may then become one of these.
    case knownAfter(host: HostName, after: ResourceID, possible: Set<ChangeAction>)
    /// A member's answer could not be read.
    case unknown(reason: String)
    /// Nothing right can be done; the reason names the members.
    case refused(reason: String)
}

/// The kinds that recipes may use.
package struct Catalogue: Sendable {
    package let kinds: [any ResourceKind.Type]

    package init(_ kinds: [any ResourceKind.Type]) { self.kinds = kinds }

    package subscript(name: KindName) -> (any ResourceKind.Type)? { kinds.first { $0.declaration.name == name } }
    package var names: [String] { kinds.map { $0.name.rawValue } }
}
