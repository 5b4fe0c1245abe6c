/// Extended regular expressions as GNU grep -E takes them, for single lines.
enum ExtendedRegex {
    /// A pattern that matches lines of exactly this text, or beginning with it.
    static func literal(_ text: String, isWholeLine: Bool) -> String {
        var pattern = "^"
        for scalar in text.unicodeScalars {
            switch scalar {
            // Inside brackets nothing else is special; a lone `]` or `}` is ordinary.
            case "^", "\\": pattern += "\\" + String(scalar)
            case ".", "[", "(", ")", "*", "+", "?", "{", "$", "|": pattern += "[" + String(scalar) + "]"
            default: pattern.unicodeScalars.append(scalar)
            }
        }
        return isWholeLine ? pattern + "$" : pattern
    }

    /// The same pattern, whose `$` also stands before the CR of a line that ends in CR LF.
    static func toleratingCR(_ pattern: String) -> String {
        var output: [UInt8] = []
        scan(pattern) { byte, isSpecial in
            if isSpecial, byte == UInt8(ascii: "$") { output += [0x0D, UInt8(ascii: "?")] }
            output.append(byte)
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// What is plainly wrong with a pattern. The rest is found by grep itself, on the host, before anything is changed.
    static func problem(_ pattern: String) -> String? {
        if pattern.isEmpty { return "it is empty, so it would match every line" }
        if pattern.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) { return "it is not one line" }
        var depth = 0
        var isUnderflown = false
        let open = scan(pattern) { byte, isSpecial in
            guard isSpecial else { return }
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            if depth < 0 { isUnderflown = true }
        }
        if let open { return open }
        return depth != 0 || isUnderflown ? "a parenthesis has no partner" : nil
    }

    /// Calls `take` with each byte and whether it may mean something: neither escaped nor inside brackets.
    @discardableResult
    private static func scan(_ pattern: String, _ take: (UInt8, Bool) -> Void) -> String? {
        let bytes = Array(pattern.utf8)
        var index = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "\\"):
                take(bytes[index], false)
                guard index + 1 < bytes.count else { return "it ends in a backslash" }
                take(bytes[index + 1], false)
                index += 2
            case UInt8(ascii: "["):
                guard let end = endOfBrackets(bytes, from: index) else { return "a bracket is not closed" }
                for byte in bytes[index...end] { take(byte, false) }
                index = end + 1
            default:
                take(bytes[index], true)
                index += 1
            }
        }
        return nil
    }

    /// The index of the `]` that closes the bracket expression: not one that comes first, nor that of a `[:class:]`.
    private static func endOfBrackets(_ bytes: [UInt8], from start: Int) -> Int? {
        var index = start + 1
        if index < bytes.count, bytes[index] == UInt8(ascii: "^") { index += 1 }
        if index < bytes.count, bytes[index] == UInt8(ascii: "]") { index += 1 }
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "]") { return index }
            if bytes[index] == UInt8(ascii: "["), index + 1 < bytes.count, ":.=".utf8.contains(bytes[index + 1]) {
                let mark = bytes[index + 1]
                var inner = index + 2
                while inner + 1 < bytes.count, !(bytes[inner] == mark && bytes[inner + 1] == UInt8(ascii: "]")) {
                    inner += 1
                }
                guard inner + 1 < bytes.count else { return nil }
                index = inner + 2
            } else {
                index += 1
            }
        }
        return nil
    }
}
