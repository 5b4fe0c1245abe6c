import Model
import Testing

@Suite("JSON")
struct JSONTests {
    @Test(
        "reads what RFC 8259 allows",
        arguments: [
            ("null", .null), (" true\n", .flag(true)), ("false", .flag(false)), ("0", .integer(0)),
            ("-12", .integer(-12)),
            ("9223372036854775807", .integer(.max)), ("9223372036854775808", .decimal(9_223_372_036_854_775_808)),
            ("1.50", .decimal(1.5)), ("-1e3", .decimal(-1000)), ("\"\"", .text("")), ("[]", .list([])),
            ("[1, [\"a\"]]", .list([.integer(1), .list([.text("a")])])), ("{}", [:]),
            ("{ \"b\" : 1 , \"a\":{} }", ["b": 1, "a": [:]]),
            (#""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00""#, .text("\"\\/\u{8}\u{c}\n\r\té😀")),
            ("\"é x\u{7F}\"", .text("é x\u{7F}")),
        ] as [(String, JSONValue)])
    func reads(text: String, value: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == value)
    }

    @Test(
        "refuses, with the place",
        arguments: [
            ("", .unexpectedEnd, 1, 1), ("[1,]", .expected("a value"), 1, 4),
            ("{\"a\":1,}", .expected("a key in quotes"), 1, 8),
            ("{\"a\" 1}", .expected("a colon"), 1, 6), ("[1 2]", .expected("a comma or ]"), 1, 4),
            ("{\"é\":1,\n \"é\":2}", .duplicateKey("é"), 2, 2), ("{\"a\":1,\"\\u0061\":2}", .duplicateKey("a"), 1, 8),
            ("01", .badNumber, 1, 1), ("1.", .badNumber, 1, 1), ("-", .badNumber, 1, 1),
            (".5", .expected("a value"), 1, 1),
            ("1 x", .trailingText, 1, 3), ("nul", .expected("a value"), 1, 1), ("\"a", .unexpectedEnd, 1, 3),
            ("\"a\nb\"", .controlCharacter, 1, 3), (#""\x""#, .badEscape, 1, 2), (#""\u12G4""#, .badEscape, 1, 2),
            (#""é\ud83d""#, .loneSurrogate, 1, 3), (#""\ude00""#, .loneSurrogate, 1, 2),
            (#""\ud83dab""#, .loneSurrogate, 1, 2),
            (#""\ud83d\u0041""#, .loneSurrogate, 1, 2), ("\u{FEFF}1", .byteOrderMark, 1, 1),
            ("NaN", .expected("a value"), 1, 1),
        ] as [(String, JSONError.Reason, Int, Int)])
    func refuses(text: String, reason: JSONError.Reason, line: Int, column: Int) {
        #expect(throws: JSONError(reason: reason, line: line, column: column)) { try JSONValue(parsing: text) }
    }

    @Test("refuses bytes that are not UTF-8, and nesting without end")
    func refusesBytes() {
        #expect(throws: JSONError(reason: .notUTF8, line: 1, column: 2)) {
            try JSONValue(parsing: Array("[\"a".utf8) + [0xC3] + Array("\"]".utf8))
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 100_000)) }
    }

    @Test("a decomposed character keeps its own bytes")
    func keepsBytes() throws {
        #expect(try JSONValue(parsing: "\"e\u{301}\"").text.map { Array($0.utf8) } == [0x65, 0xCC, 0x81])
    }

    @Test("writes compact and pretty forms in the order of the keys, which read back")
    func writes() throws {
        let value: JSONValue = ["b": ["x\n\"\\\u{1}", 1.5, nil, true], "a": [:], "c": [[:], ["d": -1]]]
        #expect(value.encodedText() == #"{"b":["x\n\"\\\u0001",1.5,null,true],"a":{},"c":[{},{"d":-1}]}"#)
        let pretty = """
            {
              "b": [
                "x\\n\\"\\\\\\u0001",
                1.5,
                null,
                true
              ],
              "a": {},
              "c": [
                {},
                {
                  "d": -1
                }
              ]
            }

            """
        #expect(value.encodedText(.pretty) == pretty)
        #expect(try JSONValue(parsing: value.encoded(.pretty)) == value)
        #expect(JSONValue.decimal(.infinity).encodedText() == "null")
    }
}
