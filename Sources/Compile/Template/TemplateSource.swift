internal import Model

/// The text of a template or of a value in YAML, and where its bytes stand, so that a mistake in the middle of a
/// multi-line value is shown at its own line.
struct TemplateSource: Sendable {
    let bytes: [UInt8]
    private let start: SourceLocation
    /// The column at which lines after the first begin; `nil` if lines of the text are not lines of the file.
    private let nextColumn: Int?
    /// The first line's last column in the file; what lies behind it was folded from a later line.
    private let lastColumn: Int

    /// A whole file.
    init(file: String, bytes: [UInt8]) {
        self.bytes = bytes
        start = SourceLocation(file: file)
        nextColumn = 1
        lastColumn = .max
    }

    /// A scalar in a YAML file. What the file has at its place says how it was written: `|` keeps lines and takes their
    /// indentation away, quotes shift by one, and text that was folded has no places of its own.
    init(_ text: String, at location: SourceLocation, in tree: SourceTree) {
        bytes = Array(text.utf8)
        let line = tree.line(location.line, of: location.file).map { Array($0.unicodeScalars) } ?? []
        let first = location.column - 1 < line.count && location.column > 0 ? line[location.column - 1] : " "
        switch first {
        case "|":
            var number = location.line + 1
            var indentation = 0
            while let next = tree.line(number, of: location.file) {
                if let column = next.unicodeScalars.enumerated().first(where: { $0.element != " " })?.offset {
                    indentation = column
                    break
                }
                number += 1
            }
            start = SourceLocation(file: location.file, line: location.line + 1, column: indentation + 1)
            nextColumn = indentation + 1
            lastColumn = .max
        case ">":
            start = location
            nextColumn = nil
            lastColumn = 0
        case "\"", "'":
            start = SourceLocation(file: location.file, line: location.line, column: location.column + 1)
            nextColumn = nil
            lastColumn = line.count
        default:
            start = location
            nextColumn = nil
            // A value may end at the end of its line, and a mistake may be that it does.
            lastColumn = line.count + 1
        }
    }

    /// The place of a byte of the text.
    func location(of offset: Int) -> SourceLocation {
        let before = bytes[..<min(offset, bytes.count)]
        let row = before.count { $0 == 0x0A }
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        let characters = String(decoding: before[lineStart...], as: UTF8.self).unicodeScalars.count
        if row == 0 {
            let column = start.column + characters
            return SourceLocation(
                file: start.file, line: start.line, column: column <= lastColumn ? column : start.column)
        }
        guard let nextColumn else { return start }
        return SourceLocation(file: start.file, line: start.line + row, column: nextColumn + characters)
    }

    func diagnostic(_ message: String, at offset: Int, remedy: String? = nil) -> Diagnostic {
        Diagnostic(message, at: location(of: offset), remedy: remedy)
    }
}
