import Model
import Synchronization
import Testing

@testable import Cloud

/// A stand-in for `aws` that answers from a list, in order, and fails when it is asked more often.
final class Script: Sendable {
    private let state: Mutex<(answers: [Result<String, AWSFailure>], calls: [[String]])>
    let sleeps = Mutex<[Duration]>([])

    init(_ answers: [Result<String, AWSFailure>]) { state = Mutex((answers, [])) }

    var calls: [[String]] { state.withLock { $0.calls } }

    var command: AWSCommand {
        AWSCommand { arguments, _ throws(AWSFailure) in
            let answer = self.state.withLock { state -> Result<String, AWSFailure> in
                state.calls.append(arguments)
                return state.answers.isEmpty
                    ? .failure(.cannotRun(detail: "the script has no further answer")) : state.answers.removeFirst()
            }
            return Array(try answer.get().utf8)
        }
    }

    /// Half of the longest wait, noted and not slept.
    var retry: RetryPolicy {
        RetryPolicy(random: { 0.5 }, sleep: { duration in self.sleeps.withLock { $0.append(duration) } })
    }
}

func page(_ names: [String], errors: [(String, String)] = [], token: String? = nil, version: String = "v1") -> String {
    var page: JSONValue = [
        "SecretValues": .list(
            names.map { name in
                [
                    "ARN": .text("arn:aws:secretsmanager:eu-west-2:1:secret:\(name)-AbCdEf"), "Name": .text(name),
                    "VersionId": .text(version), "SecretString": .text("{\"k\":\"value of \(name)\"}"),
                    "VersionStages": ["AWSCURRENT"],
                ]
            }),
        "Errors": .list(errors.map { ["SecretId": .text($0.0), "ErrorCode": .text($0.1), "Message": "said so"] }),
    ]
    if let token, var members = page.object {
        members["NextToken"] = .text(token)
        page = .object(members)
    }
    return page.encodedText()
}

@Suite("Batches")
struct SecretBatchTests {
    func fetch(_ script: Script, _ ids: [String], region: String? = nil) async throws(CloudErrors) -> FetchedSecrets {
        try await SecretFetcher(folder: "/", command: script.command, retry: script.retry).fetch(
            Set(ids.map { SecretName(source: "s-\($0)", key: "k") }),
            from: ids.map { source("s-\($0)", .aws(secretID: $0, region: region)) }, within: .seconds(20))
    }

    func errors(_ script: Script, _ ids: [String]) async -> [CloudError] {
        do {
            _ = try await fetch(script, ids)
            return []
        } catch { return error.all }
    }

    @Test("one call for all, in any order; versions are pinned")
    func one() async throws {
        let script = Script([.success(page(["b", "a"], version: "v7"))])
        let fetched = try await fetch(script, ["a", "b"], region: "eu-west-2")
        #expect(fetched.book.text("s-a.k") == "value of a" && fetched.book.text("s-b.k") == "value of b")
        #expect(fetched.book.versions == ["s-a": "v7", "s-b": "v7"])
        #expect(
            script.calls == [
                ["secretsmanager", "batch-get-secret-value", "--secret-id-list", "a", "b", "--region", "eu-west-2"]
            ])
    }

    @Test("a full ARN selects its region, and is found in the answer")
    func arn() async throws {
        let script = Script([.success(page(["a"]))])
        _ = try await fetch(script, ["arn:aws:secretsmanager:eu-west-2:1:secret:a-AbCdEf"])
        #expect(script.calls.first?.suffix(2) == ["--region", "eu-west-2"])
    }

    @Test("45 secrets are three calls of at most 20")
    func many() async throws {
        let ids = (1...45).map { "s\($0)" }
        let sizes = Mutex<[Int]>([])
        let command = AWSCommand { arguments, _ throws(AWSFailure) in
            let asked = Array(arguments.dropFirst(3))
            sizes.withLock { $0.append(asked.count) }
            return Array(page(asked.reversed()).utf8)
        }
        let fetched = try await SecretFetcher(folder: "/", command: command).fetch(
            Set(ids.map { SecretName(source: $0, key: "k") }),
            from: ids.map { source($0, .aws(secretID: $0, region: nil)) }, within: .seconds(20))
        #expect(fetched.book.names.count == 45)
        #expect(sizes.withLock { $0.sorted() } == [5, 20, 20])
    }

    @Test("a page with a token is followed by the next")
    func pages() async throws {
        let script = Script([.success(page(["a"], token: "t1")), .success(page(["b"]))])
        #expect(try await fetch(script, ["a", "b"]).book.names.count == 2)
        #expect(script.calls.last?.suffix(2) == ["--next-token", "t1"])
        let endless = Script([.success(page(["a"], token: "t")), .success(page(["b"], token: "t"))])
        #expect(
            await errors(endless, ["a", "b"]) == [
                .aws(.badAnswer("the same NextToken twice"), sources: ["s-a", "s-b"])
            ])
    }

    @Test("partial errors are errors, although the exit status is 0; those that are the same are one")
    func partial() async {
        let script = Script([
            .success(
                page(
                    ["a"],
                    errors: [
                        ("b", "ResourceNotFoundException"), ("c", "AccessDeniedException"),
                        ("d", "ResourceNotFoundException"),
                    ]))
        ])
        #expect(
            await errors(script, ["a", "b", "c", "d"]) == [
                .aws(.notFound(detail: "said so"), sources: ["s-b", "s-d"]),
                .aws(
                    .accessDenied(operation: "secretsmanager:GetSecretValue", isKMS: false, detail: "said so"),
                    sources: ["s-c"]),
            ])
        #expect(script.calls.count == 1)
    }

    @Test("only what failed in passing is asked again, with growing waits")
    func retries() async throws {
        let script = Script([
            .success(page(["a"], errors: [("b", "InternalServiceError")])),
            .failure(.throttled(code: "ThrottlingException")),
            .success(page(["b"])),
        ])
        #expect(try await fetch(script, ["a", "b"]).book.names.count == 2)
        #expect(script.calls.map { $0.dropFirst(3) } == [["a", "b"], ["b"], ["b"]])
        #expect(script.sleeps.withLock { $0 } == [.milliseconds(100), .milliseconds(200)])
    }

    @Test("five tries, not six; what is not transient, once")
    func gaveUp() async {
        let throttled = Script(Array(repeating: .failure(.throttled(code: "ThrottlingException")), count: 9))
        #expect(
            await errors(throttled, ["a"])
                == [.aws(.gaveUp(after: 5, .throttled(code: "ThrottlingException")), sources: ["s-a"])])
        #expect(throttled.calls.count == 5)
        #expect(throttled.sleeps.withLock { $0 } == [100, 200, 400, 800].map { .milliseconds($0) })
        let denied = Script([.failure(.accessDenied(operation: "BatchGetSecretValue", isKMS: false, detail: "no"))])
        #expect(await errors(denied, ["a"]).count == 1)
        #expect(denied.calls.count == 1)
    }

    @Test("no try is begun that the deadline would cut")
    func deadline() async {
        let script = Script([.failure(.throttled(code: "ThrottlingException"))])
        let fetcher = SecretFetcher(
            folder: "/", command: script.command,
            retry: RetryPolicy(base: .seconds(60), cap: .seconds(60), random: { 0.9 }, sleep: { _ in }))
        await #expect(throws: CloudErrors.self) {
            try await fetcher.fetch(
                ["a.k"], from: [source("a", .aws(secretID: "a", region: nil))], within: .seconds(30))
        }
        #expect(script.calls.count == 1)
    }

    @Test(
        "answers that are not understood are errors",
        arguments: [
            ("", "not JSON, line 1, column 1: the document ends in the middle"), ("{}", "no list SecretValues"),
            (#"{"SecretValues": [], "Errors": []}"#, "no secret has the name or ARN a"),
            (page(["b"]), "no secret has the name or ARN a"),
        ])
    func badAnswers(answer: String, reason: String) async {
        #expect(await errors(Script([.success(answer)]), ["a"]) == [.aws(.badAnswer(reason), sources: ["s-a"])])
    }

    @Test("a version that is not current, or does not say so, is refused")
    func stages() async {
        let pending = page(["a"]).replacing("AWSCURRENT", with: "AWSPENDING")
        #expect(
            await errors(Script([.success(pending)]), ["a"]) == [.notCurrent(source: "s-a", stages: ["AWSPENDING"])])
        let silent = page(["a"]).replacing("VersionStages", with: "Other")
        #expect(await errors(Script([.success(silent)]), ["a"]) == [.notCurrent(source: "s-a", stages: [])])
    }

    @Test("two sources may read one secret, which is asked for once")
    func shared() async throws {
        let script = Script([.success(page(["a"]))])
        let fetched = try await SecretFetcher(folder: "/", command: script.command).fetch(
            ["x.k", "y.k"],
            from: [source("x", .aws(secretID: "a", region: nil)), source("y", .aws(secretID: "a", region: nil))],
            within: .seconds(5))
        #expect(fetched.book.names.count == 2 && script.calls.map(\.count) == [4])
    }

    @Test("a rotation during the run is found")
    func rotation() async throws {
        let script = Script([.success(page(["a", "b"], version: "v2"))])
        let rotated = try await SecretFetcher(folder: "/", command: script.command).rotatedSources(
            since: SecretBook(versions: ["s-a": "v1", "s-b": "v2", "f": "file"]),
            from: [
                source("s-a", .aws(secretID: "a", region: nil)), source("s-b", .aws(secretID: "b", region: nil)),
                source("f", .file(path: "gone")), source("unused", .aws(secretID: "c", region: nil)),
            ], within: .seconds(5))
        #expect(rotated.map(\.source) == ["s-a"] && rotated.map(\.was) == ["v1"] && rotated.map(\.is) == ["v2"])
    }

    @Test("waits grow to the cap and are spread over their whole length")
    func jitter() {
        let policy = RetryPolicy(random: { 1 })
        #expect((1...7).map(policy.delay) == [200, 400, 800, 1600, 3200, 5000, 5000].map { .milliseconds($0) })
        #expect(RetryPolicy(random: { 0 }).delay(after: 3) == .zero)
    }
}
