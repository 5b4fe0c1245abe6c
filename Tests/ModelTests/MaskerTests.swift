import Model
import Testing

@Suite("Masker")
struct MaskerTests {
    static let awkward = #"p%40$(id)"'\@:/?#&é x"#
    static let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"
    static let masker = Masker([Secret(awkward), Secret(key), Secret("canary-1234567890"), Secret("abc")])

    /// Written down by hand or by the named program, not by the code under test.
    @Test(
        "covers each form of a value",
        arguments: [
            ("raw", awkward),
            ("base64 alone", "cCU0MCQoaWQpIidcQDovPyMmw6kgeA=="),
            ("base64 without padding", "cCU0MCQoaWQpIidcQDovPyMmw6kgeA"),
            ("URL", "p%2540%24%28id%29%22%27%5C%40%3A%2F%3F%23%26%C3%A9%20x"),
            ("URL, lower case", "p%2540%24%28id%29%22%27%5c%40%3a%2f%3f%23%26%c3%a9%20x"),
            ("form", "p%2540%24%28id%29%22%27%5C%40%3A%2F%3F%23%26%C3%A9+x"),
            ("Python quote()", "p%2540%24%28id%29%22%27%5C%40%3A/%3F%23%26%C3%A9%20x"),
            ("shell, single quotes", #"p%40$(id)"'\''\@:/?#&é x"#),
            ("shell, double quotes", #"p%40\$(id)\"'\\@:/?#&é x"#),
            ("shell, printf %q", #"p%40\$\(id\)\"\'\\@:/\?#\&é\ x"#),
            ("bash, $'...'", #"p%40$(id)"\'\\@:/?#&\303\251 x"#),
            ("SQL", #"p%40$(id)"''\\@:/?#&é x"#),
            ("SQL, backslashes", #"p%40$(id)\"\'\\@:/?#&é x"#),
            ("JSON", #"p%40$(id)\"'\\@:/?#&é x"#),
            ("JSON, ASCII", #"p%40$(id)\"'\\@:/?#&\u00e9 x"#),
            ("JSON, PHP", #"p%40$(id)\"'\\@:\/?#&\u00e9 x"#),
            ("properties", #"p%40$(id)"'\\@:/?#&\u00E9 x"#),
            ("HTML", "p%40$(id)&quot;&#39;\\@:/?#&amp;é x"),
            ("Python repr of bytes", #"p%40$(id)"\'\\@:/?#&\xc3\xa9 x"#),
            ("hexadecimal", "70253430242869642922275c403a2f3f2326c3a92078"),
            ("a line of a key", "AwEHBG0wawIBAQQg"),
            (
                "a key in JSON",
                #"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\nAwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n"#
            ),
        ])
    func forms(name: String, form: String) {
        #expect(Self.masker.mask("a[\(form)]z") == "a[<secret>]z", "\(name)")
    }

    @Test("finds base64 at all three places of a group", arguments: ["", "u", "us", "use"])
    func alignments(user: String) {
        // What `printf '%s:canary-1234567890:end' USER | base64` gives.
        let known =
            [
                "": "OmNhbmFyeS0xMjM0NTY3ODkwOmVuZA==", "u": "dTpjYW5hcnktMTIzNDU2Nzg5MDplbmQ=",
                "us": "dXM6Y2FuYXJ5LTEyMzQ1Njc4OTA6ZW5k", "use": "dXNlOmNhbmFyeS0xMjM0NTY3ODkwOmVuZA==",
            ][user] ?? ""
        let masked = Self.masker.mask(known)
        #expect(masked.contains("<secret>"))
        // At most one character on either side holds bits of the value.
        #expect(known.count - (masked.count - 8) >= 17 * 8 / 6 - 1, "\(masked)")
    }

    @Test("every split of a stream gives the same, and nothing waits for ever")
    func splits() {
        let text = Array("x canary-canary-1234567890 <canary-1234567890canary-1234567890> canary-123456789 end".utf8)
        let whole = "x canary-<secret> <<secret>> canary-123456789 end"
        #expect(String(decoding: Self.masker.mask(text), as: UTF8.self) == whole)
        for first in 0...text.count {
            for second in first...text.count {
                var stream = Self.masker.stream()
                var output = stream.mask(text[..<first])
                output += stream.mask(text[first..<second])
                output += stream.mask(text[second...])
                #expect(output.count >= whole.utf8.count - 3)
                output += stream.finish()
                #expect(String(decoding: output, as: UTF8.self) == whole, "split at \(first), \(second)")
            }
        }
        var stream = Self.masker.stream()
        let single = text.flatMap { stream.mask([$0]) } + stream.finish()
        #expect(String(decoding: single, as: UTF8.self) == whole)
    }

    @Test("overlapping values leave nothing between them")
    func overlaps() {
        let masker = Masker([Secret("abcdef"), Secret("defghi"), Secret("cdef")])
        #expect(masker.mask("-abcdefghi-abcdef-cdef-abcde-defghi-") == "-<secret>-<secret>-<secret>-abcde-<secret>-")
    }

    @Test("the beginning of a value at the end of a stream is covered; a short word is not")
    func cut() {
        #expect(Self.masker.mask("x canary-1") == "x <secret>")
        #expect(Self.masker.mask("x canary") == "x canary")
    }

    @Test("leaves alone what is too short, PEM boundaries, and everything without secrets")
    func leaves() {
        #expect(Self.masker.mask("abc -----END PRIVATE KEY----- x") == "abc -----END PRIVATE KEY----- x")
        #expect(Masker.none.mask("anything") == "anything" && Masker.none.isEmpty)
    }

    @Test("shows no secret itself")
    func reflection() {
        var text = ""
        dump(Self.masker, to: &text)
        dump(SecretBook(values: ["a.b": Secret("canary-1234567890")]), to: &text)
        #expect(!text.contains("canary"))
    }

    @Test("a megabyte of ordinary output costs little")
    func speed() {
        let text = [UInt8](repeating: 0x70, count: 1 << 20)
        let start = ContinuousClock.now
        #expect(Self.masker.mask(text) == text)
        #expect(start.duration(to: .now) < .seconds(30), "a debug build needs well under a second")
    }

    @Test func whatItLearnsIsMaskedFromThenOn() {
        let masker = Masker([Secret("first-secret")])
        #expect(masker.mask("first-secret shared-key") == "<secret> shared-key")
        masker.learn([Secret("shared-key")])
        #expect(masker.mask("first-secret, shared-key") == "<secret>, <secret>")
        #expect(masker.mask("c2hhcmVkLWtleQ==").contains("c2hhcmVk") == false)
        let empty = Masker([])
        empty.learn([Secret("shared-key")])
        #expect(!empty.isEmpty && empty.mask("shared-key") == "<secret>")
    }
}
