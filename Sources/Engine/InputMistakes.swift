package import Model
internal import Source

/// Mistakes in the input, ready to be shown: the text with lines and carets was made where the files were at hand.
package enum InputMistakes {
    /// The exit code's class: configuration, zone or credentials wrong, no host changed.
    package static func render(_ diagnostics: Diagnostics, _ tree: SourceTree? = nil) -> String {
        DiagnosticRenderer(diagnostics.source ?? tree ?? SourceTree(rolesFolder: "", inventoryFile: "", files: [:]))
            .render(diagnostics.all)
    }

    package static func json(_ diagnostics: Diagnostics, command: String) -> JSONValue {
        .object([
            "command": .text(command), "outcome": "refused-input", "hosts": [],
            "mistakes": .list(
                diagnostics.all.map { mistake in
                    .object([
                        "file": mistake.location.map { .text($0.file) } ?? .null,
                        "line": mistake.location.map { .integer($0.line) } ?? .null,
                        "column": mistake.location.map { .integer($0.column) } ?? .null,
                        "message": .text(mistake.message), "remedy": mistake.remedy.map { .text($0) } ?? .null,
                    ])
                }),
        ])
    }
}
