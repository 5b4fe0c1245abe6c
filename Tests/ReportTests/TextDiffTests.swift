import Report
import Testing

@Suite("Text diffs")
struct TextDiffTests {
    struct Case: Sendable {
        var old: String
        var new: String
        var diff: String?
    }

    static let cases = [
        Case(old: "", new: "", diff: nil), Case(old: "a\n", new: "a\n", diff: nil),
        Case(old: "a\nb\nc\n", new: "a\nB\nc\n", diff: "@@ line 1 @@\n a\n-b\n+B\n c\n "),
        Case(old: "", new: "a\n", diff: "@@ line 1 @@\n+a\n "),
        Case(
            old: "1\n2\n3\n4\n5\n6\n7\n8\n9", new: "1\n2\n3\n4\nfive\n6\n7\n8\n9",
            diff: "@@ line 3 @@\n 3\n 4\n-5\n+five\n 6\n 7"),
        Case(
            old: "a\nb\nc\nd\ne\nf\ng\nh\ni\n", new: "A\nb\nc\nd\ne\nf\ng\nh\nI\n",
            diff: "@@ line 1 @@\n-a\n+A\n b\n c\n@@ line 7 @@\n g\n h\n-i\n+I\n "),
        // The missing line break at the end is a difference of its own.
        Case(old: "a", new: "a\n", diff: "@@ line 1 @@\n a\n+"),
        // Carriage returns belong to their lines.
        Case(old: "a\r\nb\r\n", new: "a\nb\r\n", diff: "@@ line 1 @@\n-a\r\n+a\n b\r\n "),
        // Equal to Unicode, different to whoever reads the file.
        Case(old: "caf\u{e9}", new: "cafe\u{301}", diff: "@@ line 1 @@\n-caf\u{e9}\n+cafe\u{301}"),
    ]

    @Test("show what goes and what comes, with the lines around it", arguments: cases)
    func unified(_ one: Case) {
        let diff = TextDiff.unified(from: one.old, to: one.new)
        #expect(diff.map { Array($0.utf8) } == one.diff.map { Array($0.utf8) })
    }

    @Test("rebuild the new text from the old, for random texts")
    func rebuilds() {
        var random = SeededGenerator(seed: 11)
        for round in 0..<300 {
            let old = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                "abcd".randomElement(using: &random) ?? "a"
            }
            let new = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                "abcd".randomElement(using: &random) ?? "a"
            }
            let texts = [old, new].map { $0.map { "\($0)" }.joined(separator: "\n") }
            let diff = TextDiff.unified(from: texts[0], to: texts[1], context: 1000)
            guard let diff else {
                #expect(texts[0] == texts[1], "round \(round)")
                continue
            }
            let lines = diff.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
            let rebuilt = lines.filter { !$0.hasPrefix("-") }.map { $0.dropFirst() }.joined(separator: "\n")
            let before = lines.filter { !$0.hasPrefix("+") }.map { $0.dropFirst() }.joined(separator: "\n")
            #expect(rebuilt == texts[1], "round \(round)")
            #expect(before == texts[0], "round \(round)")
        }
    }

    @Test("that are long are cut, and say so")
    func limit() {
        let diff = TextDiff.unified(from: "", to: (1...50).map(String.init).joined(separator: "\n"), limit: 10)
        #expect(diff?.split(separator: "\n").count == 11)
        #expect(diff?.hasSuffix("… 42 more lines") == true)
    }

    @Test("of texts that have nothing in common take no longer than an operator waits")
    func cost() {
        let old = (0..<20_000).map { "o\($0)" }.joined(separator: "\n")
        let new = (0..<20_000).map { "n\($0)" }.joined(separator: "\n")
        let start = ContinuousClock.now
        let diff = TextDiff.unified(from: "same\n" + old + "\nend", to: "same\n" + new + "\nend")
        #expect(start.duration(to: .now) < .seconds(30))
        #expect(diff?.contains("+n0") == true || diff?.contains("-o0") == true)
    }
}

/// SplitMix64: the same numbers in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
