internal import Model

/// The text of a template or of a value in YAML, and where its bytes stand, so that a mistake in the middle of a
/// multi-line value is shown at its own line.
struct TemplateSource: Sendable {
    private enum Origin: Sendable {
        case file(String)
        case scalar(SourceLocation, SourceTree)
    }

    let bytes: [UInt8]
    private let origin: Origin

    /// A whole file.
    init(file: String, bytes: [UInt8]) {
        self.bytes = bytes
        origin = .file(file)
    }

    /// A scalar in a YAML file.
    init(_ text: String, at location: SourceLocation, in tree: SourceTree) {
        bytes = Array(text.utf8)
        origin = .scalar(location, tree)
    }

    func diagnostic(_ message: String, at offset: Int, remedy: String? = nil) -> Diagnostic {
        Diagnostic(message, at: location(of: offset), remedy: remedy)
    }

    /// The place of a byte of the text. Worked out only when there is a mistake to show.
    func location(of offset: Int) -> SourceLocation {
        let before = bytes[..<min(offset, bytes.count)]
        let row = before.count { $0 == 0x0A }
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let characters = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count
        switch origin {
        case .file(let file): return SourceLocation(file: file, line: row + 1, column: characters + 1)
        case .scalar(let start, let tree): return Self.location(row, characters, of: start, in: tree)
        }
    }

    /// What the file has at the scalar's place says how it was written: `|` keeps lines and takes their indentation away,
    /// quotes shift by one, and text that was folded has no places of its own.
    private static func location(
        _ row: Int, _ characters: Int, of start: SourceLocation, in tree: SourceTree
    ) -> SourceLocation {
        let line = tree.line(start.line, of: start.file).map { Array($0.unicodeScalars) } ?? []
        guard start.column >= 1, start.column <= line.count else { return start }
        switch line[start.column - 1] {
        case "|":
            var number = start.line + 1
            while let next = tree.line(number, of: start.file) {
                if let column = next.unicodeScalars.enumerated().first(where: { $0.element != " " })?.offset {
                    return SourceLocation(file: start.file, line: start.line + 1 + row, column: column + 1 + characters)
                }
                number += 1
            }
            return start
        case ">": return start
        case let first:
            let column = start.column + (first == "\"" || first == "'" ? 1 : 0) + characters
            // A value may end at the end of its line, and a mistake may be that it does. What lies behind it was folded.
            guard row == 0, column <= line.count + 1 else { return start }
            return SourceLocation(file: start.file, line: start.line, column: column)
        }
    }
}
