import Model
import Testing

@testable import Cloud

@Suite("What new secrets are made of")
struct SecretRecipeTests {
    @Test(
        "chosen by the key's name",
        arguments: [
            ("erlang_cookie", SecretRecipe.Alphabet.alphanumeric, 40), ("rabbitmq_erlang_cookie", .alphanumeric, 40),
            ("db_password", .alphanumeric, 40), ("key_password", .alphanumeric, 40), ("password", .alphanumeric, 40),
            ("Keystone_Password", .alphanumeric, 40), ("password_encryption_key", .hexadecimal, 32),
            ("session_key", .hexadecimal, 32), ("ca", .certificateAuthority, 1), ("Next_CA", .certificateAuthority, 1),
        ])
    func chosen(key: String, alphabet: SecretRecipe.Alphabet, length: Int) {
        guard case .made(let recipe) = SecretRecipe.choice(for: key) else {
            Issue.record("\(key) has no recipe")
            return
        }
        #expect(recipe.alphabet == alphabet)
        #expect(recipe.length == length)
    }

    @Test("half a CA is not made, and what is not known is not guessed")
    func others() {
        for key in ["ca_key", "ca_cert"] {
            guard case .madeElsewhere = SecretRecipe.choice(for: key) else {
                Issue.record("\(key) would be made alone")
                return
            }
        }
        #expect(SecretRecipe.choice(for: "america") == .unknown)
        #expect(SecretRecipe.choice(for: "license") == .unknown)
        #expect(SecretRecipe.choice(for: "") == .unknown)
    }

    @Test(
        "of the right length and characters, all of which occur, and no two alike", arguments: ["db_password", "a_key"])
    func made(key: String) throws {
        guard case .made(let recipe) = SecretRecipe.choice(for: key) else { throw TestFailure("no recipe") }
        var random = SystemRandomNumberGenerator()
        let values = try (0..<400).map { _ in
            try recipe.make(named: "", at: Moment(seconds: 0), with: &random).reveal(to: .digest) { $0 }
        }
        #expect(Set(values).count == values.count)
        let expected = recipe.alphabet == .alphanumeric ? 62 : 16
        #expect(Set(values.joined()).count == expected)
        #expect(values.allSatisfy { $0.count == (recipe.alphabet == .alphanumeric ? 40 : 64) })
        #expect(
            values.joined().allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte)
            })
    }

    /// Gives what the test says, then real randomness.
    struct Scripted: RandomNumberGenerator {
        var numbers: [UInt64]
        mutating func next() -> UInt64 {
            numbers.isEmpty ? .random(in: .min ... .max) : numbers.removeFirst()
        }
    }

    @Test("twenty capitals are thrown away, as Debian's package would")
    func notErlangs() throws {
        // Small numbers give the letter A.
        var random = Scripted(numbers: Array(repeating: 1, count: 20))
        let recipe = SecretRecipe(alphabet: .alphanumeric, length: 20)
        let value = try recipe.make(named: "", at: Moment(seconds: 0), with: &random)
        #expect(random.numbers.isEmpty)
        #expect(!value.reveal(to: .digest) { SecretRecipe.looksMadeByErlang($0) })
        #expect(SecretRecipe.looksMadeByErlang(Array("ABCDEFGHIJKLMNOPQRST".utf8)))
        #expect(!SecretRecipe.looksMadeByErlang(Array("ABCDEFGHIJKLMNOPQRSt".utf8)))
        #expect(!SecretRecipe.looksMadeByErlang(Array("ABCDEFGHIJKLMNOPQRSTU".utf8)))
    }
}

@Suite("Keys added to a document")
struct SecretTextTests {
    func added(_ text: String, _ values: [(key: String, value: Secret)]) throws -> String {
        try SecretText(text).adding(values).bytes.reveal(to: .client) { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "what is there stays byte for byte",
        arguments: [
            ("{}", #"{"k":"v"}"#), (" {\n}\n", " {\n\"k\":\"v\"}\n"),
            (#"{"a": 1.10, "b":"\u00e9}"}"#, #"{"a": 1.10, "b":"\u00e9}","k":"v"}"#),
            (#"{"n": 123456789012345678901234567890}"#, #"{"n": 123456789012345678901234567890,"k":"v"}"#),
        ])
    func kept(old: String, new: String) throws {
        #expect(try added(old, [("k", Secret("v"))]) == new)
    }

    @Test("quotes in keys and values are escaped")
    func quotes() throws {
        #expect(try added("{}", [(#"a"b"#, Secret("\\\"\n"))]) == #"{"a\"b":"\\\"\n"}"#)
    }

    @Test("a key that is there is never written over")
    func existing() throws {
        let text = try SecretText(#"{"k": ""}"#)
        #expect(throws: SecretText.Fault.alreadyThere(key: "k")) { try text.adding([("k", Secret("v"))]) }
    }

    @Test("what is no object is refused", arguments: ["", "[]", "\"text\"", "{", "{\"a\":1,\"a\":2}"])
    func noObject(text: String) {
        #expect(throws: SecretText.Fault.notAnObject) { try SecretText(text) }
    }

    @Test("compared by values")
    func compared() throws {
        let text = try SecretText(#"{"a":"1","b":"2"}"#)
        #expect(text.hasSameValues(as: try SecretText(#"{ "b" : "2", "a":"1" }"#)))
        #expect(!text.hasSameValues(as: try SecretText(#"{"a":"1","b":"3"}"#)))
        #expect(!text.hasSameValues(as: try SecretText(#"{"a":"1"}"#)))
    }
}
