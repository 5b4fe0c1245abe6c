import Cloud
import Glibc
import Model
import Testing

@Suite("Secrets from files")
struct SecretFileTests {
    let scratch: Scratch
    let fetcher: SecretFetcher

    init() throws {
        scratch = try Scratch()
        // A file source has no business with AWS.
        fetcher = SecretFetcher(
            folder: scratch.path,
            command: AWSCommand { _, _ throws(AWSFailure) in throw .cannotRun(detail: "the test expects no call") })
    }

    func fetch(_ names: Set<SecretName>, _ sources: SecretSource...) async throws -> FetchedSecrets {
        try await fetcher.fetch(names, from: sources, within: .seconds(5))
    }

    /// The errors of a fetch that must fail. None of them may hold a value.
    func errors(_ names: Set<SecretName>, _ sources: SecretSource...) async -> [CloudError] {
        do {
            _ = try await fetcher.fetch(names, from: sources, within: .seconds(2))
            return []
        } catch {
            #expect(!error.description.contains("canary"))
            var dumped = ""
            dump(error, to: &dumped)
            #expect(!dumped.contains("canary"))
            return error.all
        }
    }

    @Test("get-secret-value's output; the version is pinned")
    func single() async throws {
        try scratch.write(Fixture.bytes("get.json"), to: "s.json")
        let fetched = try await fetch(["passwords.db_password"], source("passwords", .file(path: "s.json")))
        #expect(fetched.book.text("passwords.db_password") == "canary-value")
        #expect(fetched.book.versions == ["passwords": "11111111-1111-4111-8111-111111111111"])
        #expect(fetched.warnings.isEmpty)
    }

    @Test("batch-get-secret-value's output: the source's name selects; values are exact, blank edges are mentioned")
    func batch() async throws {
        let path = try scratch.write(Fixture.bytes("batch.json"), to: "b.json")
        let fetched = try await fetch(
            ["env-prod-ha-passwords-v2.db_password", "env-prod-ha-erlang.cookie"],
            source("env-prod-ha-passwords-v2", .file(path: path)),
            source("env-prod-ha-erlang", .file(path: path), line: 7))
        #expect(fetched.book.text("env-prod-ha-passwords-v2.db_password") == #"p%40$(id)"'\@:/?#&é x"#)
        #expect(fetched.book.text("env-prod-ha-erlang.cookie") == "ABCDEF\n")
        #expect(
            fetched.warnings.map(\.description) == [
                "inventory.yaml:7:1: env-prod-ha-erlang.cookie begins or ends with a blank or a line break; "
                    + "remove it from the secret unless it is meant: some programs cut it off"
            ])
        #expect(
            await errors(["other.db_password"], source("other", .file(path: path)))
                == [.ambiguous(source: "other", names: ["env-prod-ha-passwords-v2", "env-prod-ha-erlang"])])
    }

    @Test("terraform output -json: the named output only")
    func terraform() async throws {
        try scratch.write(Fixture.bytes("terraform.json"), to: "t.json")
        let fetched = try await fetch(["tf.db_password"], source("tf", .terraform(path: "t.json", output: "passwords")))
        #expect(fetched.book.text("tf.db_password") == "canary-value")
        #expect(fetched.book.versions == ["tf": "terraform"])
        let found = await errors(
            ["tf.db_password", "tf.none", "tf.replicas", "list.a", "text.a", "absent.a"],
            source("tf", .terraform(path: "t.json", output: "passwords")),
            source("list", .terraform(path: "t.json", output: "private_subnets")),
            source("text", .terraform(path: "t.json", output: "single")),
            source("absent", .terraform(path: "t.json", output: "paswords")))
        #expect(
            Set(found) == [
                .notText("tf.none", "null"), .notText("tf.replicas", "a number"),
                .badShape(source: "list", "the secret is a list, not an object of strings"),
                .badShape(source: "text", "the secret is a string, not an object of strings"),
                .missingOutput(source: "absent", output: "paswords", nearest: "passwords"),
            ])
    }

    @Test("missing, empty, of another type, undeclared, declared twice: all said at once")
    func everything() async throws {
        try scratch.write(Fixture.bytes("batch.json"), to: "b.json")
        let name = "env-prod-ha-passwords-v2"
        let found = await errors(
            [
                SecretName(source: name, key: "db_pasword"), SecretName(source: name, key: "port"),
                SecretName(source: name, key: "empty"), SecretName(source: name, key: "rabbitmq_password"),
                "env-prod-ha-passwords.x", "twice.x",
            ],
            source(name, .file(path: "b.json")), source("twice", .file(path: "b.json")),
            source("twice", .file(path: "c.json")))
        #expect(
            found == [
                .repeatedSource("twice"), .undeclaredSource("env-prod-ha-passwords.x", nearest: name),
                .missingKey(SecretName(source: name, key: "db_pasword"), nearest: "\(name).db_password"),
                .empty(SecretName(source: name, key: "empty")),
                .notText(SecretName(source: name, key: "port"), "a number"),
            ])
    }

    @Test(
        "documents that are not what they should be",
        arguments: [
            (
                #"{"SecretString": "{\"k\": \"canary\", \"k\": \"canary2\"}"}"#,
                "SecretString is not JSON: line 1, column 17: the key \"k\" stands twice in one object"
            ),
            (#"{"SecretString": "canary-plain"}"#, "SecretString is not JSON: line 1, column 1: expected a value"),
            (#"{"SecretString": "[\"canary\"]"}"#, "the secret is a list, not an object of strings"),
            (#"{"SecretString": "{\"k\": [\"canary\"]}"}"#, "s.k is a list, not a string"),
            (#"{"SecretBinary": "Y2FuYXJ5"}"#, "the secret is binary (SecretBinary)"),
            (
                #"{"SecretString": "{\"k\": \"canary\"}", "VersionStages": ["AWSPREVIOUS"]}"#,
                "the version has the stages [AWSPREVIOUS], not AWSCURRENT"
            ),
            (#"{"k": "canary"}"#, "the file has neither SecretString nor SecretValues"),
            (#"["canary"]"#, "the file is a list, not an object"),
            ("canary", "the file is not JSON: line 1, column 1: expected a value"),
            ("", "the file is not JSON: line 1, column 1: the document ends in the middle"),
            (#"{"SecretValues": []}"#, "the file holds no secret"),
            (
                #"{"SecretValues": [], "Errors": [{"SecretId": "s", "ErrorCode": "ResourceNotFoundException"}]}"#,
                "the file holds an error for s: ResourceNotFoundException"
            ),
        ])
    func shapes(document: String, message: String) async throws {
        try scratch.write(document, to: "s.json")
        let found = await errors(["s.k"], source("s", .file(path: "s.json")))
        #expect(found.map(\.message) == [message.hasPrefix("s.k") ? message : "secret source s: \(message)"])
    }

    @Test(
        "a file that others can reach is refused, with the line that mends it",
        arguments: [0o644, 0o640, 0o604, 0o620, 0o601] as [mode_t])
    func exposed(mode: mode_t) async throws {
        let path = try scratch.write(Fixture.bytes("get.json"), to: "s.json", mode: mode)
        let found = await errors(["s.db_password"], source("s", .file(path: "s.json")))
        #expect(found == [.exposed(source: "s", path: path, mode: "0" + String(mode, radix: 8))])
        #expect(found.first?.remedy == "chmod 600 \(path)")
    }

    @Test("what cannot be read: not there, a folder, a pipe without an end")
    func unreadable() async throws {
        let fifo = "\(scratch.path)/fifo"
        #expect(mkfifo(fifo, 0o600) == 0)
        let writer = open(fifo, O_RDWR | O_CLOEXEC)
        defer { close(writer) }
        let start = ContinuousClock.now
        let found = await errors(
            ["gone.k", "folder.k", "pipe.k"], source("gone", .file(path: "gone.json")),
            source("folder", .file(path: ".")), source("pipe", .file(path: "fifo")))
        #expect(start.duration(to: .now) < .seconds(30))
        #expect(
            found == [
                .unreadable(source: "gone", path: "\(scratch.path)/gone.json", reason: "No such file or directory"),
                .unreadable(source: "folder", path: "\(scratch.path)/.", reason: "it is a directory"),
                .unreadable(source: "pipe", path: fifo, reason: "no end within 2 s"),
            ])
    }

    @Test("standard input is read once, for all sources that name it, in pieces")
    func standardInput() async throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let document = try Fixture.bytes("batch.json")
        let writer = ends[1]
        Task.detached {
            for start in stride(from: 0, to: document.count, by: 400) {
                let piece = Array(document[start..<min(start + 400, document.count)])
                _ = Glibc.write(writer, piece, piece.count)
                try? await Task.sleep(for: .milliseconds(5))
            }
            close(writer)
        }
        let fetched = try await SecretFetcher(folder: "/", standardInput: ends[0]).fetch(
            ["env-prod-ha-passwords-v2.db_password", "env-prod-ha-erlang.cookie"],
            from: [
                source("env-prod-ha-passwords-v2", .file(path: "-")), source("env-prod-ha-erlang", .file(path: "-")),
            ],
            within: .seconds(5))
        #expect(fetched.book.names.count == 2)
    }

    @Test("a source that nothing needs is not touched")
    func untouched() async throws {
        try scratch.write(Fixture.bytes("get.json"), to: "s.json")
        let fetched = try await fetch(
            ["s.db_password"], source("s", .file(path: "s.json")), source("x", .file(path: "gone.json")),
            source("y", .aws(secretID: "y", region: nil)))
        #expect(fetched.book.versions.keys.sorted() == ["s"])
    }
}
