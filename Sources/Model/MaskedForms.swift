/// The forms in which programs show a value: as it is, encoded, escaped, quoted, and line by line.
enum MaskedForms {
    static func all(of value: [UInt8]) -> Set<[UInt8]> {
        guard value.count >= Masker.shortest else { return [] }
        var forms = written(value)
        forms.formUnion(base64(value))
        forms.insert(value.flatMap { hexadecimal($0, lowerCase) })
        forms.insert(value.flatMap { hexadecimal($0, upperCase) })
        let lines = value.split { $0 == 0x0A || $0 == 0x0D }.map(Array.init)
        if lines.count > 1 || lines.first?.count != value.count {
            for line in lines where !isArmour(line) { forms.formUnion(written(line)) }
        }
        return forms.filter { $0.count >= Masker.shortest }
    }

    /// A PEM boundary is no secret, and certificates have it too.
    private static func isArmour(_ line: [UInt8]) -> Bool {
        line.starts(with: Array("-----BEGIN ".utf8)) || line.starts(with: Array("-----END ".utf8))
    }

    private static func written(_ value: [UInt8]) -> Set<[UInt8]> {
        var forms: Set<[UInt8]> = [value]
        for encoding in SinkEncoding.allCases where encoding != .shell {
            if let form = encoding.encode(value) { forms.insert(form) }
        }
        // Without the outer quotes, which stay outside of the mark.
        forms.insert(Array(SinkEncoding.shell(value).dropFirst().dropLast()))
        forms.insert(shellDoubleQuoted(value))
        forms.formUnion(shellBackslashed(value))
        forms.insert(sqlBackslashed(value))
        if let text = String(validating: value, as: UTF8.self) {
            forms.formUnion(json(text))
            forms.formUnion(markup(text))
        }
        forms.formUnion(cEscaped(value))
        let url = SinkEncoding.url.encode(value) ?? value
        forms.insert(lowerCaseEscapes(url))
        // application/x-www-form-urlencoded, and clients that leave RFC 3986 sub-delimiters as they are.
        forms.insert(value.flatMap { $0 == 0x20 ? [0x2B] : SinkEncoding.url.encode([$0]) ?? [$0] })
        let kept = Set("!$&'()*+,;=:@/".utf8)
        forms.insert(value.flatMap { kept.contains($0) ? [$0] : SinkEncoding.url.encode([$0]) ?? [$0] })
        forms.insert(value.flatMap { $0 == 0x2F ? [$0] : SinkEncoding.url.encode([$0]) ?? [$0] })
        return forms
    }

    // MARK: Quoting

    private static func backslash(_ value: [UInt8], before special: Set<UInt8>) -> [UInt8] {
        value.flatMap { special.contains($0) ? [0x5C, $0] : [$0] }
    }
    private static func shellDoubleQuoted(_ value: [UInt8]) -> [UInt8] {
        backslash(value, before: Set("\"\\$`".utf8))
    }
    /// What bash's `printf %q` writes for printable text (`#` and `~` only where they would mean something), and the
    /// same with both of them escaped.
    private static func shellBackslashed(_ value: [UInt8]) -> [[UInt8]] {
        let always = Set(" \t!\"$&'()*;<>?[\\]^`{|},".utf8)
        let first = always.union("#~".utf8)
        return [
            backslash(value, before: first),
            backslash(Array(value.prefix(1)), before: first) + backslash(Array(value.dropFirst()), before: always),
        ]
    }
    private static func sqlBackslashed(_ value: [UInt8]) -> [UInt8] { backslash(value, before: Set("'\"\\".utf8)) }

    /// The inside of a JSON string as several writers have it: short escapes, ASCII only (Python), `\/` (PHP).
    private static func json(_ text: String) -> [[UInt8]] {
        func written(asciiOnly: Bool, slash: Bool) -> [UInt8] {
            text.utf16.reduce(into: "") { output, unit in
                switch unit {
                case 0x22: output += "\\\""
                case 0x5C: output += "\\\\"
                case 0x0A: output += "\\n"
                case 0x0D: output += "\\r"
                case 0x09: output += "\\t"
                case 0x2F where slash: output += "\\/"
                case 0..<0x20,
                    0x80... where asciiOnly || unit < 0x20:
                    let digits = String(unit, radix: 16)
                    output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                default: output.unicodeScalars.append(Unicode.Scalar(unit) ?? "?")
                }
            }.utf8.map { $0 }
        }
        let short = JSONValue.text(text).encoded().dropFirst().dropLast()
        return [Array(short), written(asciiOnly: true, slash: false), written(asciiOnly: true, slash: true)]
    }

    private static func markup(_ text: String) -> [[UInt8]] {
        [("&quot;", "&#39;"), ("&quot;", "&#x27;"), ("&#34;", "&#39;"), ("\"", "'"), ("&quot;", "&apos;")].map {
            double, single in
            text.unicodeScalars.reduce(into: "") { output, scalar in
                switch scalar {
                case "&": output += "&amp;"
                case "<": output += "&lt;"
                case ">": output += "&gt;"
                case "\"": output += double
                case "'": output += single
                default: output.unicodeScalars.append(scalar)
                }
            }.utf8.map { $0 }
        }
    }

    /// `repr` of bytes in Python, quoted with `'` or with `"`, and C's form with octal escapes (bash's `$'...'`).
    private static func cEscaped(_ value: [UInt8]) -> [[UInt8]] {
        func octal(_ byte: UInt8) -> [UInt8] { [6, 3, 0].map { 0x30 + (byte >> $0 & 7) } }
        func written(_ quote: UInt8, _ other: (UInt8) -> [UInt8]) -> [UInt8] {
            value.flatMap { byte -> [UInt8] in
                switch byte {
                case quote, 0x5C: [0x5C, byte]
                case 0x0A: Array("\\n".utf8)
                case 0x0D: Array("\\r".utf8)
                case 0x09: Array("\\t".utf8)
                case 0x20..<0x7F: [byte]
                default: [0x5C] + other(byte)
                }
            }
        }
        let (single, double) = (UInt8(ascii: "'"), UInt8(ascii: "\""))
        return [single, double].flatMap { quote in
            [written(quote) { [0x78] + hexadecimal($0, lowerCase) }, written(quote, octal)]
        }
    }

    // MARK: Encodings

    private static let lowerCase = Array("0123456789abcdef".utf8)
    private static let upperCase = Array("0123456789ABCDEF".utf8)

    private static func hexadecimal(_ byte: UInt8, _ digits: [UInt8]) -> [UInt8] {
        [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private static func lowerCaseEscapes(_ url: [UInt8]) -> [UInt8] {
        var output = url
        for index in url.indices where url[index] == 0x25 {
            for digit in [index + 1, index + 2] where (0x41...0x46).contains(url[digit]) { output[digit] += 0x20 }
        }
        return output
    }

    /// Base64 of the value alone (also broken into lines), and what is certain of it inside of a longer text, where the
    /// value starts at one of three places of a group (`user:password` of HTTP's basic authentication).
    private static func base64(_ value: [UInt8]) -> [[UInt8]] {
        var forms: [[UInt8]] = []
        for before in 0...2 {
            let padded = encode([UInt8](repeating: 0, count: before) + value)
            let bits = (before + value.count) * 8
            // Characters that hold a bit of what stands before or after the value are not certain.
            let certain = padded[((before * 8 + 5) / 6)..<(bits / 6)]
            forms.append(Array(certain))
            // With the value at the end of the text the last character is certain too, and then the padding.
            forms.append(Array(padded[((before * 8 + 5) / 6)...]))
            forms.append(Array(padded[((before * 8 + 5) / 6)..<((bits + 5) / 6)]))
        }
        let alone = encode(value)
        // openssl and PEM break at 64, MIME and coreutils at 76.
        for width in [64, 76] where alone.count > width {
            forms += stride(from: 0, to: alone.count, by: width).map { Array(alone[$0..<min($0 + width, alone.count)]) }
        }
        return forms
            + forms.map { form in
                form.map {
                    $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
                }
            }
    }

    private static func encode(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var output: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let number = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
            for place in 0..<4 {
                output.append(place <= group.count ? alphabet[number >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return output
    }
}
