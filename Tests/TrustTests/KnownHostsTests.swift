import Glibc
import Testing

@testable import Trust

/// Keys, fingerprints and hashes come from ssh-keygen of OpenSSH 9.2, so that another implementation is the witness.
private enum Sample {
    static let old = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIORUnAIkr8HIGa1Sx6VBaOIN2USVyt8eI6WJFK5jLzCw"
    static let oldFingerprint = "SHA256:VmxeFvjxNjVAOK+GO3dbNT7HJLI7qf1hPKiLQMLfvs0"
    static let new = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDj0b0HqyomMBzEpFfqFmhdbKveSWholvEbNftNJwJLA"
    static let ecdsa =
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKMcS86LmbKgFLo8ZaZIyGr+Fzq4SzFnyVbitzQf"
        + "DUT4N4negm08vf3p2sp2GS8bEnHOSBprvc+HsSVMolWDs7Y="
    static let ecdsaFingerprint = "SHA256:qaSASjjcKFVaGRrdO6TDTtQAJtxAf+cUw8XzVSyvUQ8"
    /// `backend01.example.test` and `[backend01.example.test]:2222`, as `ssh-keygen -H` hashed them.
    static let hashed = "|1|V3kIW6hSn7akHEKByprHvewwoPQ=|OZRj1z/FXkCO7HJ18fCMi8RFDoU="
    static let hashedWithPort = "|1|5rZsfy+i1sggYVHrq3jzWCF7Qeo=|5+ljfuQRZn7lWRLu96O41WT84Fs="

    static func key(_ line: String) -> HostKey {
        let words = line.split(separator: " ")
        return HostKey(algorithm: words[0], base64: words[1])!
    }
}

@Suite struct HostKeyTests {
    @Test func fingerprintsAreThoseOfOpenSSH() {
        #expect(Sample.key(Sample.old).fingerprint == Sample.oldFingerprint)
        #expect(Sample.key(Sample.ecdsa).description == "ECDSA " + Sample.ecdsaFingerprint)
        #expect(Sample.key(Sample.ecdsa).line == Sample.ecdsa)
    }

    @Test func algorithmMustBeTheBlobs() {
        let blob = Sample.old.split(separator: " ")[1]
        #expect(HostKey(algorithm: "ssh-rsa", base64: blob) == nil)
        #expect(HostKey(algorithm: "ssh-ed25519", base64: blob.dropLast()) == nil)
        #expect(HostKey(blob: [0, 0, 0, 200, 1]) == nil)
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ]) func base64(plain: String, encoded: String) {
        #expect(Base64.encode(plain.utf8) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg=", "Zg", "Z===", "Zm9v!A==", "=Zm8", "Zm 9"]) func brokenBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}

@Suite struct HostPatternsTests {
    @Test(arguments: [
        ("backend01", "backend01", true),
        ("backend01", "backend02", false),
        ("BackEnd01", "backend01", true),
        ("a,b,backend01", "backend01", true),
        ("*", "anything", true),
        ("*.example.test", "backend01.example.test", true),
        ("*.example.test", "example.test", false),
        ("back*0?", "backend01", true),
        ("back*0?", "backend0", false),
        ("*a*b*c", "xxaxxbxxc", true),
        ("*a*b*c", "xxaxxbxx", false),
        ("*.example.test,!backend02.example.test", "backend02.example.test", false),
        ("*.example.test,!backend02.example.test", "backend01.example.test", true),
        ("!backend01", "backend02", false),
        ("[backend01]:2222", "[backend01]:2222", true),
        ("[backend01]:2222", "backend01", false),
        ("[*]:2222", "[backend01]:2222", true),
        (Sample.hashed, "backend01.example.test", true),
        (Sample.hashed, "backend01", false),
        (Sample.hashed, "[backend01.example.test]:2222", false),
        (Sample.hashedWithPort, "[backend01.example.test]:2222", true),
        (Sample.hashedWithPort, "backend01.example.test", false),
        ("|1|broken|", "backend01", false),
        ("|2|V3kIW6hSn7akHEKByprHvewwoPQ=|OZRj1z/FXkCO7HJ18fCMi8RFDoU=", "backend01.example.test", false),
    ]) func matching(field: String, name: String, expected: Bool) {
        #expect(HostPatterns(field).matches(name) == expected)
    }

    @Test func manyStarsTakeNoExponentialTime() {
        let field = String(repeating: "*a", count: 200) + "b"
        let name = String(repeating: "a", count: 2000)
        let duration = ContinuousClock().measure { #expect(!HostPatterns(field).matches(name)) }
        #expect(duration < .seconds(30))
    }
}

@Suite struct VerdictTests {
    static let host = HostIdentity(names: ["backend01.example.test", "backend01", "10.1.128.11"])

    /// What a file with these lines says of the offered key: a word, and the lines that bear it out.
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var lines: [String]
        var offered = Sample.old
        var port = 22
        var expected: String
    }

    static let cases: [Case] = [
        Case(testDescription: "empty file", lines: [], expected: "unknown"),
        Case(testDescription: "comments only", lines: ["# backend01 x", "", "   "], expected: "unknown"),
        Case(testDescription: "by full name", lines: ["backend01.example.test \(Sample.old)"], expected: "matching 1"),
        Case(
            testDescription: "by short name", lines: ["x \(Sample.new)", "backend01 \(Sample.old)"],
            expected: "matching 2"),
        Case(testDescription: "by address", lines: ["10.1.128.11 \(Sample.old) a comment"], expected: "matching 1"),
        Case(testDescription: "indented, tabs, CRLF", lines: ["  backend01\t\(Sample.old)\r"], expected: "matching 1"),
        Case(testDescription: "hashed", lines: ["\(Sample.hashed) \(Sample.old)"], expected: "matching 1"),
        Case(
            testDescription: "hashed with port", lines: ["\(Sample.hashedWithPort) \(Sample.old)"], port: 2222,
            expected: "matching 1"),
        Case(
            testDescription: "port of another server", lines: ["backend01 \(Sample.old)"], port: 2222,
            expected: "unknown"),
        Case(testDescription: "other port known", lines: ["[backend01]:2222 \(Sample.old)"], expected: "unknown"),
        Case(testDescription: "another key", lines: ["backend01 \(Sample.new)"], expected: "changed 1"),
        Case(
            testDescription: "one of two keys of a name",
            lines: ["backend01 \(Sample.new)", "backend01 \(Sample.old)"],
            expected: "matching 2"),
        Case(
            testDescription: "two names disagree", lines: ["backend01 \(Sample.old)", "10.1.128.11 \(Sample.new)"],
            expected: "changed 2"),
        Case(
            testDescription: "names know different algorithms",
            lines: ["backend01 \(Sample.old)", "10.1.128.11 \(Sample.ecdsa)"], expected: "matching 1"),
        Case(
            testDescription: "only another algorithm known", lines: ["backend01 \(Sample.ecdsa)"], expected: "changed 1"
        ),
        Case(
            testDescription: "negated", lines: ["*,!backend01,!backend01.*,!10.* \(Sample.old)"], expected: "unknown"),
        Case(
            testDescription: "marker",
            lines: ["backend01 \(Sample.old)", "@cert-authority *.example.test \(Sample.new)"],
            expected: "marked @cert-authority 2"),
        Case(testDescription: "revoked", lines: ["@revoked * \(Sample.old)"], expected: "marked @revoked 1"),
        Case(
            testDescription: "marker for others", lines: ["@revoked other \(Sample.old)", "backend01 \(Sample.old)"],
            expected: "matching 2"),
        Case(testDescription: "broken key", lines: ["backend01 ssh-ed25519 AAAA"], expected: "malformed 1"),
        Case(testDescription: "no key", lines: ["backend01"], expected: "malformed 1"),
        Case(
            testDescription: "broken key of others", lines: ["other ssh-ed25519 AAAA", "backend01 \(Sample.old)"],
            expected: "matching 2"),
    ]

    @Test(arguments: cases) func verdict(of item: Case) {
        var known = KnownHosts()
        known.add(Array(item.lines.joined(separator: "\n").utf8), from: "known_hosts")
        var host = Self.host
        host.port = item.port
        let said =
            switch known.verdict(on: Sample.key(item.offered), from: host) {
            case .matching(let key): "matching \(key.place.line)"
            case .changed(let keys): "changed \(keys.map { "\($0.place.line)" }.joined(separator: " "))"
            case .unknown: "unknown"
            case .fault(.marked(let marker, let place)): "marked \(marker) \(place.line)"
            case .fault(.malformed(let place)): "malformed \(place.line)"
            case .fault(.unreadable(let file, _)): "unreadable \(file)"
            }
        #expect(said == item.expected)
    }

    @Test func filesAreAddedUpAndNamed() {
        var known = KnownHosts()
        known.add(Array("backend01 \(Sample.ecdsa)\n".utf8), from: "first")
        known.add(Array("backend01 \(Sample.old)\n".utf8), from: "second")
        #expect(
            known.verdict(on: Sample.key(Sample.old), from: Self.host)
                == .matching(
                    KnownKey(
                        key: Sample.key(Sample.old), name: "backend01", place: TrustPlace(file: "second", line: 1))))
        #expect(throws: Never.self) {
            let algorithms = try known.keys(for: Self.host).map(\.key.algorithm)
            #expect(algorithms == ["ecdsa-sha2-nistp256", "ssh-ed25519"])
        }
    }

    /// One file that cannot be read outweighs another that knows the host: it may hold the line that speaks against it.
    @Test func anUnreadableFileIsNotAnUnknownHost() throws {
        var template = Array("/tmp/cso-trust-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        let path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(path) }
        let line = Array("backend01 \(Sample.old)\n".utf8)
        #expect(write(descriptor, line, line.count) == line.count)
        close(descriptor)

        let key = Sample.key(Sample.old)
        guard case .matching = KnownHosts.read([path]).verdict(on: key, from: Self.host) else {
            Issue.record("the readable file alone must match")
            return
        }
        for bad in [path + ".missing", "/tmp"] {
            guard
                case .fault(.unreadable(bad, let reason)) = KnownHosts.read([path, bad]).verdict(
                    on: key, from: Self.host)
            else {
                Issue.record("\(bad) must make trust unusable")
                continue
            }
            #expect(!reason.isEmpty)
        }
    }
}
