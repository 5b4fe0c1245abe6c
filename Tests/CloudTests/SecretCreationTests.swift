import Glibc
import Model
import PKI
import Synchronization
import Testing

@testable import Cloud

@Suite("Making secrets, against moto", WithMoto())
struct SecretCreationTests {
    func command() throws -> AWSCommand {
        .installed(environment: try Tools.environment(port: try #require(Moto.current).port))
    }

    @discardableResult
    func aws(_ arguments: String...) async throws -> JSONValue {
        let output = try await command()(arguments, within: .seconds(60))
        return output.isEmpty ? .null : try JSONValue(parsing: output)
    }

    func plan(_ names: Set<SecretName>, _ sources: [SecretSource]) async throws -> SecretCreationPlan {
        SecretCreationPlan(
            await SecretFetcher(folder: "/", command: try command()).survey(names, from: sources, within: .seconds(60)))
    }

    func create(
        _ plan: SecretCreationPlan, with command: AWSCommand? = nil
    ) async throws -> (created: [SecretCreator.Created], failure: SecretCreationError?) {
        var random = SystemRandomNumberGenerator()
        let command = try command ?? self.command()
        return await SecretCreator(command: command).create(
            plan, of: "local", at: Moment(seconds: 1_795_000_000), with: &random, within: .seconds(60))
    }

    @Test("a secret that does not exist is created, and nothing is left to make")
    func new() async throws {
        let sources = [source("s", .aws(secretID: "made-new", region: "eu-west-2"))]
        let names: Set<SecretName> = ["s.db_password", "s.erlang_cookie", "s.password_encryption_key"]
        let before = try await plan(names, sources)
        #expect(before.additions.map(\.createsSecret) == [true])
        let (created, failure) = try await create(before)
        #expect(failure == nil, "\(failure?.diagnostic.description ?? "")")
        #expect(created.map { Set($0.names) } == [names])
        let after = try await plan(names, sources)
        #expect(after.isEmpty)
        #expect(after.refusals.isEmpty)
        let book = try await SecretFetcher(folder: "/", command: command())
            .fetch(names, from: sources, within: .seconds(60)).book
        #expect(book.text("s.password_encryption_key")?.count == 64)
        #expect(book.text("s.db_password")?.count == 40)
        #expect(book.versions["s"] == created.first?.version)
    }

    @Test("a CA is made whole as one value, once; a second run makes nothing and it stays byte for byte")
    func authority() async throws {
        let sources = [source("pki", .aws(secretID: "made-ca", region: "eu-west-2"))]
        let before = try await plan(["pki.ca"], sources)
        #expect(before.additions.map { $0.items.map(\.recipe.description) }.joined().first?.contains("a CA") == true)
        let (_, failure) = try await create(before)
        #expect(failure == nil, "\(failure?.diagnostic.description ?? "")")
        func fetched() async throws -> Secret? {
            try await SecretFetcher(folder: "/", command: command())
                .fetch(["pki.ca"], from: sources, within: .seconds(60)).book["pki.ca"]
        }
        let value = try #require(try await fetched())
        #expect(try CertificateAuthority(value).facts.commonName == "CSO CA local pki.ca")
        // Beside it another key is made; the CA is not touched.
        let more = try await plan(["pki.ca", "pki.next_ca"], sources)
        #expect(more.additions.map { $0.items.map(\.name) } == [["pki.next_ca"]])
        let (created, another) = try await create(more)
        #expect(another == nil && created.count == 1)
        #expect(try await fetched() == value)
        #expect(try await plan(["pki.ca", "pki.next_ca"], sources).isEmpty)
    }

    @Test("keys are added to a secret, and what it held stays, of strings and others alike")
    func added() async throws {
        let awkward = MotoTests.awkward
        let old: JSONValue = ["service_password": .text(awkward), "port": 3306, "empty": ""]
        let made = try await aws(
            "secretsmanager", "create-secret", "--name", "made-added", "--secret-string", old.encodedText())
        let sources = [source("s", .aws(secretID: "made-added", region: nil))]
        let (created, failure) = try await create(try await plan(["s.service_password", "s.db_password"], sources))
        #expect(failure == nil, "\(failure?.diagnostic.description ?? "")")
        #expect(created.map(\.names) == [["s.db_password"]])
        let now = try await aws("secretsmanager", "get-secret-value", "--secret-id", "made-added")
        #expect(now["VersionId"]?.text == created.first?.version)
        let values = try JSONValue(parsing: try #require(now["SecretString"]?.text))
        #expect(values["service_password"]?.text == awkward)
        #expect(values["port"]?.integer == 3306)
        #expect(values["empty"]?.text == "")
        #expect(values["db_password"]?.text?.count == 40)
        let previous = try await aws(
            "secretsmanager", "get-secret-value", "--secret-id", "made-added", "--version-stage", "AWSPREVIOUS")
        #expect(previous["VersionId"] == made["VersionId"])
        // A second time there is nothing to make.
        #expect(try await plan(["s.service_password", "s.db_password"], sources).isEmpty)
    }

    /// `aws` with somebody else who writes just before or just after we do.
    func disturbed(_ name: String, isBefore: Bool) throws -> AWSCommand {
        let real = try command()
        let disturb: @Sendable (Duration) async throws(AWSFailure) -> Void = { allowance throws(AWSFailure) in
            _ = try await real(
                [
                    "secretsmanager", "put-secret-value", "--secret-id", name, "--secret-string", #"{"theirs":"v"}"#,
                ], within: allowance)
        }
        return AWSCommand(
            call: { arguments, allowance throws(AWSFailure) in try await real(arguments, within: allowance) },
            sending: { arguments, input, allowance throws(AWSFailure) in
                if isBefore { try await disturb(allowance) }
                let output = try await real(arguments, input: input, within: allowance)
                if !isBefore { try await disturb(allowance) }
                return output
            })
    }

    @Test("somebody who writes at the same time wins, and it is told", arguments: [true, false])
    func concurrent(isBefore: Bool) async throws {
        let name = "made-twice-\(isBefore)"
        try await aws("secretsmanager", "create-secret", "--name", name, "--secret-string", #"{"old":"v"}"#)
        let sources = [source("s", .aws(secretID: name, region: nil), line: 7)]
        let (created, failure) = try await create(
            try await plan(["s.db_password"], sources), with: disturbed(name, isBefore: isBefore))
        #expect(created.isEmpty)
        guard case .overtaken? = failure?.cause else {
            Issue.record("\(failure?.diagnostic.description ?? "no error")")
            return
        }
        #expect(failure?.diagnostic.location?.line == 7)
        let now = try await aws(
            "secretsmanager", "get-secret-value", "--secret-id", name, "--version-stage", "AWSCURRENT")
        #expect(now["SecretString"]?.text == #"{"theirs":"v"}"#)
    }

    @Test("a key that somebody made since the list was shown is kept")
    func madeMeanwhile() async throws {
        try await aws("secretsmanager", "create-secret", "--name", "made-late", "--secret-string", "{}")
        let sources = [source("s", .aws(secretID: "made-late", region: nil))]
        let plan = try await plan(["s.db_password"], sources)
        try await aws(
            "secretsmanager", "put-secret-value", "--secret-id", "made-late", "--secret-string",
            #"{"db_password":"theirs"}"#)
        let (_, failure) = try await create(plan)
        guard case .document(.alreadyThere(key: "db_password"))? = failure?.cause else {
            Issue.record("\(failure?.diagnostic.description ?? "no error")")
            return
        }
        let now = try await aws("secretsmanager", "get-secret-value", "--secret-id", "made-late")
        #expect(now["SecretString"]?.text == #"{"db_password":"theirs"}"#)
    }

    @Test("a secret that is no object of strings is left alone")
    func noObject() async throws {
        try await aws("secretsmanager", "create-secret", "--name", "made-text", "--secret-string", "just text")
        let plan = try await plan(["s.db_password"], [source("s", .aws(secretID: "made-text", region: nil))])
        #expect(plan.isEmpty)
        #expect(plan.refusals.map(\.name) == ["s.db_password"])
    }

    @Test("the version of aws and the caller")
    func identity() async throws {
        let command = try command()
        #expect(try await AWSVersion.ask(command, within: .seconds(60)).hasBatchGetSecretValue)
        #expect(try await CallerIdentity.ask(command, within: .seconds(60)).account == "123456789012")
    }
}

@Suite("What would be made")
struct SecretCreationPlanTests {
    func plan(_ entries: [(SecretName, SecretSource?, SecretSurvey.State)]) -> SecretCreationPlan {
        SecretCreationPlan(
            SecretSurvey(
                entries: entries.map { .init(name: $0.0, source: $0.1, version: nil, state: $0.2) }))
    }

    @Test("one addition a secret; what is there is not in it")
    func grouped() {
        let one = source("one", .aws(secretID: "arn:aws:secretsmanager:eu-west-1:1:secret:x-abcdef", region: nil))
        let plan = plan([
            ("one.db_password", one, .present), ("one.a_key", one, .missing), ("one.erlang_cookie", one, .missing),
        ])
        #expect(plan.additions.map { $0.items.map(\.name) } == [["one.a_key", "one.erlang_cookie"]])
        #expect(plan.additions.map(\.region) == ["eu-west-1"])
        #expect(plan.refusals.isEmpty)
    }

    @Test("files, Terraform, a CA's key, unknown keys and what cannot be read are refused, each with a remedy")
    func refused() {
        let aws = source("s", .aws(secretID: "x", region: nil))
        let plan = plan([
            ("f.db_password", source("f", .file(path: "secrets.json")), .missing),
            ("t.db_password", source("t", .terraform(path: "out.json", output: "o")), .missing),
            ("s.ca_key", aws, .missing), ("s.license", aws, .missing),
            ("r.password", source("r", .aws(secretID: "rds!db-0000", region: nil)), .sourceMissing),
            (
                "q.password",
                source("q", .aws(secretID: "arn:aws:secretsmanager:eu-west-2:1:secret:rds!db-1-abcdef", region: nil)),
                .sourceMissing
            ),
            ("s.empty_password", aws, .unusable(.empty("s.empty_password"))),
            ("n.k", nil, .unusable(.undeclaredSource("n.k", nearest: nil))),
        ])
        #expect(plan.isEmpty)
        #expect(plan.refusals.count == 8)
        #expect(plan.refusals.allSatisfy { !$0.remedy.isEmpty && !$0.reason.isEmpty })
    }

    @Test("two names for one secret are not written one over the other")
    func twice() {
        let plan = plan([
            ("a.db_password", source("a", .aws(secretID: "x", region: nil)), .missing),
            ("b.db_password", source("b", .aws(secretID: "x", region: nil)), .missing),
        ])
        #expect(plan.additions.map(\.source.name) == ["a"])
        #expect(plan.refusals.map(\.name) == ["b.db_password"])
    }
}

@Suite("How a secret gets to aws")
struct SecretInputTests {
    @Test("by standard input under a file's name; arguments and environment do not have it")
    func hidden() async throws {
        let scratch = try Scratch()
        let command = AWSCommand.installed(
            environment: try ChildTests.environment(
                """
                tr '\\0' '\\n' < /proc/$$/cmdline > \(scratch.path)/seen
                tr '\\0' '\\n' < /proc/$$/environ >> \(scratch.path)/seen
                cat /dev/stdin > \(scratch.path)/input
                """, in: scratch))
        _ = try await command(
            ["secretsmanager", "--secret-string", "file:///dev/stdin"], input: Secret("a canary of mine"),
            within: .seconds(20))
        let seen = String(decoding: try Fixture.read("\(scratch.path)/seen"), as: UTF8.self)
        // The control: the search finds what is there.
        #expect(seen.contains("file:///dev/stdin"))
        #expect(!seen.contains("canary"))
        #expect(try Fixture.read("\(scratch.path)/input") == Array("a canary of mine".utf8))
    }

    @Test("a command that was given no way to send refuses")
    func refused() async throws {
        let command = AWSCommand { _, _ throws(AWSFailure) in [] }
        await #expect(throws: AWSFailure.cannotRun(detail: "it takes no input")) {
            _ = try await command(["x"], input: Secret("s"), within: .seconds(1))
        }
    }

    @Test("ids of versions are UUIDs of version 4")
    func uuids() {
        let all = (0..<50).map { _ in SecretCreator.randomUUID() }
        #expect(Set(all).count == 50)
        for one in all {
            let parts = one.split(separator: "-")
            #expect(parts.map(\.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].hasPrefix("4"))
            #expect("89ab".contains(parts[3].prefix(1)))
        }
    }
}

@Suite("The aws command's own files")
struct AWSConfigFileTests {
    @Test(
        "versions that know batch-get-secret-value",
        arguments: [
            ("aws-cli/2.14.0 Python/3.11.6 Linux/6.1", true), ("aws-cli/2.13.39 Python/3.11.6", false),
            ("aws-cli/1.32.0 Python/3.9", true), ("aws-cli/1.31.13 Python/3.9", false), ("aws-cli/3.0.1 x", true),
            ("aws-cli/1.46.3", true),
        ])
    func version(text: String, has: Bool) throws {
        #expect(try #require(AWSVersion(text)).hasBatchGetSecretValue == has)
    }

    @Test("no version", arguments: ["", "aws 2.1", "aws-cli/x.y", "aws-cli/2"])
    func noVersion(text: String) { #expect(AWSVersion(text) == nil) }

    @Test("profiles that keep a history")
    func history() {
        let text = """
            [default]
            region = eu-west-2
            [profile jump]
              cli_history=ENABLED
            # cli_history = enabled
            [profile other]
            cli_history = disabled
            """
        #expect(AWSConfigFile.keepingHistory(text, file: "c") == [.init(name: "jump", file: "c", line: 4)])
        #expect(AWSConfigFile.keepingHistory("[default]\ncli_history = enabled", file: "c").map(\.name) == ["default"])
        #expect(AWSConfigFile.keepingHistory("", file: "c").isEmpty)
    }

    @Test("where it lies, and which profile counts")
    func places() {
        #expect(AWSConfigFile.path(in: ["HOME": "/home/a"]) == "/home/a/.aws/config")
        #expect(AWSConfigFile.path(in: ["HOME": "/home/a", "AWS_CONFIG_FILE": "~/c"]) == "/home/a/c")
        #expect(AWSConfigFile.path(in: ["AWS_CONFIG_FILE": "/x"]) == "/x")
        #expect(AWSConfigFile.profile(in: [:]) == "default")
        #expect(AWSConfigFile.profile(in: ["AWS_PROFILE": "", "AWS_DEFAULT_PROFILE": "b"]) == "b")
        #expect(AWSConfigFile.profile(in: ["AWS_PROFILE": "a", "AWS_DEFAULT_PROFILE": "b"]) == "a")
    }
}
