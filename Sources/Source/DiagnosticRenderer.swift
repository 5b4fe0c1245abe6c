package import Model

/// Mistakes as an operator reads them: place, sentence, the line itself with a mark below the column, and the remedy.
package struct DiagnosticRenderer {
    private let tree: SourceTree

    package init(_ tree: SourceTree) { self.tree = tree }

    /// All of them in the order of their places, each followed by an empty line; the last line counts them.
    package func render(_ diagnostics: [Diagnostic]) -> String {
        let sorted = diagnostics.sortedByPlace()
        guard !sorted.isEmpty else { return "" }
        let count = sorted.count == 1 ? "1 mistake" : "\(sorted.count) mistakes"
        return sorted.map { one($0) + "\n" }.joined(separator: "\n") + "\n\(count); nothing was changed\n"
    }

    package func one(_ diagnostic: Diagnostic) -> String {
        var text = (diagnostic.location.map { "\($0): " } ?? "") + Self.shown(diagnostic.message)
        if let location = diagnostic.location, let excerpt = excerpt(at: location) { text += "\n" + excerpt }
        if let remedy = diagnostic.remedy { text += "\n    " + Self.shown(remedy) }
        return text
    }

    /// Messages quote what was found, which may be anything.
    private static func shown(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(400).map { $0.properties.generalCategory == .control ? " " : $0 }
        return String(String.UnicodeScalarView(scalars)) + (text.unicodeScalars.count > 400 ? "…" : "")
    }

    /// The line and a caret. Control characters are blanked, and a long line is cut around the column, so that a file
    /// cannot write to the operator's terminal.
    private func excerpt(at location: SourceLocation) -> String? {
        guard let line = tree.line(location.line, of: location.file) else { return nil }
        var scalars = line.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
        var column = max(0, location.column - 1)
        if scalars.allSatisfy({ $0 == " " }) { return nil }
        if scalars.count > 110 {
            let start = max(0, min(column - 50, scalars.count - 105))
            scalars = (start > 0 ? ["…"] : []) + scalars[start..<min(scalars.count, start + 105)] + ["…"]
            column -= start - (start > 0 ? 1 : 0)
        }
        let gutter = "  \(location.line) | "
        let shown = String(String.UnicodeScalarView(scalars))
        let blanks = String(repeating: " ", count: gutter.count + min(column, scalars.count))
        return gutter + shown + "\n" + blanks + "^"
    }
}
