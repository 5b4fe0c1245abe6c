/// Text for a POSIX shell. Words are quoted by construction, and a ``Secret`` has no way in: a script is visible in
/// the process list of the host, so secrets travel on a step's standard input.
package struct ShellText: Sendable, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
    package private(set) var text: String

    package init(stringLiteral value: String) { text = value }
    /// Text that was written as shell by us or by a recipe's author; not for values.
    package init(script: String) { text = script }

    /// One word that the shell reads back as exactly `value`. `value` holds no NUL.
    package static func word(_ value: String) -> ShellText {
        ShellText(script: quoted(value))
    }
    /// Words separated by blanks.
    package static func words(_ values: some Sequence<String>) -> ShellText {
        ShellText(script: values.map(quoted).joined(separator: " "))
    }

    package static func + (left: ShellText, right: ShellText) -> ShellText {
        ShellText(script: left.text + right.text)
    }
    package static func += (left: inout ShellText, right: ShellText) { left.text += right.text }

    package var description: String { text }

    private static func quoted(_ value: String) -> String {
        let plain = value.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2C, 0x2D, 0x2E, 0x2F, 0x3A, 0x40, 0x5F: true
            default: false
            }
        }
        if plain && !value.isEmpty { return value }
        return String(decoding: SinkEncoding.shell(Array(value.utf8)), as: UTF8.self)
    }
}

extension ShellText: ExpressibleByStringInterpolation {
    /// `"rm -f \(word: path)"` quotes; `\(script: text)` does not.
    package struct StringInterpolation: StringInterpolationProtocol {
        var text = ""
        package init(literalCapacity: Int, interpolationCount: Int) {}
        package mutating func appendLiteral(_ literal: String) { text += literal }
        package mutating func appendInterpolation(word: String) { text += ShellText.word(word).text }
        package mutating func appendInterpolation(words: some Sequence<String>) { text += ShellText.words(words).text }
        package mutating func appendInterpolation(script: ShellText) { text += script.text }
        package mutating func appendInterpolation(_ number: some BinaryInteger) { text += String(number) }
    }
    package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }
}
