package import Model

/// A group of the host.
package struct GroupResource: ResourceKind {
    package let name: String
    package let isAbsent: Bool
    package let gid: Int?
    package let isSystem: Bool

    package static let declaration = KindDeclaration(
        name: "group", summary: "A group.",
        subject: FieldDeclaration("group", .text, "Its name, or a list of names."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration(
                "gid", .number, "Its number. The number of an existing group is never changed: that is refused."),
            FieldDeclaration(
                "system", .flag, defaultText: "no", "Takes a number of the system's range when it is made."),
            .state,
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        checks.requireAccountName(name)
        isAbsent = fields.isAbsent
        gid = fields.number("gid")
        isSystem = fields.flag("system") ?? false
        if let gid { checks.require((1...4_294_967_294).contains(gid), "\(gid) is no gid", at: "gid") }
        try checks.finish()
    }

    package var identity: String { name }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        [ProbeRequest(GroupBatch.name, name)] + (gid.map { [ProbeRequest(GroupBatch.name, String($0))] } ?? [])
    }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let own = answers[ProbeRequest(GroupBatch.name, name)]
        if case .unknown = own { return own }
        if let gid, !isAbsent {
            switch answers[ProbeRequest(GroupBatch.name, String(gid))] {
            case .unknown(let reason): return .unknown(reason: reason)
            case .present(let holder) where holder["name"]?.text != name:
                return .unknown(reason: "gid \(gid) belongs to group \(holder["name"]?.text ?? "")")
            default: break
            }
        }
        guard case .present(let found) = own else { return own }
        if let gid, !isAbsent, found["gid"] != .number(gid) {
            return .unknown(
                reason:
                    "its gid is \(found["gid"] ?? ""), not \(gid); files carry the number, so it is not changed here")
        }
        return .present(["gid": found["gid"] ?? ""])
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        if isAbsent { return nil }
        var state: State = [:]
        if let gid { state["gid"] = .number(gid) }
        return state
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        guard !changes.isEmpty else { return [] }
        var script = StepText.opening
        for change in changes {
            let group = change.resource
            if change.action == .remove {
                script += """
                    n=\(word: group.name)
                    if getent group -- "$n" >/dev/null; then groupdel -- "$n" || die "cannot remove group $n"; fi

                    """
            } else {
                var options = group.isSystem ? ["-r"] : []
                if let gid = group.gid { options += ["-g", String(gid)] }
                script += """
                    n=\(word: group.name)
                    getent group -- "$n" >/dev/null || groupadd \(words: options) -- "$n" || die "cannot make group $n"

                    """
            }
        }
        return [HostStep(StepText.verbs(changes, of: "group") { $0.name }, script: script)]
    }
}
