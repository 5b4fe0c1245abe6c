package import OrderedCollections

/// A JSON document (RFC 8259). Objects keep the order of their keys; a key that stands twice is refused when read,
/// since readers disagree about which of the two counts.
///
/// Strings keep their Unicode scalars exactly: `Array(text.utf8)` are the bytes that the document means.
package enum JSONValue: Sendable, Hashable {
    case null
    case flag(Bool)
    case integer(Int)
    /// Any number that is not an `Int` in plain digits. Not finite = written as `null`.
    case decimal(Double)
    case text(String)
    case list([JSONValue])
    case object(OrderedDictionary<String, JSONValue>)

    /// The value of a key; `nil` if this is no object or has no such key.
    package subscript(key: String) -> JSONValue? {
        if case .object(let members) = self { members[key] } else { nil }
    }
    package var text: String? {
        if case .text(let text) = self { text } else { nil }
    }
    package var integer: Int? {
        if case .integer(let number) = self { number } else { nil }
    }
    /// Any number.
    package var decimal: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .decimal(let number): number
        default: nil
        }
    }
    package var flag: Bool? {
        if case .flag(let flag) = self { flag } else { nil }
    }
    package var list: [JSONValue]? {
        if case .list(let list) = self { list } else { nil }
    }
    package var object: OrderedDictionary<String, JSONValue>? {
        if case .object(let members) = self { members } else { nil }
    }
    package var isNull: Bool { self == .null }

    /// What kind of value this is, for messages: `an object`. Never the value.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .flag: "a boolean"
        case .integer, .decimal: "a number"
        case .text: "a string"
        case .list: "a list"
        case .object: "an object"
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(floatLiteral value: Double) { self = .decimal(value) }
    package init(booleanLiteral value: Bool) { self = .flag(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .list(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(OrderedDictionary(elements) { _, last in last })
    }
}

extension JSONValue {
    package enum Layout: Sendable {
        /// No white space at all; one line.
        case compact
        /// Two blanks a level, `"key": value`, and a final line break.
        case pretty
    }

    /// The document as UTF-8. Escapes what RFC 8259 asks for (`"`, `\`, U+0000 to U+001F) and the other control characters,
    /// U+007F to U+009F, which a terminal would obey.
    package func encoded(_ layout: Layout = .compact) -> [UInt8] {
        var output: [UInt8] = []
        write(to: &output, layout, level: 0)
        if layout == .pretty { output.append(0x0A) }
        return output
    }
    package func encodedText(_ layout: Layout = .compact) -> String {
        String(decoding: encoded(layout), as: UTF8.self)
    }

    private func write(to output: inout [UInt8], _ layout: Layout, level: Int) {
        switch self {
        case .null: output += Array("null".utf8)
        case .flag(let flag): output += Array((flag ? "true" : "false").utf8)
        case .integer(let number): output += Array(String(number).utf8)
        case .decimal(let number): output += Array((number.isFinite ? number.description : "null").utf8)
        case .text(let text): Self.write(text, to: &output)
        case .list(let list):
            Self.write(list, open: 0x5B, close: 0x5D, to: &output, layout, level) { element, output in
                element.write(to: &output, layout, level: level + 1)
            }
        case .object(let members):
            Self.write(members.elements, open: 0x7B, close: 0x7D, to: &output, layout, level) { member, output in
                Self.write(member.key, to: &output)
                output += layout == .pretty ? [0x3A, 0x20] : [0x3A]
                member.value.write(to: &output, layout, level: level + 1)
            }
        }
    }

    private static func write<Elements: Collection>(
        _ elements: Elements, open: UInt8, close: UInt8, to output: inout [UInt8], _ layout: Layout, _ level: Int,
        each body: (Elements.Element, inout [UInt8]) -> Void
    ) {
        func startLine(_ level: Int) {
            guard layout == .pretty, !elements.isEmpty else { return }
            output.append(0x0A)
            output += repeatElement(0x20, count: 2 * level)
        }
        output.append(open)
        var isFirst = true
        for element in elements {
            if !isFirst { output.append(0x2C) }
            isFirst = false
            startLine(level + 1)
            body(element, &output)
        }
        startLine(level)
        output.append(close)
    }

    private static func write(_ text: String, to output: inout [UInt8]) {
        output.append(0x22)
        var isC1 = false
        for byte in text.utf8 {
            // U+0080 to U+009F are C2 80 to C2 9F.
            if isC1 {
                isC1 = false
                if byte < 0xA0 {
                    writeEscape(byte, to: &output)
                    continue
                }
                output.append(0xC2)
            }
            switch byte {
            case 0x22: output += [0x5C, 0x22]
            case 0x5C: output += [0x5C, 0x5C]
            case 0x0A: output += [0x5C, 0x6E]
            case 0x0D: output += [0x5C, 0x72]
            case 0x09: output += [0x5C, 0x74]
            case 0..<0x20, 0x7F: writeEscape(byte, to: &output)
            case 0xC2: isC1 = true
            default: output.append(byte)
            }
        }
        output.append(0x22)
    }

    private static func writeEscape(_ byte: UInt8, to output: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        output += Array("\\u00".utf8)
        output += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
