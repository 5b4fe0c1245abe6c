package import Model

/// A database and the account that a service uses it with, on a server that all members of the role share, and on each
/// member the option file that the service and its tools log in with.
///
/// What is right is seen through that file on every member: what it says is compared with what is wanted, and a login with
/// it proves its password, so that no secret is needed to look. The administrator's credentials are used only to mend.
package struct DatabaseResource: RoleResource {
    package let schema: String
    let server: String
    let port: Int
    let authority: String
    let user: String
    let from: String
    let password: SecretName
    let privileges: [String]
    let charset: String
    let clientFile: String
    let attributes: FileAttributes
    let adminUser: String
    let adminPassword: SecretName

    /// What a service needs that makes its own tables. ALL PRIVILEGES is more than every administrator has to give.
    private static let usual = [
        "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "INDEX", "ALTER", "REFERENCES",
    ]

    package static let declaration = KindDeclaration(
        name: "database",
        summary: "A database, the account that a service uses it with, and the option file for that account's logins.",
        subject: FieldDeclaration("database", .text, "The database's name: small letters, digits, `_`."),
        fields: [
            FieldDeclaration(
                "server", .text, isRequired: true,
                "The server's name as its certificate has it; it is verified. An alias in the zone is not in it."),
            FieldDeclaration("port", .number, defaultText: "3306", "Its port."),
            FieldDeclaration(
                "ca", .path, isRequired: true, "The CAs that the server's certificate may be of. Must lie there."),
            FieldDeclaration("user", .text, "The account's name. Left out: the database's."),
            FieldDeclaration(
                "from", .text, isRequired: true, "Where the account may come from, as the server has it: `10.1.%`."),
            FieldDeclaration("password", .content, isRequired: true, "One secret: the account's password."),
            FieldDeclaration(
                "privileges", .list, defaultText: "[\(DatabaseResource.usual.joined(separator: ", "))]",
                "What the account may do in this database. It has these and no others, here or elsewhere."),
            FieldDeclaration(
                "charset", .text, defaultText: "utf8mb4",
                "The character set that it is made with. Later it is its service's own: keystone's first revision sets another."
            ),
            FieldDeclaration(
                "client_file", .path, isRequired: true,
                "Where the option file lies: group `[client]` for the server's own clients, `[python]` for PyMySQL, which "
                    + "knows no escapes. Its directory must exist."),
        ] + FileAttributes.fields + [
            FieldDeclaration(
                "admin_user", .text, isRequired: true,
                "The name of the server's administrator. No secret: it would be masked wherever it stands."),
            FieldDeclaration("admin_password", .content, isRequired: true, "One secret: the administrator's password."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        schema = fields.subject
        server = fields.text("server") ?? ""
        port = fields.number("port") ?? 3306
        authority = fields.text("ca") ?? ""
        user = fields.text("user") ?? schema
        from = fields.text("from") ?? ""
        privileges = (fields.list("privileges") ?? Self.usual).map { $0.uppercased() }
        charset = fields.text("charset") ?? "utf8mb4"
        clientFile = fields.text("client_file") ?? ""
        attributes = FileAttributes(fields, &checks)
        checks.requireWord(schema, "a database", at: nil)
        checks.requireWord(user, "an account", at: "user")
        checks.requireWord(charset, "a character set", at: "charset")
        checks.require(
            !from.isEmpty && from.utf8.allSatisfy { SQLText.isHost($0) },
            "\"\(from)\" is not where an account comes from",
            at: "from", remedy: "an address, a name, or a pattern like 10.1.%")
        checks.require(
            !server.isEmpty && server.split(separator: ".").allSatisfy { ScalarText.isLabel(String($0)) },
            "\"\(server)\" is not a server's name", at: "server")
        checks.require((1...65535).contains(port), "\(port) is not a port", at: "port")
        checks.requirePath(authority, at: "ca")
        checks.requirePath(clientFile, at: "client_file")
        checks.require(
            !privileges.isEmpty && privileges.allSatisfy(SQLText.isPrivilege), "privileges are words like SELECT",
            at: "privileges")
        password = checks.oneSecret("password", example: "keystone.database_password")
        adminUser = fields.text("admin_user") ?? ""
        checks.requireWord(adminUser, "an administrator", at: "admin_user")
        adminPassword = checks.oneSecret("admin_password", example: "database.password")
        try checks.finish()
    }

    package var identity: String { schema }
    /// What is behind it in the recipe is read through the file that it writes.
    package var influence: Influence { .anything }
    package var managedPaths: [String] { [clientFile] }
    /// With other CAs the server may be another one.
    package var inputs: [String] { [authority] }
    package var possibleActions: Set<ChangeAction> { [.create, .update] }

    private var serverProbe: ProbeRequest { DatabaseBatch.request(file: clientFile, schema: schema) }
    package func probes(on facts: HostFacts) -> [ProbeRequest] {
        FileState.probes(clientFile, content: Content()) + [serverProbe]
    }

    // MARK: Observation

    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        observation(from: answers, on: facts, with: SecretBook())
    }

    /// Keys `client_file` (`right`, `another`), its attributes, and what ``DatabaseBatch`` tells.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts, with book: SecretBook) -> Observation {
        let file = FileState.observation(clientFile, content: Content(), attributes: attributes, from: answers)
        guard case .present(var state) = file else {
            // A secret that has no form in the file is said now and not in the middle of the work.
            do throws(BindingError) { _ = try clientContent.bound(to: book, for: .digest) } catch {
                return .unknown(reason: error.description)
            }
            return file
        }
        do throws(BindingError) {
            let wanted = Digest.sha256(try clientContent.bound(to: book, for: .digest))
            state["client_file"] = state["content"] == .text(wanted) ? "right" : "another"
        } catch {
            return .unknown(reason: error.description)
        }
        state["content"] = nil
        state["type"] = nil
        switch answers[serverProbe] {
        case .present(let found): state.merge(found) { _, new in new }
        case .absent: return .unknown(reason: "\(clientFile) vanished while it was looked at")
        case let unknown: return unknown
        }
        return .present(state)
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? {
        var state: State = ["client_file": "right"]
        state.merge(attributes.desired) { _, new in new }
        state.merge(wanted) { _, new in new }
        return state
    }

    /// Of the server; the same for all members.
    private var wanted: State {
        [
            "login": "accepted", "tls": "required", "schema": "there",
            "privileges": .list(privileges.map { "\($0) ON \(schema).*" }.sorted()),
        ]
    }

    // MARK: Decision

    package func decision(on host: HostName, seen: [(host: HostName, observation: Observation?)]) -> RoleDecision {
        guard let own = seen.first(where: { $0.host == host })?.observation else {
            return .refused(reason: "\(host) could not be asked")
        }
        if case .unknown(let reason) = own { return .unknown(reason: reason) }
        var ownState: State = [:]
        if case .present(let state) = own { ownState = state }
        var differences = ofItsOwn(ownState)
        let leader = seen.first { $0.observation != nil }?.host
        let shared = shared(seen)
        if host == leader {
            differences += shared
        } else if !shared.isEmpty, differences.isEmpty, let leader {
            return .knownAfter(host: leader, after: id, possible: possibleActions)
        } else if shared.isEmpty, ownState["client_file"] == "right", ownState["login"] != "accepted" {
            // The others get in: this host alone is kept out.
            differences.append(Difference(key: "login", observed: ownState["login"], desired: "accepted"))
        }
        if differences.isEmpty { return .nothing }
        return .change(own == .absent ? .create : .update, differences: differences, from: nil)
    }

    private func ofItsOwn(_ state: State) -> [Difference] {
        var wanted: State = ["client_file": "right"]
        wanted.merge(attributes.desired) { _, new in new }
        return wanted.compactMap { key, value in
            guard state[key] != value else { return nil }
            return Difference(key: key, observed: state[key], desired: value, isSensitive: key == "client_file")
        }
    }

    /// As a member sees it whose file is right and who gets in; without one, as somebody sees it who still gets in with an
    /// older password; without that, nothing is known to be right.
    private func shared(_ seen: [(host: HostName, observation: Observation?)]) -> [Difference] {
        let states = seen.compactMap { member -> State? in
            if case .present(let state)? = member.observation { state } else { nil }
        }
        let inside = states.filter { $0["login"] == "accepted" }
        let witness = inside.first { $0["client_file"] == "right" }
        let found = witness ?? inside.first ?? [:]
        var differences = found.differences(from: wanted)
        if witness == nil, !inside.isEmpty {
            differences.append(Difference(key: "password", observed: nil, desired: nil, isSensitive: true))
        }
        return differences
    }

    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.map { DatabaseSteps.step(for: $0) }
    }
}

extension FieldChecks {
    /// What stands in SQL between quotes of its own.
    fileprivate mutating func requireWord(_ word: String, _ what: String, at field: String?) {
        require(
            !word.isEmpty && word.utf8.count <= 32
                && word.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F },
            "\"\(word)\" is not the name of \(what)", at: field, remedy: "small letters, digits and _, at most 32")
    }
}

/// Words that go into SQL.
enum SQLText {
    static func isPrivilege(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x41...0x5A).contains($0) || $0 == 0x20 }
    }
    static func isHost(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A, 0x25, 0x2D, 0x2E, 0x2F, 0x5F: true
        default: false
        }
    }
    /// The inside of a name in backquotes where `_` and `%` would stand for anything.
    static func pattern(_ name: String) -> String {
        name.split(separator: "_", omittingEmptySubsequences: false).joined(separator: "\\_")
    }
}
