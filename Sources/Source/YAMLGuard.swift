internal import Model

/// Refuses text that could make a YAML reader slow or its meaning uncertain, before one sees it: tabs as indentation,
/// anchors and aliases (a few lines can stand for billions of values), tags, and nesting deeper than any recipe. It reads
/// lines, not YAML: enough to know quotes, comments and block texts, in which none of this counts.
struct YAMLGuard {
    static let maximumBytes = 1 << 20
    static let maximumDepth = 32

    let file: String
    private var diagnostics: [Diagnostic] = []
    private var depth = 0
    /// The quote that is open at the end of the line before.
    private var quote: UInt8?
    /// Lines indented deeper than this belong to a block text.
    private var blockTextBelow: Int?
    private var indentations: [Int] = []

    private init(file: String) { self.file = file }

    static func diagnostics(for bytes: [UInt8], in file: String) -> [Diagnostic] {
        let start = SourceLocation(file: file)
        guard bytes.count <= maximumBytes else {
            return [
                Diagnostic("the file is larger than 1 MiB", at: start, remedy: "large content belongs below files/")
            ]
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let line = 1 + validPrefix(of: bytes).count { $0 == 0x0A }
            return [
                Diagnostic(
                    "the file is not UTF-8", at: SourceLocation(file: file, line: line),
                    remedy: "save it as UTF-8; bytes of another kind belong below files/")
            ]
        }
        var guarding = YAMLGuard(file: file)
        for (index, line) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            guarding.read(Array(line), number: index + 1)
            if guarding.diagnostics.count >= 20 { break }
        }
        return guarding.diagnostics
    }

    private mutating func report(_ message: String, _ line: [UInt8], _ number: Int, _ index: Int, remedy: String) {
        let column = String(decoding: line[..<index], as: UTF8.self).unicodeScalars.count + 1
        let location = SourceLocation(file: file, line: number, column: column)
        diagnostics.append(Diagnostic(message, at: location, remedy: remedy))
    }

    /// YAML has more line breaks than an editor shows: after one of them all places would be a line off.
    private static func foreignBreak(in line: [UInt8]) -> Int? {
        line.indices.first { index in
            switch line[index] {
            case 0x0D: index < line.count - 1
            case 0xC2: line[(index + 1)...].first == 0x85
            case 0xE2:
                line[(index + 1)...].starts(with: [0x80, 0xA8]) || line[(index + 1)...].starts(with: [0x80, 0xA9])
            default: false
            }
        }
    }

    private mutating func read(_ line: [UInt8], number: Int) {
        if let index = Self.foreignBreak(in: line) {
            report(
                "a line break that most editors do not show as one (U+000D, U+0085, U+2028 or U+2029)", line, number,
                index,
                remedy: "end lines with a line feed; within a text in double quotes write it as \\r, \\N, \\L or \\P")
            return
        }
        var indentation = line.prefix { $0 == 0x20 }.count
        let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        if let limit = blockTextBelow {
            if isBlank || indentation > limit { return }
            blockTextBelow = nil
        }
        if isBlank { return }
        var index = indentation
        if quote == nil {
            if line[index] == 0x09 {
                report("a tab as indentation", line, number, index, remedy: "indent with blanks")
                return
            }
            // `- - key:` nests as deep as it has dashes; a block text in it is indented from its key.
            while index + 1 < line.count, line[index] == 0x2D || line[index] == 0x3F, line[index + 1] == 0x20 {
                nest(to: index, line, number)
                index += 1
                while index < line.count, line[index] == 0x20 { index += 1 }
            }
            if depth == 0, index < line.count { nest(to: index, line, number) }
            indentation = max(indentation, index)
        }
        scan(line, from: index, number: number, indentation: indentation)
    }

    private mutating func nest(to indentation: Int, _ line: [UInt8], _ number: Int) {
        // They rise from first to last, so hostile nesting costs no more than its own length.
        while let last = indentations.last, last >= indentation { indentations.removeLast() }
        indentations.append(indentation)
        if indentations.count == Self.maximumDepth + 1 {
            report(
                "nested deeper than \(Self.maximumDepth) levels", line, number, indentation,
                remedy: "recipes and inventories are flatter")
        }
    }

    /// Reads the rest of a line, knowing where a value may begin: only there `&`, `*`, `!` and quotes have a meaning.
    private mutating func scan(_ line: [UInt8], from start: Int, number: Int, indentation: Int) {
        var index = start
        var atStart = true
        while index < line.count {
            let byte = line[index]
            if let open = quote {
                if byte == 0x5C && open == 0x22 {
                    index += 2
                    continue
                }
                if byte == open {
                    if open == 0x27, index + 1 < line.count, line[index + 1] == 0x27 {
                        index += 2
                        continue
                    }
                    quote = nil
                    atStart = false
                }
                index += 1
                continue
            }
            switch byte {
            case 0x22, 0x27:
                if atStart { quote = byte }
                atStart = false
            case 0x23 where index == 0 || line[index - 1] == 0x20:
                return
            case 0x26 where atStart, 0x2A where atStart:
                report(
                    "an anchor or alias", line, number, index,
                    remedy: "write the value out, or quote it if the text begins with \(byte == 0x26 ? "&" : "*")")
                return
            case 0x21 where atStart:
                report("a tag", line, number, index, remedy: "remove it, or quote the text")
                return
            case 0x7C where atStart && depth == 0, 0x3E where atStart && depth == 0:
                blockTextBelow = indentation
                return
            case 0x5B where atStart, 0x7B where atStart:
                depth += 1
                if depth == Self.maximumDepth + 1 {
                    report(
                        "nested deeper than \(Self.maximumDepth) levels", line, number, index,
                        remedy: "recipes and inventories are flatter")
                }
            case 0x5D where depth > 0, 0x7D where depth > 0:
                depth -= 1
                atStart = false
            case 0x2C where depth > 0:
                atStart = true
            case 0x3A where index + 1 >= line.count || line[index + 1] == 0x20 || depth > 0:
                atStart = true
            case 0x20: break
            default: atStart = false
            }
            index += 1
        }
    }

    /// The longest part from the beginning that is UTF-8.
    private static func validPrefix(of bytes: [UInt8]) -> ArraySlice<UInt8> {
        var low = 0
        var high = bytes.count
        while low < high {
            let middle = (low + high + 1) / 2
            // A cut inside a character is no fault of the text: step back to its first byte.
            var cut = middle
            while cut > low, cut < bytes.count, bytes[cut] & 0xC0 == 0x80 { cut -= 1 }
            if String(validating: bytes[..<cut], as: UTF8.self) != nil, cut > low {
                low = cut
            } else {
                high = middle - 1
            }
        }
        return bytes[..<low]
    }
}
