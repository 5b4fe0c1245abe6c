internal import Model

/// A recursive-descent parser over the bytes of a template:
///
///     any        = either [ "if" either "else" any ]
///     either     = both { "or" both }            both    = inverse { "and" inverse }
///     inverse    = "not" inverse | comparison    comparison = sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | "in") sum ]
///     sum        = product { ("+" | "-") product }          product = value { ("*" | "/") value }
///     value      = (string | number | "true" | "false" | "(" any ")" | "[" [ any { "," any } ] "]"
///                  | name [ "(" [ any { "," any } ] ")" ]) { "." name }
struct ExpressionParser {
    private let source: TemplateSource
    private(set) var index: Int
    private var depth = 0
    /// Deeper is no expression that a person wrote.
    private static let maximumDepth = 32

    init(_ source: TemplateSource, at index: Int) {
        self.source = source
        self.index = index
    }

    mutating func any() throws(Diagnostic) -> Expression.Located {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else {
            throw source.diagnostic("the expression is nested too deep", at: index)
        }
        let value = try either()
        guard takeWord("if") else { return value }
        let condition = try either()
        guard takeWord("else") else {
            throw source.diagnostic("else is missing", at: index, remedy: "write A if CONDITION else B")
        }
        return .init(.choice(value, condition: condition, otherwise: try any()), at: value.offset)
    }

    private mutating func either() throws(Diagnostic) -> Expression.Located {
        var left = try both()
        while takeWord("or") { left = .init(.either(left, try both()), at: left.offset) }
        return left
    }

    private mutating func both() throws(Diagnostic) -> Expression.Located {
        var left = try inverse()
        while takeWord("and") { left = .init(.both(left, try inverse()), at: left.offset) }
        return left
    }

    private mutating func inverse() throws(Diagnostic) -> Expression.Located {
        skipBlanks()
        let offset = index
        guard takeWord("not") else { return try comparison() }
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else {
            throw source.diagnostic("the expression is nested too deep", at: index)
        }
        return .init(.not(try inverse()), at: offset)
    }

    private mutating func comparison() throws(Diagnostic) -> Expression.Located {
        let left = try sum()
        guard let comparison = takeComparison() else { return left }
        let right = try sum()
        return .init(.comparison(comparison, left, right), at: left.offset)
    }

    private mutating func sum() throws(Diagnostic) -> Expression.Located {
        var left = try product()
        while let sign = takeSign(.plus, .minus) {
            left = .init(.arithmetic(sign, left, try product()), at: left.offset)
        }
        return left
    }

    private mutating func product() throws(Diagnostic) -> Expression.Located {
        var left = try value()
        while let sign = takeSign(.times, .by) {
            left = .init(.arithmetic(sign, left, try value()), at: left.offset)
        }
        return left
    }

    private mutating func takeSign(_ signs: Expression.Arithmetic...) -> Expression.Arithmetic? {
        for sign in signs where take(sign.rawValue) { return sign }
        return nil
    }

    private mutating func takeComparison() -> Expression.Comparison? {
        skipBlanks()
        if takeWord("in") { return .contained }
        // Two-character signs first, or `<=` would be read as `<`.
        for sign in [Expression.Comparison.equal, .unequal, .lessOrEqual, .greaterOrEqual, .less, .greater]
        where take(sign.rawValue) {
            return sign
        }
        return nil
    }

    private mutating func value() throws(Diagnostic) -> Expression.Located {
        skipBlanks()
        let offset = index
        var value = Expression.Located(try primary(), at: offset)
        while take(".") {
            let nameOffset = index
            guard let name = takeName() else {
                throw source.diagnostic("a name is missing behind the dot", at: nameOffset)
            }
            value = .init(.attribute(value, name), at: nameOffset)
        }
        return value
    }

    private mutating func primary() throws(Diagnostic) -> Expression {
        guard let byte = peek else { throw source.diagnostic("the expression ends too early", at: index) }
        switch byte {
        case 0x22, 0x27: return .text(try string())
        case 0x2D, 0x30...0x39: return .number(try number())
        case 0x28:
            index += 1
            let inner = try any()
            try expect(")")
            return inner.expression
        case 0x5B:
            index += 1
            return .list(try elements(until: "]"))
        default: break
        }
        let offset = index
        guard let name = takeName() else {
            if byte == 0x3D {
                throw source.diagnostic("= is no operator", at: offset, remedy: "compare with ==")
            }
            throw source.diagnostic(
                "unexpected \"\(Character(Unicode.Scalar(byte)))\"", at: offset,
                remedy: "expected a name, a text or a number")
        }
        switch name {
        case "true": return .flag(true)
        case "false": return .flag(false)
        case "and", "or", "in", "not", "if", "else":
            throw source.diagnostic("a value is missing before \"\(name)\"", at: offset)
        default: break
        }
        guard take("(") else { return .name(name) }
        return .call(name, try elements(until: ")"))
    }

    private mutating func elements(until end: String) throws(Diagnostic) -> [Expression.Located] {
        var elements: [Expression.Located] = []
        if take(end) { return elements }
        repeat { elements.append(try any()) } while take(",")
        try expect(end)
        return elements
    }

    private mutating func number() throws(Diagnostic) -> Int {
        let offset = index
        index += 1
        while let byte = peek, (0x30...0x39).contains(byte) { index += 1 }
        let text = String(decoding: source.bytes[offset..<index], as: UTF8.self)
        guard let number = ScalarText.number(text) else {
            throw source.diagnostic("\"\(text)\" is not a number", at: offset, remedy: "quote it if it is text")
        }
        return number
    }

    /// In either quotes; `\\`, `\n`, `\t` and the quote itself can be escaped.
    private mutating func string() throws(Diagnostic) -> String {
        let offset = index
        let quote = source.bytes[index]
        index += 1
        var bytes: [UInt8] = []
        while let byte = peek {
            index += 1
            if byte == quote { return String(decoding: bytes, as: UTF8.self) }
            guard byte == 0x5C else {
                bytes.append(byte)
                continue
            }
            switch peek {
            case 0x6E: bytes.append(0x0A)
            case 0x74: bytes.append(0x09)
            case 0x5C, quote: bytes.append(source.bytes[index])
            default:
                throw source.diagnostic(
                    "unknown escape in a text", at: index - 1, remedy: "there are \\n, \\t, \\\\ and the quote")
            }
            index += 1
        }
        throw source.diagnostic("the text has no end", at: offset, remedy: "close it with the quote that began it")
    }

    // MARK: Bytes

    private var peek: UInt8? { index < source.bytes.count ? source.bytes[index] : nil }

    mutating func skipBlanks() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { index += 1 }
    }

    /// Takes `sign` if it comes next, after blanks.
    mutating func take(_ sign: String) -> Bool {
        skipBlanks()
        let sign = sign.utf8
        guard source.bytes[index...].starts(with: sign) else { return false }
        index += sign.count
        return true
    }

    mutating func expect(_ sign: String) throws(Diagnostic) {
        if take(sign) { return }
        guard let byte = peek else { throw source.diagnostic("\(sign) is missing", at: index) }
        let found = byte < 0x80 ? "\"\(Character(Unicode.Scalar(byte)))\"" : "this"
        let remedy = byte == 0x3D ? "compare with ==" : "expected \(sign)"
        throw source.diagnostic("unexpected \(found)", at: index, remedy: remedy)
    }

    mutating func takeWord(_ word: String) -> Bool {
        let start = index
        skipBlanks()
        if takeName() == word { return true }
        index = start
        return false
    }

    mutating func takeName() -> String? {
        skipBlanks()
        let start = index
        while let byte = peek, Self.isLetter(byte) || (index > start && (0x30...0x39).contains(byte)) { index += 1 }
        return index > start ? String(decoding: source.bytes[start..<index], as: UTF8.self) : nil
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F
    }
}
