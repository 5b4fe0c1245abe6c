import Model
import Source
import Testing

/// Text that is meant to hurt the reader ends in a diagnostic, soon.
@Suite(.timeLimit(.minutes(2))) struct HostileInputTests {
    static let texts: [(name: String, yaml: String)] = [
        (
            "alias bomb",
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
                + "bcdefghij".map {
                    "\($0): &\($0) [*\(Character(Unicode.Scalar($0.unicodeScalars.first!.value - 1)!)),*a]\n"
                }
                .joined()
        ),
        ("alias as key", "a: &a [x]\n*a : b\n"),
        ("brackets", String(repeating: "[", count: 1_000_000)),
        ("braces", String(repeating: "{", count: 1_000_000)),
        ("braces with keys", String(repeating: "{a: ", count: 200_000)),
        ("dashes", String(repeating: "- ", count: 500_000)),
        ("questions", String(repeating: "? ", count: 500_000)),
        ("stairs", (0..<1400).map { String(repeating: " ", count: $0) + "a:\n" }.joined()),
        ("one long line", "role: " + String(repeating: "x", count: 1_000_000)),
        ("too large", String(repeating: "# x\n", count: 300_000)),
        ("quotes", String(repeating: "'", count: 999_999)),
        ("many duplicates", String(repeating: "role: web\n", count: 2000)),
        ("NUL", "role: \u{0}web\n"),
        ("bell", "role: \"\u{7}web\"\n"),
        ("byte order mark", "\u{FEFF}role: wab\n"),
        ("escape", "role: \"\\ud800\"\n"),
        ("end in the middle", "role: \"web"),
        ("separators", String(repeating: "---\n", count: 100_000)),
        ("private use keys", "\u{E000}: a\n\u{E000}: b\nrole: web\n"),
    ]

    @Test(arguments: texts.map(\.name)) func endsInADiagnostic(_ name: String) throws {
        let yaml = try #require(Self.texts.first { $0.name == name }).yaml
        let decoded = RecipeDecoder.decode(recipeTree(yaml), catalogue: catalogue)
        #expect(!decoded.diagnostics.isEmpty)
        // What the operator sees of it is bounded, too.
        #expect(DiagnosticRenderer(recipeTree(yaml)).render(decoded.diagnostics).utf8.count < 100_000)
    }

    /// Bytes of a real recipe, changed at random from a fixed seed.
    @Test func anyChangeOfARecipeIsReadOrRefused() {
        let recipe = """
            role: web
            includes: [base, {role: efs, with: {share: "x"}}]
            parameters: {port: {type: number, default: 80}}
            resources:
              - file: {debian: /a, amazon: ~}
                content: |
                  {{ port }} "text" 'text'
                mode: "0644"   # comment
                notify: [reload nginx.service]
              - group: a
            gates:
              - http: "http://x"
                contains: >-
                  folded
                  text
            """
        let bytes = Array(recipe.utf8)
        let alphabet = Array("[]{}:,-?&*!|>'\"%@`# \n\t\u{0}\\~ab0é".utf8)
        var generator = SplitMix(state: 20_261_123)
        for _ in 0..<4000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0..<changed.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: changed[place] = alphabet.randomElement(using: &generator) ?? 0
                case 1: changed.remove(at: place)
                default: changed.insert(alphabet.randomElement(using: &generator) ?? 0, at: place)
                }
            }
            var tree = recipeTree("")
            tree.files["Roles/web/role.yaml"] = changed
            let decoded = RecipeDecoder.decode(tree, catalogue: catalogue)
            let lines = changed.count { $0 == 0x0A } + 2
            for diagnostic in decoded.diagnostics {
                #expect((1...lines).contains(diagnostic.location?.line ?? 0), "\(diagnostic)")
            }
        }
    }
}

/// Vigna's splitmix64: the same numbers on every machine.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
