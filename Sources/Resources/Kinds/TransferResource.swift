package import Model

/// A file that one member of a role has made and all members must have the same of. The bytes go through the controller's
/// memory.
package struct TransferResource: RoleResource {
    package let path: String
    /// The label of the `once` that makes the file on the leader.
    package let madeBy: String?
    package let isSensitive: Bool
    let attributes: FileAttributes

    /// The file's digest is asked for, but no content of ours is compared with it.
    private static let anyContent = Content()

    package static let declaration = KindDeclaration(
        name: "transfer", summary: "A file that one member of a role has made and all must have the same of.",
        subject: FieldDeclaration("transfer", .path, "Where it lies, on all members. Its directory must exist."),
        allowsSubjectList: true,
        fields: FileAttributes.fields + [
            FieldDeclaration("sensitive", .flag, defaultText: "yes", "Differences are not shown."),
            FieldDeclaration(
                "made_by", .text, "The label of the `once` that makes it. Left out: somebody else must have made it."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        path = fields.subject
        checks.requirePath(path)
        madeBy = fields.text("made_by")
        isSensitive = fields.flag("sensitive") ?? true
        attributes = FileAttributes(fields, &checks)
        try checks.finish()
    }

    package var identity: String { path }
    package var managedPaths: [String] { [path] }
    package var possibleActions: Set<ChangeAction> { [.transfer, .update] }

    package func probes(on facts: HostFacts) -> [ProbeRequest] { FileState.probes(path, content: Self.anyContent) }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        FileState.observation(path, content: Self.anyContent, attributes: attributes, from: answers)
    }

    /// What is wanted apart from the content, which only the members know.
    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        var state: State = ["type": "file"]
        state.merge(attributes.desired) { _, new in new }
        return state
    }

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        for member in seen {
            if case .unknown(let reason)? = member.observation { return .unknown(reason: "\(member.host): \(reason)") }
        }
        let holders = seen.compactMap { member -> (host: HostName, digest: StateValue)? in
            guard case .present(let state)? = member.observation, let digest = state["content"] else { return nil }
            return (member.host, digest)
        }
        if Set(holders.map(\.digest)).count > 1 {
            return .refused(
                reason: "\(holders.map(\.host.rawValue).joined(separator: ", ")) have different ones; remove the wrong "
                    + "one by hand")
        }
        guard let holder = holders.first else { return withoutHolder(on: host, seen: seen) }
        let differences = differences(of: seen.first { $0.host == host }?.observation ?? .absent, digest: holder.digest)
        if differences.isEmpty { return .nothing }
        return holders.contains { $0.host == host }
            ? .change(.update, differences: differences, from: nil)
            : .change(.transfer, differences: differences, from: holder.host)
    }

    private func withoutHolder(
        on host: HostName, seen: [(host: HostName, observation: Observation?)]
    ) -> RoleDecision {
        let silent = seen.filter { $0.observation == nil }.map(\.host.rawValue)
        if !silent.isEmpty {
            return .refused(reason: "\(silent.joined(separator: ", ")) could not be asked and may have it")
        }
        guard let madeBy, let leader = seen.first?.host else {
            return .refused(reason: "no member has it, and the recipe names nothing that makes it (`made_by`)")
        }
        return .knownAfter(
            host: leader, after: ResourceID(kind: OnceResource.name, identity: madeBy),
            possible: host == leader ? [.update] : [.transfer])
    }

    private func differences(of observation: Observation, digest: StateValue) -> [Difference] {
        var observed: State = [:]
        if case .present(let state) = observation { observed = state }
        var wanted: State = ["type": "file", "content": digest]
        wanted.merge(attributes.desired) { _, new in new }
        return wanted.compactMap { key, value in
            guard observed[key] != value else { return nil }
            return Difference(
                key: key, observed: observed[key], desired: value, isSensitive: isSensitive && key == "content")
        }
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { change in
            let file = change.resource
            guard let source = change.source else { return FileSteps.adjust(file.path, attributes: file.attributes) }
            let write = FileWrite(
                path: file.path, content: Content([.peerFile(source, path: file.path)]), attributes: file.attributes,
                creationMode: 0o600)
            return FileWriting.step([write], summary: "copy \(file.path) from \(source)")
        }
    }
}
