/// How scalars are written in recipes and inventories. YAML's own typing is not used: `0644`, `1.10` and `no` mean what
/// the declaration of their field says, or are refused.
package enum ScalarText {
    /// `true`, `yes`, `false`, `no`.
    package static func flag(_ text: String) -> Bool? {
        switch text {
        case "true", "yes": true
        case "false", "no": false
        default: nil
        }
    }

    /// What other YAML readers take for a truth value, so that nobody can know whether a text was meant.
    package static func looksLikeFlag(_ text: String) -> Bool {
        ["true", "false", "yes", "no", "on", "off"].contains(text.lowercased())
    }

    /// No value: `~`, `null`, or nothing at all.
    package static func isNull(_ text: String) -> Bool { text.isEmpty || text == "~" || text == "null" }

    /// A decimal number without leading zeros, which YAML 1.1 reads as octal.
    package static func number(_ text: String) -> Int? {
        let digits = text.hasPrefix("-") ? text.dropFirst() : Substring(text)
        guard let first = digits.utf8.first, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            first != 0x30 || digits.utf8.count == 1
        else { return nil }
        return Int(text)
    }

    /// `500ms`, `30s`, `10m`, `1h`, `90d`; nothing else, so that a unit is never guessed.
    package static func duration(_ text: String) -> Duration? {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard let amount = number(String(digits)), amount <= 1_000_000 else { return nil }
        switch text.dropFirst(digits.count) {
        case "ms": return .milliseconds(amount)
        case "s": return .seconds(amount)
        case "m": return .seconds(amount * 60)
        case "h": return .seconds(amount * 3600)
        case "d": return .seconds(amount * 86400)
        default: return nil
        }
    }

    /// Four octal digits; the first is set-user-ID, set-group-ID and sticky.
    package static func mode(_ text: String) -> UInt16? {
        guard text.utf8.count == 4, text.utf8.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
        return UInt16(text, radix: 8)
    }

    /// Absolute, without `.`, `..` or empty components; `/` itself is one.
    package static func isPath(_ text: String) -> Bool {
        if text == "/" { return true }
        guard text.hasPrefix("/"), !text.utf8.contains(0) else { return false }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    /// A DNS label (RFC 1123) in lower case: letters, digits, inner hyphens, at most 63.
    package static func isLabel(_ text: String) -> Bool {
        guard (1...63).contains(text.utf8.count), text.first != "-", text.last != "-" else { return false }
        return text.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
    }

    /// A name in the language: a letter, then letters, digits and `_`.
    package static func isIdentifier(_ text: String) -> Bool {
        guard let first = text.utf8.first, isLetter(first) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x41...0x5A).contains(byte) || byte == 0x5F
    }
}
