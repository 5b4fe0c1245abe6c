import Glibc
import Model
import Testing
import Transport

@testable import Cloud

@Suite("aws against moto", WithMoto())
struct MotoTests {
    static let awkward = #"p%40$(id)"'\@:/?#&é x"#

    func command() throws -> AWSCommand {
        .installed(environment: try Tools.environment(port: try #require(Moto.current).port))
    }

    /// Runs any `aws` command; the arguments are not secret here.
    @discardableResult
    func aws(_ arguments: String...) async throws -> JSONValue {
        let output = try await command()(arguments, within: .seconds(60))
        return output.isEmpty ? .null : try JSONValue(parsing: output)
    }

    @Test(
        "a value with every awkward character arrives byte for byte, in a POSIX locale too",
        arguments: ["C", "en_US.ISO-8859-1"])
    func awkward(locale: String) async throws {
        let name = "awkward-\(locale)"
        let value: JSONValue = ["db_password": .text(Self.awkward), "other": "x"]
        let created = try await aws(
            "secretsmanager", "create-secret", "--name", name, "--secret-string", value.encodedText())
        let arn = try #require(created["ARN"]?.text)
        var environment = try Tools.environment(port: try #require(Moto.current).port)
        environment["LANG"] = locale
        let fetcher = SecretFetcher(folder: "/", command: .installed(environment: environment))
        let fetched = try await fetcher.fetch(
            ["byName.db_password", "byARN.db_password"],
            from: [
                source("byName", .aws(secretID: name, region: "eu-west-2")),
                source("byARN", .aws(secretID: arn, region: nil)),
            ],
            within: .seconds(60))
        #expect(fetched.book.text("byName.db_password") == Self.awkward)
        #expect(fetched.book.text("byARN.db_password") == Self.awkward)
        #expect(fetched.book.versions["byName"] == created["VersionId"]?.text)
    }

    @Test("missing and binary secrets and missing keys, all at once; then a rotation is noticed")
    func errors() async throws {
        try await aws("secretsmanager", "create-secret", "--name", "good", "--secret-string", #"{"k":"v"}"#)
        try await aws("secretsmanager", "create-secret", "--name", "binary", "--secret-binary", "AAAA")
        let fetcher = SecretFetcher(folder: "/", command: try command())
        let sources = ["good", "binary", "gone"].map { source($0, .aws(secretID: $0, region: nil)) }
        let error = await #expect(throws: CloudErrors.self) {
            try await fetcher.fetch(
                ["good.k", "good.missing", "binary.k", "gone.k"], from: sources, within: .seconds(60))
        }
        let detail = "Secrets Manager can't find the specified secret."
        #expect(
            error?.all == [
                .missingKey("good.missing", nearest: nil), .binary(source: "binary"),
                .aws(.notFound(detail: detail), sources: ["gone"]),
            ])
        let book = try await fetcher.fetch(["good.k"], from: sources, within: .seconds(60)).book
        #expect(try await fetcher.rotatedSources(since: book, from: sources, within: .seconds(60)).isEmpty)
        try await aws("secretsmanager", "put-secret-value", "--secret-id", "good", "--secret-string", #"{"k":"w"}"#)
        let rotated = try await fetcher.rotatedSources(since: book, from: sources, within: .seconds(60))
        #expect(rotated.map(\.source) == ["good"])
    }

    @Test("names of a hosted zone, and one that does not exist")
    func hostedZone() async throws {
        let zone = try await aws("route53", "create-hosted-zone", "--name", "prod-ha.cso.ss", "--caller-reference", "1")
        let id = try #require(zone["HostedZone"]?["Id"]?.text)
        try await aws(
            "route53", "change-resource-record-sets", "--hosted-zone-id", id, "--change-batch",
            #"{"Changes":[{"Action":"CREATE","ResourceRecordSet":{"Name":"forgotten01.prod-ha.cso.ss","Type":"A","TTL":300,"ResourceRecords":[{"Value":"10.1.128.99"}]}}]}"#
        )
        let names = try await HostedZone(command: command()).names(id: id, within: .seconds(60))
        #expect(try names == ["forgotten01.prod-ha.cso.ss": [#require(Address("10.1.128.99"))]])
        let error = await #expect(throws: CloudError.self) {
            try await HostedZone(command: command()).names(id: "Z0NOTHERE", within: .seconds(60))
        }
        guard case .hostedZone(.refused(code: "NoSuchHostedZone", _, _), id: "Z0NOTHERE")? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

@Suite("aws against an endpoint that misbehaves")
struct MisbehavingEndpointTests {
    func fetch(
        _ environment: [String: String], retry: RetryPolicy = RetryPolicy(sleep: { _ in }),
        within allowance: Duration = .seconds(60)
    ) async throws(CloudErrors) -> SecretBook {
        try await SecretFetcher(folder: "/", command: .installed(environment: environment), retry: retry).fetch(
            ["a.k"], from: [source("a", .aws(secretID: "a", region: nil))], within: allowance
        ).book
    }

    func failure(_ environment: [String: String], within allowance: Duration = .seconds(60)) async -> AWSFailure? {
        do {
            _ = try await fetch(environment, within: allowance)
            return nil
        } catch {
            #expect(!error.description.contains("canary"))
            guard case .aws(let failure, ["a"])? = error.all.first, error.all.count == 1 else {
                Issue.record("\(error)")
                return nil
            }
            return failure
        }
    }

    @Test("throttled twice, answered the third time: each try is one request")
    func throttled() async throws {
        let endpoint = try Endpoint { number, _ in
            number < 3 ? .error("ThrottlingException", "Rate exceeded") : .init(status: 200, body: page(["a"]))
        }
        defer { endpoint.stop() }
        #expect(try await fetch(Tools.environment(port: endpoint.port)).text("a.k") == "value of a")
        #expect(endpoint.requests.count == 3)
    }

    @Test("25 secrets take two calls")
    func many() async throws {
        let endpoint = try Endpoint { _, body in
            let asked = (try? JSONValue(parsing: body))?["SecretIdList"]?.list?.compactMap(\.text) ?? []
            // The service's limit.
            if asked.count > 20 { return .error("InvalidParameterException", "too many") }
            return .init(status: 200, body: page(asked))
        }
        defer { endpoint.stop() }
        let names = (1...25).map { "many-\($0)" }
        let command = AWSCommand.installed(environment: try Tools.environment(port: endpoint.port))
        let fetched = try await SecretFetcher(folder: "/", command: command).fetch(
            Set(names.map { SecretName(source: $0, key: "k") }),
            from: names.map { source($0, .aws(secretID: $0, region: nil)) }, within: .seconds(60))
        #expect(names.allSatisfy { fetched.book.text(SecretName(source: $0, key: "k")) == "value of \($0)" })
        #expect(endpoint.requests.count == 2)
    }

    @Test("pages are followed")
    func pages() async throws {
        let endpoint = try Endpoint { number, _ in
            .init(status: 200, body: number == 1 ? page([], token: "next") : page(["a"]))
        }
        defer { endpoint.stop() }
        #expect(try await fetch(Tools.environment(port: endpoint.port)).text("a.k") == "value of a")
        #expect(endpoint.requests.last?.contains("\"NextToken\": \"next\"") == true)
    }

    @Test(
        "refusals are told apart",
        arguments: [
            (
                "AccessDeniedException", "Access to KMS is not allowed",
                .accessDenied(operation: "BatchGetSecretValue", isKMS: true, detail: "Access to KMS is not allowed")
            ),
            (
                "AccessDeniedException", "User x is not authorized",
                .accessDenied(operation: "BatchGetSecretValue", isKMS: false, detail: "User x is not authorized")
            ),
            (
                "ExpiredTokenException", "token expired",
                .expiredCredentials(code: "ExpiredTokenException", detail: "token expired")
            ),
            ("DecryptionFailure", "no", .decryptionFailed(detail: "no")),
            ("InvalidRequestException", "marked for deletion", .invalidRequest(detail: "marked for deletion")),
        ] as [(String, String, AWSFailure)])
    func refusals(code: String, message: String, expected: AWSFailure) async throws {
        let endpoint = try Endpoint { _, _ in .error(code, message) }
        defer { endpoint.stop() }
        #expect(await failure(try Tools.environment(port: endpoint.port)) == expected)
        #expect(endpoint.requests.count == 1)
    }

    @Test("a service that fails each time is given up after five tries")
    func gaveUp() async throws {
        let endpoint = try Endpoint { _, _ in .error("InternalServiceError", "try later", status: 500) }
        defer { endpoint.stop() }
        #expect(
            await failure(try Tools.environment(port: endpoint.port))
                == .gaveUp(after: 5, .serviceFailed(code: "InternalServiceError", detail: "try later")))
        #expect(endpoint.requests.count == 5)
    }

    @Test("nobody listens")
    func noConnection() async throws {
        let port = try Listener().port
        guard case .gaveUp(after: 5, .noConnection)? = await failure(try Tools.environment(port: port)) else {
            Issue.record("not a connection failure")
            return
        }
    }

    @Test("an answer that cannot be parsed is not shown")
    func garbage() async throws {
        let endpoint = try Endpoint { _, _ in .init(status: 200, body: #"{"SecretValues": [{"SecretString": "canary"#) }
        defer { endpoint.stop() }
        #expect(await failure(try Tools.environment(port: endpoint.port)) != nil)
    }

    @Test("silence ends at the deadline")
    func silence() async throws {
        let endpoint = try Endpoint { _, _ in nil }
        defer { endpoint.stop() }
        let start = ContinuousClock.now
        guard case .timedOut? = await failure(try Tools.environment(port: endpoint.port), within: .seconds(3)) else {
            Issue.record("no timeout")
            return
        }
        #expect(start.duration(to: .now) < .seconds(4.5))
    }

    @Test("no credentials")
    func noCredentials() async throws {
        let endpoint = try Endpoint { _, _ in nil }
        defer { endpoint.stop() }
        var environment = try Tools.environment(port: endpoint.port)
        environment["AWS_ACCESS_KEY_ID"] = ""
        environment["AWS_SECRET_ACCESS_KEY"] = ""
        guard case .notConfigured? = await failure(environment) else {
            Issue.record("not a configuration failure")
            return
        }
        #expect(endpoint.requests.isEmpty)
    }

    @Test("aws is not installed")
    func notInstalled() async throws {
        #expect(await failure(["PATH": "/nonexistent"]) == .notInstalled)
    }
}

@Suite("The child process")
struct ChildTests {
    /// An `aws` of the test's own in a PATH that has nothing else in front of it.
    static func environment(_ script: String, in scratch: Scratch) throws -> [String: String] {
        try scratch.write("#!/bin/sh\n" + script, to: "aws", mode: 0o700)
        return ["PATH": scratch.path + ":/usr/bin:/bin"]
    }

    @Test("the deadline ends the child and its own children, also those that ignore SIGTERM")
    func group() async throws {
        let scratch = try Scratch()
        let pids = "\(scratch.path)/pids"
        let command = AWSCommand.installed(
            environment: try Self.environment("trap '' TERM; sleep 300 & echo $$ $! > \(pids); wait\n", in: scratch))
        let start = ContinuousClock.now
        await #expect(throws: AWSFailure.timedOut(after: .seconds(3))) { try await command(["x"], within: .seconds(3)) }
        // Far less than the child sleeps, and far more than a busy machine needs.
        #expect(start.duration(to: .now) < .seconds(60))
        let text = String(decoding: try Fixture.read(pids), as: UTF8.self)
        let children = text.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        #expect(children.count == 2)
        for child in children {
            // A killed orphan is reaped by whoever adopts it, a moment later.
            var isGone = false
            for _ in 0..<50 where !isGone {
                isGone = kill(child, 0) != 0 || Self.isZombie(child)
                if !isGone { try await Task.sleep(for: .milliseconds(20)) }
            }
            #expect(isGone, "process \(child) still lives")
        }
    }

    static func isZombie(_ pid: Int32) -> Bool {
        guard let bytes = try? Fixture.read("/proc/\(pid)/stat") else { return true }
        return String(decoding: bytes, as: UTF8.self).split(separator: ") ").last?.first == "Z"
    }

    @Test("cancellation ends it at once")
    func cancelled() async throws {
        let scratch = try Scratch()
        let command = AWSCommand.installed(environment: try Self.environment("exec sleep 300\n", in: scratch))
        let start = ContinuousClock.now
        let task = Task { try await command(["x"], within: .seconds(200)) }
        try await Task.sleep(for: .milliseconds(300))
        task.cancel()
        await #expect(throws: AWSFailure.cancelled) { try await task.value }
        #expect(start.duration(to: .now) < .seconds(60))
    }

    @Test("it gets the caller's environment, makes one try, asks no terminal and no pager, and reads nothing")
    func surroundings() async throws {
        let scratch = try Scratch()
        setenv("CSO_CLOUD_TEST", "from the caller", 1)
        let command = AWSCommand.installed(
            environment: try Self.environment(
                """
                read line && exit 3
                (: < /dev/tty) 2> /dev/null && exit 4
                printf '%s|%s|%s|%s' "$CSO_CLOUD_TEST" "$AWS_MAX_ATTEMPTS" "$AWS_PAGER" "$*"
                """, in: scratch))
        let output = try await command(["a b", "c"], within: .seconds(10))
        #expect(String(decoding: output, as: UTF8.self) == "from the caller|1||a b c --output json")
    }

    @Test("more output than any answer has is cut off with an error")
    func flood() async throws {
        let scratch = try Scratch()
        let command = AWSCommand.installed(
            environment: try Self.environment("exec head -c 40000000 /dev/zero\n", in: scratch))
        await #expect(throws: AWSFailure.self) { try await command(["x"], within: .seconds(20)) }
    }

    @Test("a signal is named by its shell status")
    func signalled() async throws {
        let scratch = try Scratch()
        let command = AWSCommand.installed(environment: try Self.environment("kill -9 $$\n", in: scratch))
        await #expect(throws: AWSFailure.ended(status: 137, detail: "it said nothing")) {
            try await command(["x"], within: .seconds(20))
        }
    }
}
