internal import OrderedCollections

/// Why a document is not JSON, and where. Names keys at most, never a value: the document may be a secret.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Reason: Sendable, Hashable {
        case notUTF8
        case byteOrderMark
        case unexpectedEnd
        /// What the grammar wants here: `a value`, `a comma or ]`.
        case expected(String)
        case badEscape
        /// A `\u` escape that is one half of a surrogate pair.
        case loneSurrogate
        case controlCharacter
        case badNumber
        case duplicateKey(String)
        case tooDeep
        case trailingText
    }

    package var reason: Reason
    /// From 1; columns count characters (Unicode scalars).
    package var line: Int
    package var column: Int

    package init(reason: Reason, line: Int, column: Int) {
        self.reason = reason
        self.line = line
        self.column = column
    }

    package var description: String { "line \(line), column \(column): \(message)" }

    package var message: String {
        switch reason {
        case .notUTF8: "not UTF-8"
        case .byteOrderMark: "a byte order mark before the document"
        case .unexpectedEnd: "the document ends in the middle"
        case .expected(let what): "expected \(what)"
        case .badEscape: "an escape that JSON does not have"
        case .loneSurrogate: "half of a surrogate pair"
        case .controlCharacter: "a control character inside a string"
        case .badNumber: "not a number as JSON writes it"
        case .duplicateKey(let key): "the key \"\(key)\" stands twice in one object"
        case .tooDeep: "nested deeper than \(JSONReader.deepest) levels"
        case .trailingText: "text after the document"
        }
    }
}

extension JSONValue {
    /// Reads exactly one document, surrounded by nothing but white space.
    package init(parsing bytes: some Collection<UInt8>) throws(JSONError) {
        var reader = JSONReader(bytes: Array(bytes))
        self = try reader.document()
    }
    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }
}

/// A strict reader: what RFC 8259 does not allow is an error, and so is a key that stands twice.
struct JSONReader {
    /// Far more than any document that we read has; bounds the stack.
    static let deepest = 128

    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONError) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw error(.byteOrderMark, at: 0) }
        skipWhiteSpace()
        let value = try self.value(depth: 0)
        skipWhiteSpace()
        if position < bytes.count { throw error(.trailingText) }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        if depth > Self.deepest { throw error(.tooDeep) }
        switch try peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try list(depth: depth)
        case UInt8(ascii: "\""): return .text(try string())
        case UInt8(ascii: "t"): return try word("true", .flag(true))
        case UInt8(ascii: "f"): return try word("false", .flag(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error(.expected("a value"))
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        var members: OrderedDictionary<String, JSONValue> = [:]
        position += 1
        skipWhiteSpace()
        if try take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            guard try peek() == UInt8(ascii: "\"") else { throw error(.expected("a key in quotes")) }
            let start = position
            let key = try string()
            skipWhiteSpace()
            guard try take(UInt8(ascii: ":")) else { throw error(.expected("a colon")) }
            skipWhiteSpace()
            let value = try self.value(depth: depth + 1)
            if members.updateValue(value, forKey: key) != nil { throw error(.duplicateKey(key), at: start) }
            skipWhiteSpace()
            if try take(UInt8(ascii: "}")) { return .object(members) }
            guard try take(UInt8(ascii: ",")) else { throw error(.expected("a comma or }")) }
            skipWhiteSpace()
        }
    }

    private mutating func list(depth: Int) throws(JSONError) -> JSONValue {
        var elements: [JSONValue] = []
        position += 1
        skipWhiteSpace()
        if try take(UInt8(ascii: "]")) { return .list(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipWhiteSpace()
            if try take(UInt8(ascii: "]")) { return .list(elements) }
            guard try take(UInt8(ascii: ",")) else { throw error(.expected("a comma or ]")) }
            skipWhiteSpace()
        }
    }

    private mutating func string() throws(JSONError) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while true {
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let result = String(validating: text, as: UTF8.self) else { throw error(.notUTF8, at: start) }
                return result
            case UInt8(ascii: "\\"): text += try escape()
            case 0..<0x20: throw error(.controlCharacter)
            default:
                text.append(byte)
                position += 1
            }
        }
    }

    /// One escape as the UTF-8 of the character that it means; a surrogate pair is one character.
    private mutating func escape() throws(JSONError) -> [UInt8] {
        let start = position
        position += 1
        let letter = try peek()
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [letter]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var code = try codeUnit(start)
            if (0xD800...0xDBFF).contains(code) {
                guard try peek() == UInt8(ascii: "\\"), position + 1 < bytes.count,
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw error(.loneSurrogate, at: start) }
                position += 2
                let low = try codeUnit(start)
                guard (0xDC00...0xDFFF).contains(low) else { throw error(.loneSurrogate, at: start) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error(.loneSurrogate, at: start) }
            return Array(String(scalar).utf8)
        default: throw error(.badEscape, at: start)
        }
    }

    private mutating func codeUnit(_ start: Int) throws(JSONError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(try peek())).hexDigitValue else {
                throw error(.badEscape, at: start)
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        skip("-")
        let whole = skip("0123456789")
        if whole == 0 || (whole > 1 && bytes[position - whole] == UInt8(ascii: "0")) {
            throw error(.badNumber, at: start)
        }
        var isWhole = true
        if skip(".", atMost: 1) == 1 {
            isWhole = false
            if skip("0123456789") == 0 { throw error(.badNumber, at: start) }
        }
        if skip("eE", atMost: 1) == 1 {
            isWhole = false
            skip("+-", atMost: 1)
            if skip("0123456789") == 0 { throw error(.badNumber, at: start) }
        }
        let literal = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let number = Int(literal) { return .integer(number) }
        guard let number = Double(literal) else { throw error(.badNumber, at: start) }
        return .decimal(number)
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw error(.expected("a value")) }
        position += word.utf8.count
        return value
    }

    @discardableResult
    private mutating func skip(_ characters: StaticString, atMost limit: Int = .max) -> Int {
        let start = position
        let length = characters.utf8CodeUnitCount
        while position < bytes.count, position - start < limit,
            (0..<length).contains(where: { characters.utf8Start[$0] == bytes[position] })
        {
            position += 1
        }
        return position - start
    }

    private mutating func skipWhiteSpace() { skip(" \n\r\t") }

    private mutating func take(_ byte: UInt8) throws(JSONError) -> Bool {
        guard try peek() == byte else { return false }
        position += 1
        return true
    }

    private func peek() throws(JSONError) -> UInt8 {
        guard position < bytes.count else { throw error(.unexpectedEnd) }
        return bytes[position]
    }

    private func error(_ reason: JSONError.Reason, at offset: Int? = nil) -> JSONError {
        let before = bytes[..<min(offset ?? position, bytes.count)]
        let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return JSONError(
            reason: reason, line: 1 + before.count { $0 == 0x0A },
            // UTF-8 continuation bytes are 10xxxxxx.
            column: 1 + before[lineStart...].count { $0 & 0xC0 != 0x80 })
    }
}
