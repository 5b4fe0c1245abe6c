/// Text that came from elsewhere (a host's output, a file's content, a name on a disk), made safe to print: a terminal
/// obeys control characters, and whoever writes a host's file must not write the operator's screen.
package enum TerminalText {
    /// Controls, separators of lines, and what turns the direction of text, as `\u{1b}`. Tabs stay, and so does everything
    /// that is only unusual.
    package static func harmless(_ text: some StringProtocol) -> String {
        guard text.unicodeScalars.contains(where: isHarmful) else { return String(text) }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if isHarmful(scalar) {
                result += shown(scalar).unicodeScalars
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }

    /// The same for text of several lines, each by itself; `\r\n` ends a line as `\n` does.
    package static func harmlessLines(_ text: some StringProtocol) -> [String] {
        String(text).unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            harmless(String(line.last == "\r" ? line.dropLast() : line))
        }
    }

    private static func shown(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": "\\n"
        case "\r": "\\r"
        default: "\\u{\(String(scalar.value, radix: 16))}"
        }
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09: false
        // C0, DEL, C1: U+009B is an escape sequence's beginning in one character.
        case 0..<0x20, 0x7F..<0xA0: true
        // Marks, embeddings, overrides and isolates of direction; line and paragraph separator; byte order mark.
        case 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }
}
