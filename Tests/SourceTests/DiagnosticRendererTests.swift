import Model
import Source
import Testing

struct DiagnosticRendererTests {
    @Test func showsTheLineWithACaret() {
        let tree = recipeTree("role: web\nresources:\n  - file: /a\n    möde: \"0644\"\n    modee: 1\n")
        let decoded = RecipeDecoder.decode(tree, catalogue: catalogue)
        #expect(
            DiagnosticRenderer(tree).render(decoded.diagnostics) == """
                Roles/web/role.yaml:4:5: unknown key "möde" of file
                  4 |     möde: "0644"
                          ^
                    did you mean "mode"?

                Roles/web/role.yaml:5:5: unknown key "modee" of file
                  5 |     modee: 1
                          ^
                    did you mean "mode"?

                2 mistakes; nothing was changed

                """)
    }

    @Test func cutsLongLinesAndControlCharacters() throws {
        let line = String(repeating: "a", count: 300) + "\u{1B}[31m!" + String(repeating: "b", count: 300)
        let tree = recipeTree(line)
        let location = SourceLocation(file: "Roles/web/role.yaml", line: 1, column: 306)
        let text = DiagnosticRenderer(tree).one(Diagnostic("bad", at: location))
        let lines = text.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(!text.contains("\u{1B}"))
        #expect(lines[1].count < 125)
        let column = try #require(lines[2].firstIndex(of: "^"))
        #expect(lines[1].dropFirst(lines[2][..<column].count).first == "!")
    }

    @Test func needsNoPlace() {
        #expect(
            DiagnosticRenderer(recipeTree("")).one(Diagnostic("there is nothing", at: nil, remedy: "begin"))
                == "there is nothing\n    begin")
    }
}
