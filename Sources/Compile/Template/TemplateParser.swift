internal import Model

/// Finds the tags in a text. `{{ … }}` counts everywhere; `{% … %}` and `{# … #}` only in templates and contents, since
/// `${#name}` is ordinary shell.
struct TemplateParser {
    enum Dialect: Sendable {
        case values
        case templates
    }

    private let source: TemplateSource
    private let dialect: Dialect
    private var index = 0
    private var depth = 0
    private static let maximumDepth = 16

    private init(_ source: TemplateSource, _ dialect: Dialect) {
        self.source = source
        self.dialect = dialect
    }

    static func parse(_ source: TemplateSource, _ dialect: Dialect) throws(Diagnostic) -> Template {
        if !source.bytes.contains(0x7B) {
            return Template(source: source, nodes: source.bytes.isEmpty ? [] : [.literal(source.bytes[...])])
        }
        var parser = TemplateParser(source, dialect)
        let (nodes, end) = try parser.body(of: nil)
        if let end { throw source.diagnostic("\(end.word) without its beginning", at: end.offset) }
        return Template(source: source, nodes: nodes)
    }

    /// Parses a lone expression, as `when:` has it.
    static func expression(_ source: TemplateSource) throws(Diagnostic) -> Expression.Located {
        var parser = ExpressionParser(source, at: 0)
        let expression = try parser.any()
        parser.skipBlanks()
        guard parser.index == source.bytes.count else {
            throw source.diagnostic("unexpected text behind the expression", at: parser.index)
        }
        return expression
    }

    private typealias End = (word: String, offset: Int)

    /// Nodes up to a tag that ends or continues the block, which is taken.
    private mutating func body(of opening: End?) throws(Diagnostic) -> ([Template.Node], End?) {
        var nodes: [Template.Node] = []
        var literalStart = index
        while let (tag, kind) = nextTag() {
            let lines = kind == .output ? nil : lineBounds(of: tag, kind)
            let literal = source.bytes[literalStart..<max(literalStart, lines?.start ?? tag)]
            if !literal.isEmpty { nodes.append(.literal(literal)) }
            index = tag + 2
            switch kind {
            case .output: nodes.append(try output())
            case .comment: try comment(from: tag)
            case .block:
                var parser = ExpressionParser(source, at: index)
                parser.skipBlanks()
                let offset = parser.index
                let word = parser.takeName() ?? ""
                index = parser.index
                switch word {
                case "for", "if":
                    depth += 1
                    defer { depth -= 1 }
                    guard depth <= Self.maximumDepth else {
                        throw source.diagnostic("blocks are nested too deep", at: tag)
                    }
                    nodes.append(try word == "for" ? loop(from: tag) : conditional(from: tag))
                case "endfor", "endif", "else", "elif": return (nodes, (word, tag))
                default:
                    throw source.diagnostic(
                        "unknown tag \"\(word)\"", at: offset,
                        remedy: Diagnostic.suggestion(
                            for: word, among: ["for", "endfor", "if", "elif", "else", "endif"]))
                }
            }
            if kind == .comment, let end = lines?.end { index = end }
            literalStart = index
        }
        if let opening {
            throw source.diagnostic(
                "\(opening.word) has no end", at: opening.offset, remedy: "add {% end\(opening.word) %}")
        }
        let literal = source.bytes[literalStart...]
        if !literal.isEmpty { nodes.append(.literal(literal)) }
        index = source.bytes.count
        return (nodes, nil)
    }

    // MARK: Tags

    private enum TagKind { case output, block, comment }

    private func nextTag() -> (offset: Int, kind: TagKind)? {
        var start = index
        while let brace = source.bytes[start...].firstIndex(of: 0x7B), brace + 1 < source.bytes.count {
            switch source.bytes[brace + 1] {
            case 0x7B: return (brace, .output)
            case 0x25 where dialect == .templates: return (brace, .block)
            case 0x23 where dialect == .templates: return (brace, .comment)
            default: start = brace + 1
            }
        }
        return nil
    }

    private mutating func output() throws(Diagnostic) -> Template.Node {
        var parser = ExpressionParser(source, at: index)
        let expression = try parser.any()
        var encoding: SinkEncoding?
        if parser.take("|") {
            parser.skipBlanks()
            let offset = parser.index
            let name = parser.takeName() ?? ""
            encoding = SinkEncoding(rawValue: name)
            if encoding == nil {
                throw source.diagnostic(
                    "unknown encoding \"\(name)\"", at: offset,
                    remedy: Diagnostic.suggestion(for: name, among: SinkEncoding.allCases.map(\.rawValue)))
            }
        }
        try parser.expect("}}")
        index = parser.index
        return .output(expression, encoding: encoding)
    }

    private mutating func comment(from tag: Int) throws(Diagnostic) {
        while index + 1 < source.bytes.count {
            if source.bytes[index] == 0x23, source.bytes[index + 1] == 0x7D {
                index += 2
                return
            }
            index += 1
        }
        throw source.diagnostic("the comment has no end", at: tag, remedy: "add #}")
    }

    private mutating func loop(from tag: Int) throws(Diagnostic) -> Template.Node {
        var parser = ExpressionParser(source, at: index)
        parser.skipBlanks()
        let offset = parser.index
        guard let variable = parser.takeName(), !ReservedNames.all.contains(variable) else {
            throw source.diagnostic(
                "for needs a name of its own", at: offset, remedy: "write {% for h in hosts(\"…\") %}")
        }
        guard parser.takeWord("in") else {
            throw source.diagnostic("\"in\" is missing", at: parser.index, remedy: "write {% for h in hosts(\"…\") %}")
        }
        let list = try parser.any()
        try close(&parser, from: tag)
        let (body, end) = try body(of: ("for", tag))
        guard let end, end.word == "endfor" else {
            throw source.diagnostic("\(end?.word ?? "") inside for", at: end?.offset ?? tag, remedy: "expected endfor")
        }
        try closeEmpty(end)
        return .loop(variable: variable, list: list, body: body)
    }

    private mutating func conditional(from tag: Int) throws(Diagnostic) -> Template.Node {
        var branches: [Template.Branch] = []
        var opening = tag
        while true {
            var parser = ExpressionParser(source, at: index)
            let condition = try parser.any()
            try close(&parser, from: opening)
            let (body, end) = try body(of: ("if", tag))
            branches.append(Template.Branch(condition: condition, body: body))
            guard let end else { throw source.diagnostic("if has no end", at: tag) }
            switch end.word {
            case "elif": opening = end.offset
            case "else":
                try closeEmpty(end)
                let (otherwise, last) = try self.body(of: ("if", tag))
                guard let last, last.word == "endif" else {
                    throw source.diagnostic(
                        "\(last?.word ?? "") behind else", at: last?.offset ?? tag, remedy: "expected endif")
                }
                try closeEmpty(last)
                return .conditional(branches, otherwise: otherwise)
            case "endif":
                try closeEmpty(end)
                return .conditional(branches, otherwise: [])
            default: throw source.diagnostic("\(end.word) inside if", at: end.offset, remedy: "expected endif")
            }
        }
    }

    private mutating func closeEmpty(_ tag: End) throws(Diagnostic) {
        var parser = ExpressionParser(source, at: index)
        try close(&parser, from: tag.offset)
    }

    /// Takes `%}`, and the line break behind it if the tag stands alone on its line.
    private mutating func close(_ parser: inout ExpressionParser, from tag: Int) throws(Diagnostic) {
        try parser.expect("%}")
        index = parser.index
        if isBlankBefore(tag), let end = endOfBlankLine(from: index) { index = end }
    }

    // MARK: Tags alone on their line

    private func isBlankBefore(_ tag: Int) -> Bool {
        for byte in source.bytes[..<tag].reversed() {
            if byte == 0x0A { return true }
            if byte != 0x20 && byte != 0x09 { return false }
        }
        return true
    }

    /// Behind the line break, if nothing but blanks comes before it.
    private func endOfBlankLine(from start: Int) -> Int? {
        var end = start
        while end < source.bytes.count {
            switch source.bytes[end] {
            case 0x0A: return end + 1
            case 0x20, 0x09, 0x0D: end += 1
            default: return nil
            }
        }
        return end
    }

    /// Where the line of a lone tag begins and, for a comment, ends; `nil` if other text stands in it.
    private func lineBounds(of tag: Int, _ kind: TagKind) -> (start: Int, end: Int?)? {
        guard isBlankBefore(tag) else { return nil }
        let closing: [UInt8] = kind == .comment ? [0x23, 0x7D] : [0x25, 0x7D]
        var end = tag + 2
        var quote: UInt8?
        while end + 1 < source.bytes.count {
            let byte = source.bytes[end]
            if let open = quote {
                if byte == open { quote = nil }
            } else if kind == .block, byte == 0x22 || byte == 0x27 {
                quote = byte
            } else if byte == closing[0], source.bytes[end + 1] == closing[1] {
                guard let lineEnd = endOfBlankLine(from: end + 2) else { return nil }
                let lineStart = source.bytes[..<tag].lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
                return (lineStart, lineEnd)
            }
            end += 1
        }
        return nil
    }
}
