package import Model

/// A folder of keystone's keys, the same on all members of a role: made once, carried to the others, and rotated only by
/// `rotate`, never by a member of its own accord.
package struct KeystoneKeysResource: RoleResource {
    /// What the keys are for. Only those of tokens are rotated here: credentials have to be migrated by keystone itself.
    package enum Purpose: String, Sendable, Hashable, CaseIterable {
        case fernet, credential
    }
    package let path: String
    package let purpose: Purpose
    /// How many keys a rotation keeps, the staged and the primary one among them.
    package let kept: Int
    let owner: String
    let group: String

    package static let declaration = KindDeclaration(
        name: "keystone_keys",
        summary: "A folder of keystone's keys, the same on all members: made by one, carried to the others.",
        subject: FieldDeclaration(
            "keystone_keys", .path, "Where the folder lies, on all members. The directory around it must exist."),
        fields: [
            FieldDeclaration(
                "purpose", .choice(Purpose.allCases.map(\.rawValue)), isRequired: true,
                "`fernet` (tokens; `cso-provision rotate fernet` rotates them) or `credential`."),
            FieldDeclaration(
                "keep", .number, defaultText: "3",
                "How many keys a rotation keeps: `max_active_keys` of keystone.conf. (Lifetime of a token + "
                    + "allow_expired_window) / (time between rotations), rounded up, + 2."),
            FieldDeclaration("owner", .text, defaultText: "keystone", "Who reads them, and nobody else."),
            FieldDeclaration("group", .text, defaultText: "keystone", "Its group."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        path = fields.subject
        checks.requirePath(path)
        purpose = fields.text("purpose").flatMap(Purpose.init(rawValue:)) ?? .fernet
        kept = fields.number("keep") ?? 3
        checks.require(
            (3...1000).contains(kept), "keep is \(kept): a staged, a primary and an older key are the least", at: "keep"
        )
        let attributes = FileAttributes(fields, &checks)
        owner = attributes.owner ?? "keystone"
        group = attributes.group ?? "keystone"
        try checks.finish()
    }

    package var identity: String { path }
    /// Names and digests of keys are shown nowhere.
    package var isSensitive: Bool { true }
    /// A run that died leaves at most these.
    package var managedPaths: [String] { [path, path + "/0"] }
    package var possibleActions: Set<ChangeAction> { [.create, .update, .transfer] }
    var ownership: String { "\(owner):\(group)" }

    private var folderProbe: ProbeRequest { ProbeRequest(PathBatch.name, path) }
    private var keysProbe: ProbeRequest { ProbeRequest(KeyFolderBatch.name, path) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { [folderProbe, keysProbe] }

    /// Keys `type`, `keys` as ``KeySet`` has them, and `access`: `right`, or what is wrong.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let folder: State
        switch answers[folderProbe] {
        case .present(let state): folder = state
        case let other: return other
        }
        guard folder["type"] == "directory" else {
            return .unknown(reason: "\(path) is a \(folder["type"]?.description ?? "thing"), not a directory")
        }
        switch answers[keysProbe] {
        case .present(var state):
            state["type"] = "directory"
            state["access"] = .text(wrongAccess(folder, state) ?? "right")
            return .present(state)
        case .absent: return .unknown(reason: "it vanished while it was looked at")
        case let unknown: return unknown
        }
    }

    private func wrongAccess(_ folder: State, _ keys: State) -> String? {
        func text(_ key: String) -> String { folder[key]?.description ?? "" }
        if [text("mode"), text("owner"), text("group")] != ["0700", owner, group] {
            return "folder \(text("mode")) \(text("owner")):\(text("group"))"
        }
        guard case .list(let list)? = keys["access"] else { return nil }
        for line in list {
            let words = line.columns(" ")
            if words.count == 4, Array(words.dropFirst()) != ["0600", owner, group] {
                return "key \(words[0]) \(words[1]) \(words[2]):\(words[3])"
            }
        }
        return nil
    }

    /// Only the members know.
    package func desired(with book: SecretBook, on facts: HostFacts) -> State? { [:] }

    // MARK: Decision

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        for member in seen {
            if case .unknown(let reason)? = member.observation { return .unknown(reason: "\(member.host): \(reason)") }
        }
        let holders = holders(seen)
        guard let source = Self.foremost(holders) else {
            return holders.isEmpty ? withoutHolder(on: host, seen: seen) : .refused(reason: disagreement(holders))
        }
        guard let own = holders.first(where: { $0.host == host }) else {
            return .change(.transfer, differences: [keys(from: nil)], from: source.host)
        }
        if own.keys != source.keys {
            return .change(.transfer, differences: [keys(from: own.keys)], from: source.host)
        }
        // The leader alone completes what was cut off while it was made; the others get it then.
        if !own.keys.isComplete, host == source.host {
            return .change(
                .update, differences: [Difference(key: "keys", observed: "not complete", desired: "complete")],
                from: nil)
        }
        let access = access(of: host, seen)
        if access == "right" { return .nothing }
        return .change(
            .update, differences: [Difference(key: "access", observed: access, desired: "right")], from: nil)
    }

    typealias Holder = (host: HostName, keys: KeySet)

    /// Members that have keys.
    func holders(_ seen: [(host: HostName, observation: Observation?)]) -> [Holder] {
        seen.compactMap { member in
            guard case .present(let state)? = member.observation, case .list(let lines)? = state["keys"],
                let keys = KeySet(lines: lines), !keys.isEmpty
            else { return nil }
            return (member.host, keys)
        }
    }

    /// The first of those that all others are equal to or behind of; `nil` if they are of different descent.
    static func foremost(_ holders: [Holder]) -> Holder? {
        holders.first { candidate in
            holders.allSatisfy { $0.keys == candidate.keys || candidate.keys.isAhead(of: $0.keys) }
        }
    }

    private func disagreement(_ holders: [Holder]) -> String {
        "\(holders.map(\.host.rawValue).joined(separator: ", ")) have different keys, and none of them come from a rotation "
            + "of the others: tokens of one are not valid on the other. Find out whose are in use, move the other folder "
            + "away by hand, and run it again"
    }

    private func withoutHolder(
        on host: HostName, seen: [(host: HostName, observation: Observation?)]
    ) -> RoleDecision {
        let silent = seen.filter { $0.observation == nil }.map(\.host.rawValue)
        if !silent.isEmpty {
            return .refused(
                reason: "\(silent.joined(separator: ", ")) could not be asked and may have keys; new ones would not go "
                    + "with them")
        }
        guard let leader = seen.first?.host else { return .refused(reason: "no member could be asked") }
        return host == leader
            ? .change(.create, differences: [keys(from: nil)], from: nil)
            : .change(.transfer, differences: [keys(from: nil)], from: leader)
    }

    func keys(from observed: KeySet?) -> Difference {
        Difference(
            key: "keys", observed: observed.map { .text($0.lines.joined(separator: ";")) },
            desired: "those of the role",
            isSensitive: true)
    }

    private func access(of host: HostName, _ seen: [(host: HostName, observation: Observation?)]) -> StateValue? {
        guard case .present(let state)? = seen.first(where: { $0.host == host })?.observation else { return nil }
        return state["access"]
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let folder = change.resource
            if let source = change.source { return KeyFolderSteps.copy(folder, from: source) }
            if change.action == .create { return KeyFolderSteps.make(folder) }
            guard change.differs(in: "keys") else { return KeyFolderSteps.adjust(folder) }
            return KeyFolderSteps.rotate(folder, from: folder.highest(in: change.observed))
        }
    }

    private func highest(in observation: Observation) -> Int {
        guard case .present(let state) = observation, case .list(let lines)? = state["keys"] else { return 0 }
        return KeySet(lines: lines)?.highest ?? 0
    }
}
