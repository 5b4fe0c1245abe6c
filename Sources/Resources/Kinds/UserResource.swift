package import Model

/// A user of the host, made with a locked password.
package struct UserResource: ResourceKind {
    package let name: String
    package let isAbsent: Bool
    package let uid: Int?
    package let group: String?
    package let groups: [String]
    package let home: String?
    package let shell: String?
    package let comment: String?
    package let isSystem: Bool

    package static let declaration = KindDeclaration(
        name: "user", summary: "A user, made with a locked password.",
        subject: FieldDeclaration("user", .text, "Its name, or a list of names."),
        allowsSubjectList: true,
        fields: [
            FieldDeclaration(
                "uid", .number, "Its number. The number of an existing user is never changed: that is refused."),
            FieldDeclaration(
                "group", .text, "Name of its primary group. Left out: a group of its own when it is made."),
            FieldDeclaration("groups", .list, "Groups that it must also be in. Others stay."),
            FieldDeclaration("home", .path, "Its home. An existing one is not moved."),
            FieldDeclaration("shell", .path, "Its login shell."),
            FieldDeclaration("comment", .text, "The GECOS field."),
            FieldDeclaration(
                "system", .flag, defaultText: "no",
                "Takes a number of the system's range, and no home is made."),
            FieldDeclaration(
                "state", .choice(["present", "absent"]), defaultText: "present", "`absent` removes it; its home stays."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        name = fields.subject
        checks.requireAccountName(name)
        isAbsent = fields.isAbsent
        uid = fields.number("uid")
        group = fields.text("group")
        groups = fields.list("groups") ?? []
        home = fields.text("home")
        shell = fields.text("shell")
        comment = fields.text("comment")
        isSystem = fields.flag("system") ?? false
        if let uid { checks.require((1...4_294_967_294).contains(uid), "\(uid) is no uid", at: "uid") }
        if let group { checks.requireAccountName(group, at: "group") }
        for group in groups { checks.requireAccountName(group, at: "groups") }
        for (field, value) in [("home", home), ("shell", shell)] {
            guard let value else { continue }
            checks.requirePath(value, at: field)
            checks.requirePasswdText(value, at: field)
        }
        if let comment { checks.requirePasswdText(comment, at: "comment") }
        try checks.finish()
    }

    package var identity: String { name }

    private var allGroups: [String] { (group.map { [$0] } ?? []) + groups }

    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        [ProbeRequest(UserBatch.name, name)] + (uid.map { [ProbeRequest(UserBatch.name, String($0))] } ?? [])
            + allGroups.map { ProbeRequest(GroupBatch.name, $0) }
    }

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        let own = answers[ProbeRequest(UserBatch.name, name)]
        if case .unknown = own { return own }
        if let uid, !isAbsent, let conflict = conflict(over: uid, answers) { return conflict }
        guard case .present(let found) = own else { return own }
        if let uid, !isAbsent, found["uid"] != .number(uid) {
            return .unknown(
                reason:
                    "its uid is \(found["uid"] ?? ""), not \(uid); files and processes carry the number, so it is not "
                    + "changed here")
        }
        var state: State = [:]
        for key in ["uid", "home", "shell", "comment"] { state[key] = found[key] }
        return withGroups(state, gid: found["gid"] ?? "", answers)
    }

    private func conflict(over uid: Int, _ answers: ProbeAnswers) -> Observation? {
        switch answers[ProbeRequest(UserBatch.name, String(uid))] {
        case .unknown(let reason): .unknown(reason: reason)
        case .present(let holder) where holder["name"]?.text != name:
            .unknown(reason: "uid \(uid) belongs to user \(holder["name"]?.text ?? "")")
        default: nil
        }
    }

    private func withGroups(_ state: State, gid: StateValue, _ answers: ProbeAnswers) -> Observation {
        var state = state
        var memberships: [String] = []
        for name in allGroups {
            let isPrimary: Bool
            switch answers[ProbeRequest(GroupBatch.name, name)] {
            case .unknown(let reason): return .unknown(reason: "group \(name): \(reason)")
            case .absent: continue
            case .present(let found):
                isPrimary = found["gid"] == gid
                if case .list(let members)? = found["members"], isPrimary || members.contains(self.name) {
                    memberships.append(name)
                }
            }
            if isPrimary, name == group { state["group"] = .text(name) }
        }
        if group != nil, state["group"] == nil { state["group"] = .text("gid \(gid)") }
        if !groups.isEmpty { state["groups"] = .list(groups.filter(memberships.contains)) }
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        if isAbsent { return nil }
        var state: State = [:]
        if let uid { state["uid"] = .number(uid) }
        if let group { state["group"] = .text(group) }
        if !groups.isEmpty { state["groups"] = .list(groups) }
        if let home { state["home"] = .text(home) }
        if let shell { state["shell"] = .text(shell) }
        if let comment { state["comment"] = .text(comment) }
        return state
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        guard !changes.isEmpty else { return [] }
        var script = StepText.opening
        for change in changes {
            let user = change.resource
            script += "n=\(word: user.name)\n"
            script +=
                change.action == .remove
                ? "if getent passwd -- \"$n\" >/dev/null; then userdel -- \"$n\" || die \"cannot remove user $n\"; fi\n"
                : user.making
        }
        return [HostStep(StepText.verbs(changes, of: "user") { $0.name }, script: script)]
    }

    /// Also right when an earlier try was cut off after useradd.
    private var making: ShellText {
        var both: [String] = []
        if let group { both += ["-g", group] }
        if let home { both += ["-d", home] }
        if let shell { both += ["-s", shell] }
        if let comment { both += ["-c", comment] }
        var creation = isSystem ? ["-r", "-M"] : ["-m"]
        if let uid { creation += ["-u", String(uid)] }
        if !groups.isEmpty { creation += ["-G", groups.joined(separator: ",")] }
        let change = both + (groups.isEmpty ? [] : ["-a", "-G", groups.joined(separator: ",")])
        var script: ShellText = """
            if getent passwd -- "$n" >/dev/null; then

            """
        script += change.isEmpty ? ":\n" : "usermod \(words: change) -- \"$n\" || die \"cannot change user $n\"\n"
        script += "else useradd \(words: creation + both) -- \"$n\" || die \"cannot make user $n\"; fi\n"
        if let uid {
            script += """
                [ "$(id -u -- "$n")" = \(uid) ] || die "user $n has another uid than \(uid)"

                """
        }
        return script
    }
}
