import Glibc
import Model
import PKI
import Resources
import Testing

/// Keys and certificates made, drifted and mended by real steps and real openssl, in the shells of both families.
@Suite struct CertificateTests {
    private static let names = ["backend01.prod-ha.cso.ss", "10.1.128.11"]
    private let book: SecretBook

    init() throws {
        var random = SystemRandomNumberGenerator()
        var values: [SecretName: Secret] = [:]
        for name in ["pki.ca", "pki.next_ca"] as [SecretName] {
            values[name] = try CertificateAuthority.make(named: "CSO CA \(name)", at: Self.now, with: &random)
        }
        book = SecretBook(values: values)
    }

    private static var now: Moment { Moment(seconds: Int(time(nil))) }

    private func resource(_ scratch: Scratch, _ more: [String: FieldValue] = [:]) throws -> CertificateResource {
        let fields: [String: FieldValue] = [
            "key": .text("\(scratch.path)/server.key"), "ca": .text("\(scratch.path)/ca.crt"),
            "names": .list(Self.names), "issuer": .content(Content([.secret("pki.ca", .raw)])),
        ]
        return try CertificateResource(
            Fields("\(scratch.path)/server.crt", fields.merging(more) { $1 }))
    }

    private struct Outcome {
        var summaries: [String] = []
        var differences: [String] = []
        var answers: [HostAnswer] = []
        var isRight: Bool { answers.allSatisfy { $0.status == 0 } }
    }

    /// Looks, and does what differs, as the engine does: a request is asked for and signed before its step begins.
    @discardableResult
    private func converge(
        _ resource: CertificateResource, shell: String, prelude: ShellText = "", at moment: Moment? = nil
    ) async throws -> Outcome {
        let observed = try await Shell.observe(resource, book: book, shell: shell)
        if case .unknown(let reason) = observed { throw Unfit(reason) }
        let desired = try resource.desired(with: book, on: .test())
        var outcome = Outcome()
        guard let change = Difference.change(resource, observed: observed, desired: desired) else { return outcome }
        outcome.differences = change.differences.map(\.key)
        for step in CertificateResource.steps(for: [change], on: .test()) {
            var issued: [CertificateOrder: [UInt8]] = [:]
            for order in step.input?.orders ?? [] {
                let request = try await Shell.run(order.request, shell: shell)
                #expect(request.status == 0, "\(request.errorText)")
                let value = try #require(book[order.authority])
                var random = SystemRandomNumberGenerator()
                issued[order] = try CertificateAuthority(value).issue(
                    order, request: request.output, at: moment ?? Self.now, with: &random)
            }
            let input = try step.input?.bound(to: book, issued: issued, for: .host) ?? []
            #expect(!PEMText.holdsPrivateKey(input))
            outcome.summaries.append(step.summary)
            outcome.answers.append(try await Shell.run(prelude + step.script, input: input, shell: shell))
            if outcome.answers.last?.status != 0 { break }
        }
        return outcome
    }

    /// As a service and its clients see it.
    private func isSound(_ scratch: Scratch, shell: String = "/bin/dash") async throws -> Bool {
        let script: ShellText = """
            cd \(word: scratch.path) || exit 9
            openssl verify -no-CApath -x509_strict -purpose sslserver -verify_hostname backend01.prod-ha.cso.ss \
            -CAfile ca.crt server.crt && openssl verify -no-CApath -verify_ip 10.1.128.11 -CAfile ca.crt server.crt &&
            [ "$(openssl x509 -in server.crt -noout -pubkey)" = "$(openssl pkey -in server.key -pubout)" ]
            """
        return try await Shell.run(script, shell: shell).status == 0
    }

    private func files(_ scratch: Scratch) -> [String] {
        CaseTests.entries(of: scratch.path).filter { !$0.hasPrefix("work") }
    }

    @Test(arguments: shells) func aSetIsMadeOnceAndThenLeftAlone(shell: String) async throws {
        let scratch = try Scratch()
        let resource = try resource(scratch, ["mode": .mode(0o640), "group": .text("daemon")])
        let made = try await converge(resource, shell: shell)
        #expect(made.isRight, "\(made.answers.map(\.errorText))")
        #expect(made.summaries.count == 2)
        #expect(files(scratch) == ["ca.crt", "server.crt", "server.key"])
        #expect(try await isSound(scratch))
        let key = try #require(scratch.status("server.key"))
        #expect(key.st_mode & 0o7777 == 0o640 && key.st_uid == 0 && key.st_gid == 1)
        for name in ["server.crt", "ca.crt"] {
            #expect(scratch.status(name).map { $0.st_mode & 0o7777 } == 0o644)
        }
        #expect(!PEMText.holdsPrivateKey(try scratch.read("server.crt") + scratch.read("ca.crt")))
        let inode = scratch.status("server.crt")?.st_ino
        #expect(try await converge(resource, shell: shell).summaries == [])
        #expect(scratch.status("server.crt")?.st_ino == inode)
    }

    @Test(arguments: CertificateOrder.Algorithm.allCases.filter { $0 != .rsa4096 }, CertificateOrder.Usage.allCases)
    func everyAlgorithmAndUse(algorithm: CertificateOrder.Algorithm, usage: CertificateOrder.Usage) async throws {
        let scratch = try Scratch()
        let more: [String: FieldValue] = ["algorithm": .text(algorithm.rawValue), "usage": .text(usage.rawValue)]
        let made = try await converge(try resource(scratch, more), shell: "/bin/dash")
        #expect(made.isRight, "\(made.answers.map(\.errorText))")
        #expect(try await converge(try resource(scratch, more), shell: "/bin/dash").summaries == [])
        #expect(PEMText.blocks(try scratch.read("server.key")).map(\.label) == ["PRIVATE KEY"])
    }

    /// All that a certificate says, where there is none to read.
    private static let said: Set<String> = [
        "certificate", "names", "issuer", "algorithm", "usage", "valid_for", "renewal", "key",
    ]

    /// What is done to a right set, the keys that differ then, and whether the key stays.
    private static let drifts: [(String, ShellText, Set<String>, Bool)] = [
        ("the certificate is gone", "rm server.crt", said.union(["certificate_access"]), false),
        ("the key is gone", "rm server.key", ["key", "key_access"], false),
        ("the CA's file is gone", "rm ca.crt", ["ca", "ca_access"], true),
        ("the CA's file is garbage", "echo garbage >ca.crt", ["ca"], true),
        ("a key put by hand", "openssl ecparam -name prime256v1 -genkey -noout -out server.key", ["key"], false),
        ("a key that is none", "echo garbage >server.key", ["key"], false),
        (
            "a key with a passphrase", "openssl pkey -in server.key -aes256 -passout pass:x -out n && mv n server.key",
            ["key"], false
        ),
        ("a certificate that is none", "echo garbage >server.crt", said, false),
        (
            "a certificate cut short", "head -c 300 server.crt >n && mv n server.crt",
            said.union(["certificate_access"]), false
        ),
        ("a key for everybody", "chmod 0644 server.key", ["key_access"], true),
        ("a key of another", "chown daemon server.key", ["key_access"], true),
        ("a certificate that others may write", "chmod 0666 server.crt", ["certificate_access"], true),
        (
            "a link for a certificate", "mv server.crt work.crt; ln -s work.crt server.crt",
            said.union(["certificate_access"]), false
        ),
        ("a link for a key", "mv server.key work.key; ln -s work.key server.key", ["key", "key_access"], false),
        (
            "no alternative names", "./sign 'basicConstraints=CA:FALSE' 365 && mv n server.crt",
            ["names", "issuer", "usage"], true
        ),
        (
            "signed by another CA of the same name",
            "./sign 'subjectAltName=DNS:backend01.prod-ha.cso.ss,IP:10.1.128.11\nextendedKeyUsage=serverAuth' 365 && mv n server.crt",
            ["issuer"], true
        ),
        (
            "names of another zone",
            "./sign 'subjectAltName=DNS:backend01.dev-ha.cso.internal\nextendedKeyUsage=serverAuth' 365 && mv n server.crt",
            ["names", "issuer"], true
        ),
        (
            "an end in 900 days",
            "./sign 'subjectAltName=DNS:backend01.prod-ha.cso.ss,IP:10.1.128.11\nextendedKeyUsage=serverAuth' 900 && mv n server.crt",
            ["issuer", "valid_for"], true
        ),
        (
            "ten days left",
            "./sign 'subjectAltName=DNS:backend01.prod-ha.cso.ss,IP:10.1.128.11\nextendedKeyUsage=serverAuth' 10 && mv n server.crt",
            ["issuer", "renewal"], true
        ),
    ]

    @Test(arguments: shells) func everyDriftIsSeenAndMended(shell: String) async throws {
        let scratch = try Scratch()
        let resource = try resource(scratch)
        // Another CA of the same name, for certificates that are wrong.
        try scratch.write(
            "sign",
            """
            #!/bin/sh -e
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout work.cakey -out work.ca \
              -subj '/O=CSO/CN=CSO CA pki.ca' -days 3000 2>/dev/null
            openssl req -new -key server.key -subj /CN=backend01.dev-ha.cso.internal -out work.csr
            printf "$1\\n" >work.ext
            openssl x509 -req -in work.csr -CA work.ca -CAkey work.cakey -days "$2" -extfile work.ext -out n 2>/dev/null
            chmod 0644 n
            """)
        chmod(scratch.path + "/sign", 0o755)
        try await converge(resource, shell: shell)
        for (what, script, keys, keepsKey) in Self.drifts {
            let before = try scratch.read("server.key")
            let drift = try await Shell.run("cd \(word: scratch.path) && { \(script: script); }", shell: shell)
            #expect(drift.status == 0, "\(what): \(drift.errorText)")
            let mended = try await converge(resource, shell: shell)
            #expect(Set(mended.differences) == keys, "\(what)")
            #expect(mended.isRight, "\(what): \(mended.answers.map(\.errorText))")
            #expect(try await isSound(scratch), "\(what)")
            #expect(try (scratch.read("server.key") == before) == keepsKey, "\(what)")
            #expect(scratch.status("server.key").map { $0.st_mode & 0o7777 } == 0o600, "\(what)")
            #expect(try await converge(resource, shell: shell).summaries == [], "\(what)")
        }
    }

    @Test func itIsRenewedByTheHostsClockAndKeepsItsKey() async throws {
        let scratch = try Scratch()
        let resource = try resource(scratch)
        // Signed 340 days ago, so that 25 are left.
        let past = Self.now - .seconds(340 * 86400)
        var random = SystemRandomNumberGenerator()
        let old = try CertificateAuthority.make(named: "CSO CA pki.ca", at: past - .seconds(86400), with: &random)
        let dated = SecretBook(values: ["pki.ca": old])
        let tests = try CertificateTests(book: dated)
        try await tests.converge(resource, shell: "/bin/dash", at: past)
        let key = try scratch.read("server.key")
        let observed = try await Shell.observe(resource, book: dated)
        guard case .present(let state) = observed else { throw Unfit("\(observed)") }
        let end = past + .seconds(365 * 86400)
        #expect(
            state["renewal"]
                == .text("due since \((end - .seconds(30 * 86400)).date), it ends on \(end.date)"))
        let renewed = try await tests.converge(resource, shell: "/bin/dash")
        #expect(renewed.differences == ["renewal"])
        #expect(renewed.summaries.count == 1 && renewed.isRight)
        #expect(try scratch.read("server.key") == key)
        #expect(try await tests.converge(resource, shell: "/bin/dash").summaries == [])
    }

    private init(book: SecretBook) throws { self.book = book }

    @Test func aCAAtItsEndStopsThePlanAndSaysTheWayOut() async throws {
        let scratch = try Scratch()
        var random = SystemRandomNumberGenerator()
        let old = try CertificateAuthority.make(
            named: "old", at: Self.now - .seconds(3640 * 86400), with: &random)
        let observed = try await Shell.observe(try resource(scratch), book: SecretBook(values: ["pki.ca": old]))
        guard case .unknown(let reason) = observed else {
            Issue.record("\(observed)")
            return
        }
        #expect(reason.contains("also_trusted"))
    }

    /// From one CA to the next without a moment in which a host does not trust its peers.
    @Test func hostsChangeOverFromOneCAToTheNext() async throws {
        let scratch = try Scratch()
        let next = Content([.secret("pki.next_ca", .raw)])
        let old = Content([.secret("pki.ca", .raw)])
        try await converge(try resource(scratch), shell: "/bin/dash")
        let certificate = try scratch.read("server.crt")
        let both = try await converge(try resource(scratch, ["also_trusted": .content(next)]), shell: "/bin/dash")
        #expect(both.differences == ["ca"] && both.isRight)
        #expect(try scratch.read("server.crt") == certificate)
        #expect(CertificateFacts.all(pem: try scratch.read("ca.crt"))?.count == 2)
        let changed = try resource(scratch, ["issuer": .content(next), "also_trusted": .content(old)])
        let reissued = try await converge(changed, shell: "/bin/dash")
        #expect(Set(reissued.differences) == ["issuer", "ca"] && reissued.isRight)
        #expect(try await isSound(scratch))
        let done = try resource(scratch, ["issuer": .content(next)])
        #expect(try await converge(done, shell: "/bin/dash").differences == ["ca"])
        #expect(try await isSound(scratch))
        #expect(try await converge(done, shell: "/bin/dash").summaries == [])
    }

    /// Killed before each of its renames and syncs: the next run finds what is half there and puts it right, and no file is
    /// ever half written or open to others.
    @Test(arguments: shells) func aCutAnywhereIsRepairedByTheNextRun(shell: String) async throws {
        for commands in ["mv", "sync", "chmod", "openssl"] {
            for count in 1...4 {
                let scratch = try Scratch()
                let resource = try resource(scratch)
                if count % 2 == 0 {
                    try await converge(resource, shell: shell)
                    _ = try await Shell.run(
                        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out \(word: scratch.path)/server.key"
                    )
                }
                let prelude: ShellText = """
                    count=0
                    \(script: ShellText(script: commands))() { count=$((count + 1)); if [ $count -ge \(count) ]; then kill -9 $$; fi
                    command \(script: ShellText(script: commands)) "$@"; }

                    """
                _ = try await converge(resource, shell: shell, prelude: prelude)
                for name in files(scratch) where name.contains(".key") {
                    #expect(scratch.status(name).map { $0.st_mode & 0o077 } == 0 || name == "server.key")
                }
                let mended = try await converge(resource, shell: shell)
                #expect(mended.isRight, "\(commands) \(count): \(mended.answers.map(\.errorText))")
                #expect(try await isSound(scratch), "\(commands) \(count)")
                #expect(try await converge(resource, shell: shell).summaries == [])
            }
        }
    }

    @Test(arguments: shells) func whatDoesNotFitIsNotPutInPlace(shell: String) async throws {
        let scratch = try Scratch()
        let resource = try resource(scratch)
        try await converge(resource, shell: shell)
        let before = try files(scratch).map { try scratch.read($0) }
        try scratch.write("server.crt", "garbage")
        // The key is exchanged between the request and the placing.
        let steps = CertificateResource.steps(
            for: [
                Change(
                    resource: resource, action: .update, observed: .absent,
                    differences: [Difference(key: "renewal", observed: nil, desired: "x")])
            ], on: .test())
        let step = try #require(steps.last)
        let order = try #require(step.input?.orders.first)
        let request = try await Shell.run(order.request, shell: shell)
        var random = SystemRandomNumberGenerator()
        let value = try #require(book["pki.ca"])
        let pem = try CertificateAuthority(value).issue(
            order, request: request.output, at: Self.now, with: &random)
        let other = try #require(book["pki.next_ca"]).reveal(to: .digest) { PEMText.certificates($0)[0] }
        let foreign = try await Shell.run(step.script, input: pem + other, shell: shell)
        #expect(foreign.status == 1 && foreign.errorText.contains("openssl does not accept"), "\(foreign.errorText)")
        _ = try await Shell.run(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out \(word: scratch.path)/server.key")
        let input = try #require(step.input).bound(to: book, issued: [order: pem], for: .host)
        let exchanged = try await Shell.run(step.script, input: input, shell: shell)
        #expect(exchanged.status == 1 && exchanged.errorText.contains("not of this key"), "\(exchanged.errorText)")
        #expect(try scratch.text("server.crt") == "garbage")
        #expect(try scratch.read("ca.crt") == before[0])
        #expect(files(scratch) == ["ca.crt", "server.crt", "server.key"])
    }

    @Test(arguments: shells) func absentMeansAllThree(shell: String) async throws {
        let scratch = try Scratch()
        try await converge(try resource(scratch), shell: shell)
        try scratch.write("server.key.cso-tmp", "left")
        let gone = try resource(scratch, ["state": .text("absent")])
        let removed = try await converge(gone, shell: shell)
        #expect(removed.isRight && removed.summaries.count == 1)
        #expect(files(scratch) == [])
        #expect(try await converge(gone, shell: shell).summaries == [])
    }
}
