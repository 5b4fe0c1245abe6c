internal import Model
internal import Yams

/// One file of YAML as ``SpecValue``s with their places. Of YAML's meaning only structure is used: a scalar keeps its
/// text and whether it was quoted. Keys that stand twice are all found, each at its second place.
struct YAMLReader {
    private let file: String
    private var diagnostics: [Diagnostic] = []
    private var lines: [[Unicode.Scalar]]

    private init(file: String, text: String) {
        self.file = file
        lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(Array.init)
    }

    /// `nil` if the text is not YAML at all; the diagnostics say why.
    static func read(_ bytes: [UInt8], file: String) -> (value: SpecValue?, diagnostics: [Diagnostic]) {
        let refused = YAMLGuard.diagnostics(for: bytes, in: file)
        guard refused.isEmpty else { return (nil, refused) }
        var reader = YAMLReader(file: file, text: String(decoding: bytes, as: UTF8.self))
        let value = reader.root()
        return (value, reader.diagnostics)
    }

    private mutating func root() -> SpecValue? {
        // A key that stands twice ends Yams' parse. The second one gets a name that nobody writes, and the text is parsed
        // again, so that the rest of the file is still read.
        for attempt in 0..<64 {
            do {
                var text = String(String.UnicodeScalarView(lines.joined(separator: ["\n"])))
                // Yams 6.2 keeps a pointer into the string's storage beyond the call that lends it. A string of up to 15
                // bytes has no storage of its own, so the pointer would lead to a dead stack frame.
                if text.utf8.count < 16 { text += String(repeating: "\n", count: 16) }
                let parser = try Parser(yaml: text, resolver: .basic, constructor: .default, encoding: .utf8)
                guard let node = try parser.singleRoot() else {
                    report(
                        "the file is empty", at: location(nil), remedy: "see the README beside it for what belongs here"
                    )
                    return nil
                }
                return convert(node)
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let key = keys.first ?? ""
                guard let second = renameSecond(key, after: context.mark, number: attempt) else {
                    report("key \"\(key)\" stands twice", at: location(context.mark), remedy: "remove one of the two")
                    return nil
                }
                let remedy = "it stands in line \(context.mark.line) already"
                report("key \"\(key)\" stands twice", at: second, remedy: remedy)
            } catch {
                report(error)
                return nil
            }
        }
        return nil
    }

    private mutating func report(_ error: any Error) {
        switch error {
        case YamlError.scanner(let context, let problem, let mark, _),
            YamlError.parser(let context, let problem, let mark, _),
            YamlError.composer(let context, let problem, let mark, _):
            let during = context.map { " (\($0.text))" } ?? ""
            let remedy = problem.contains("another document") ? "one file holds one document; remove the ---" : nil
            report("not YAML: \(problem)\(during)", at: location(mark), remedy: remedy)
        case YamlError.reader(let problem, _, let value, _):
            report("not YAML: \(problem) (character \(value))", at: location(nil), remedy: "remove it")
        default: report("not YAML: \(error)", at: location(nil), remedy: nil)
        }
    }

    private func location(_ mark: Mark?) -> SourceLocation {
        guard let mark else { return SourceLocation(file: file) }
        // libyaml puts what is missing at the end behind the last line.
        return mark.line <= lines.count
            ? SourceLocation(file: file, line: mark.line, column: mark.column)
            : SourceLocation(file: file, line: lines.count, column: (lines.last?.count ?? 0) + 1)
    }

    private mutating func report(_ message: String, at location: SourceLocation, remedy: String?) {
        diagnostics.append(Diagnostic(message, at: location, remedy: remedy))
    }

    // MARK: Structure

    private mutating func convert(_ node: Node) -> SpecValue {
        let location = location(node.mark)
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain && scalar.style != .any
            return SpecValue(.scalar(scalar.string, isQuoted: isQuoted), at: location)
        case .sequence(let sequence):
            return SpecValue(.list(sequence.map { convert($0) }), at: location)
        case .mapping(let mapping):
            return SpecValue(.map(mapping.compactMap { entry($0.key, $0.value) }), at: location)
        case .alias:
            // Only Yams' emitter makes them; the guard has refused those of the text.
            return SpecValue(.scalar("", isQuoted: false), at: location)
        }
    }

    private mutating func entry(_ key: Node, _ value: Node) -> SpecEntry? {
        guard case .scalar(let scalar) = key else {
            report(
                "a key must be plain text", at: location(key.mark),
                remedy: "if this is an expression, quote the whole value: \"{{ … }}\"")
            return nil
        }
        if scalar.string.unicodeScalars.first.map(Self.isPlaceholder) == true { return nil }
        return SpecEntry(key: scalar.string, keyLocation: location(scalar.mark), value: convert(value))
    }

    // MARK: Keys that stand twice

    /// Private-use characters, which no recipe's key begins with.
    private static func isPlaceholder(_ scalar: Unicode.Scalar) -> Bool { (0xE000...0xE07F).contains(scalar.value) }

    /// Finds the second `key` of the map whose first one stands at `mark`, and gives it a name of its own.
    private mutating func renameSecond(_ key: String, after mark: Mark, number: Int) -> SourceLocation? {
        let wanted = Array(key.unicodeScalars)
        guard !wanted.isEmpty, let replacement = Unicode.Scalar(UInt32(0xE000 + number)) else { return nil }
        // In the same line (a map in braces), then at the same column below.
        var places = lines[mark.line - 1].indices.filter { $0 > mark.column - 1 }.map { (mark.line - 1, $0) }
        places += (mark.line..<max(mark.line, lines.count)).map { ($0, mark.column - 1) }
        for (row, column) in places {
            let line = lines[row]
            let indentation = line.prefix { $0 == " " }.count
            if row >= mark.line, indentation < column, line.count > indentation, line[indentation] != "#" { break }
            let isQuoted = column < line.count && (line[column] == "\"" || line[column] == "'")
            let start = column + (isQuoted ? 1 : 0)
            let end = start + wanted.count
            guard end < line.count, Array(line[start..<end]) == wanted else { continue }
            let rest = line[(end + (isQuoted ? 1 : 0))...].drop { $0 == " " }
            guard rest.first == ":", column == 0 || [" ", "{", ",", "-", "?"].contains(line[column - 1]) else {
                continue
            }
            lines[row].replaceSubrange(start..<end, with: Array(repeating: replacement, count: wanted.count))
            return SourceLocation(file: file, line: row + 1, column: column + 1)
        }
        return nil
    }
}
