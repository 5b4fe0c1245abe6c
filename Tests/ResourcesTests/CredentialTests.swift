import Model
import Resources
import Testing

/// Secrets that a service holds, really tried, set and marked by the shells of the hosts. The service is a file with its
/// password, in a private copy of this machine.
@Suite struct CredentialTests {
    static let id: ResourceID = "test_account:ecs"
    /// 0 = accepted, 1 = refused, 3 = the service is down.
    static let proof = CredentialProof(
        "[ -e /tmp/service ] || { echo 'nobody answers' >&2; exit 3; }\ncat >/tmp/tried && cmp -s /tmp/tried /tmp/service",
        input: Content([.secret("source.password", .raw)]))
    static let step = CredentialStep(id: id, proof: proof, change: "echo set >>/tmp/changes; cat >/tmp/service")

    static func book(_ value: String, _ version: String = "1a2b3c4d-0000-4000-8000-000000000001") -> SecretBook {
        SecretBook(values: ["source.password": Secret(value)], versions: ["source": version])
    }

    /// A host with such a service.
    private struct Host {
        let world: World
        let shell: String

        init(_ shell: String, holding password: String?) async throws {
            world = try await World()
            self.shell = shell
            if let password { _ = try await run("cat >/tmp/service", input: Array(password.utf8)) }
        }
        func run(_ script: ShellText, input: [UInt8] = []) async throws -> HostAnswer {
            try await Shell.run(script, input: input, shell: shell, prefix: world.prefix)
        }

        /// What the planner is told, with the secret tried or not.
        func observe(_ book: SecretBook, tries: Bool, isShared: Bool = false) async throws -> Observation {
            let mark = Credential.mark(of: id)
            var answers = ProbeAnswers([
                mark: try await Shell.ask(
                    CredentialBatch.self, [mark.argument], shell: shell, prefix: world.prefix)[mark.argument]
                    ?? .unknown(reason: "no answer")
            ])
            if tries {
                let step = CredentialProofs.step(for: [(id, proof)])
                let said = try await Shell.perform([step], book: book, shell: shell, prefix: world.prefix)
                answers.merge(CredentialProofs.parse(said[0], of: [(id, proof)], on: .test()))
            }
            return Credential.observation(of: id, proof, in: answers, with: book, isShared: isShared, ["name": "ecs"])
        }
        func credential(_ book: SecretBook, tries: Bool) async throws -> StateValue? {
            if case .present(let state) = try await observe(book, tries: tries) { state[Credential.key] } else { nil }
        }
        func apply(_ book: SecretBook) async throws -> HostAnswer {
            let step = step.step("set it", wanted: Credential.desired(proof, with: book))
            return try await Shell.perform([step], book: book, shell: shell, prefix: world.prefix)[0]
        }
        private var id: ResourceID { CredentialTests.id }
        private var proof: CredentialProof { CredentialTests.proof }
        private var step: CredentialStep { CredentialTests.step }
        var changes: Int {
            get async throws {
                try await run("cat /tmp/changes 2>/dev/null || :").outputText.split(separator: "\n").count
            }
        }
    }

    static let wanted: StateValue = "source 1a2b3c4d"

    @Test("one that is refused is set, proved, and not tried again while its mark fits", arguments: shells)
    func set(shell: String) async throws {
        let host = try await Host(shell, holding: "old")
        let book = Self.book("new")
        #expect(try await host.credential(book, tries: true) == "refused")
        let answer = try await host.apply(book)
        #expect(answer.status == 0, "\(answer.errorText)")
        #expect(try await host.changes == 1)
        #expect(try await host.credential(book, tries: false) == Self.wanted)
        #expect(try await host.credential(book, tries: true) == Self.wanted)
        #expect(try await host.run("grep -rl new /var/lib/cso-provision").outputText == "", "the mark holds no value")
        #expect(
            try await host.run("stat -c %a /var/lib/cso-provision/credentials/*").outputText == "600\n",
            "the mark is root's")
    }

    @Test("one that is accepted already is only marked", arguments: shells) func mark(shell: String) async throws {
        let host = try await Host(shell, holding: "same")
        let book = Self.book("same")
        #expect(try await host.credential(book, tries: true) == "accepted, not recorded")
        #expect(try await host.apply(book).status == 0)
        #expect(try await host.changes == 0)
        #expect(try await host.credential(book, tries: false) == Self.wanted)
    }

    @Test("a rotation shows the version before and the new one") func rotation() async throws {
        let host = try await Host("/bin/dash", holding: "first")
        #expect(try await host.apply(Self.book("first")).status == 0)
        let next = Self.book("second", "9f8e7d6c-0000-4000-8000-000000000002")
        #expect(try await host.credential(next, tries: true) == Self.wanted)
        #expect(Credential.desired(Self.proof, with: next) == "source 9f8e7d6c")
        #expect(try await host.apply(next).status == 0)
        #expect(try await host.credential(next, tries: false) == "source 9f8e7d6c")
        // A new version with the value of before: its text is old, and nothing is set.
        let same = Self.book("second", "33333333-0000-4000-8000-000000000003")
        #expect(try await host.credential(same, tries: false) == "source 33333333", "the value is proved")
        #expect(try await host.changes == 1)
    }

    @Test("changed by hand at the service: seen when it is tried, and refused says the mark's version no longer")
    func byHand() async throws {
        let host = try await Host("/bin/dash", holding: "ours")
        let book = Self.book("ours")
        #expect(try await host.apply(book).status == 0)
        _ = try await host.run("echo theirs >/tmp/service")
        #expect(try await host.credential(book, tries: false) == Self.wanted, "nobody asked")
        #expect(try await host.credential(book, tries: true) == "refused")
    }

    @Test("a service that does not answer has refused nothing") func down() async throws {
        let host = try await Host("/bin/dash", holding: nil)
        let book = Self.book("x")
        #expect(
            try await host.observe(book, tries: true)
                == .unknown(reason: "whether its secret is accepted could not be told (status 3): nobody answers"))
        let answer = try await host.apply(book)
        #expect(answer.status == 1 && answer.errorText.contains("could not be told (status 3)"))
        #expect(try await host.changes == 0)
        #expect(try await host.run("ls /var/lib/cso-provision/credentials").status != 0, "nothing is marked")
    }

    @Test("what is refused after it was set is a failure, and not marked") func deaf() async throws {
        let host = try await Host("/bin/dash", holding: "old")
        let deaf = CredentialStep(id: Self.id, proof: Self.proof, change: "cat >/dev/null")
        let book = Self.book("new")
        let answer = try await Shell.perform(
            [deaf.step("set it", wanted: Self.wanted)], book: book, prefix: host.world.prefix)[0]
        #expect(answer.status == 1 && answer.errorText.contains("refused after it was set"))
        #expect(try await host.credential(book, tries: true) == "refused")
    }

    @Test("the change may need another secret than the proof") func another() async throws {
        let host = try await Host("/bin/dash", holding: "old")
        var step = Self.step
        step.change = "cat >/tmp/administrator; printf '%s' new >/tmp/service"
        step.changeInput = Content([.literal(Array("admin ".utf8)), .secret("source.password", .sql)])
        let answer = try await Shell.perform(
            [step.step("set it", wanted: Self.wanted)], book: Self.book("new"), prefix: host.world.prefix)[0]
        #expect(answer.status == 0, "\(answer.errorText)")
        #expect(try await host.run("cat /tmp/administrator").outputText == "admin new")
    }

    @Test(
        "any characters arrive as they are",
        arguments: [#"p%40$(id)"'\@:/?#&é x"#, "two\nlines\n", "  blanks  ", "-n", #"\0101\c"#, "12\n34"])
    func awkward(value: String) async throws {
        for shell in shells {
            let host = try await Host(shell, holding: "old")
            let book = Self.book(value)
            #expect(try await host.apply(book).status == 0)
            #expect(try await host.run("cat /tmp/service").output == Array(value.utf8))
            #expect(try await host.credential(book, tries: true) == Self.wanted)
            #expect(try await host.credential(Self.book(value + "x"), tries: false) == nil)
        }
    }

    @Test("a mark that was cut or is none of ours proves nothing") func brokenMark() async throws {
        let host = try await Host("/bin/dash", holding: "ours")
        let book = Self.book("ours")
        #expect(try await host.apply(book).status == 0)
        for mark in ["", "x", "0aff", "0aff 12 source 1a2b3c4d", "absent"] {
            let file = "/var/lib/cso-provision/credentials/*"
            _ = try await host.run(
                "for f in \(script: ShellText(script: file)); do printf '%s' \(word: mark) >\"$f\"; done")
            #expect(try await host.credential(book, tries: false) == nil, "\(mark)")
            #expect(try await host.credential(book, tries: true) == "accepted, not recorded", "\(mark)")
        }
    }

    @Test("of what all share, one that says otherwise outweighs a mark") func shared() {
        let fits = Observation.present([Credential.key: Self.wanted])
        let silent = Observation.present(["name": "ecs"])
        let refused = Observation.present([Credential.key: "refused"])
        #expect(Credential.verdict([silent, fits, nil], wanted: Self.wanted) == .right)
        #expect(Credential.verdict([fits, refused], wanted: Self.wanted) == .differs(observed: "refused"))
        #expect(Credential.verdict([silent, nil], wanted: Self.wanted) == .differs(observed: nil))
    }
}
