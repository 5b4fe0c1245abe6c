extension SinkEncoding {
    /// `value` in the form that this sink reads back as exactly the same bytes; `nil` if it has no such form
    /// (a line break in INI, bytes that are not UTF-8 where the sink is text).
    package func encode(_ value: [UInt8]) -> [UInt8]? {
        switch self {
        case .raw: return value
        case .properties: return String(validating: value, as: UTF8.self).map(Self.properties)
        case .ini: return Self.ini(value)
        case .sql: return value.contains(0) ? nil : Self.sql(value)
        case .json: return String(validating: value, as: UTF8.self).map(Self.json)
        case .shell: return value.contains(0) ? nil : Self.shell(value)
        case .url: return Self.url(value)
        case .optionFile: return value.contains(0) ? nil : Self.optionFile(value)
        case .quotedINI: return value.allSatisfy { (0x20...0x7E).contains($0) } ? value : nil
        }
    }

    /// java.util.Properties.load (Java SE 17): `\` escapes; leading white space of a value is skipped; characters
    /// outside printable ASCII are written as `\uXXXX` in UTF-16, because the stream form reads ISO 8859-1.
    private static func properties(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        var leading = true
        for unit in text.utf16 {
            switch unit {
            case 0x5C: output += Array("\\\\".utf8)
            case 0x0A: output += Array("\\n".utf8)
            case 0x0D: output += Array("\\r".utf8)
            case 0x09: output += Array("\\t".utf8)
            case 0x0C: output += Array("\\f".utf8)
            case 0x20 where leading: output += Array("\\ ".utf8)
            case 0x20...0x7E: output.append(UInt8(unit))
            default:
                let digits = String(unit, radix: 16, uppercase: true)
                output += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
            }
            leading = leading && unit == 0x20
        }
        return output
    }

    /// RawConfigParser strips a value's outer white space and has no escape for a line break, so such values have no form.
    private static func ini(_ value: [UInt8]) -> [UInt8]? {
        let blanks: Set<UInt8> = [0x20, 0x09]
        if value.contains(where: { $0 == 0x0A || $0 == 0x0D || $0 == 0 }) { return nil }
        if let first = value.first, let last = value.last, blanks.contains(first) || blanks.contains(last) {
            return nil
        }
        return value
    }

    /// Both `''` and `\\` are right in MySQL's and MariaDB's default SQL mode (not under NO_BACKSLASH_ESCAPES).
    private static func sql(_ value: [UInt8]) -> [UInt8] {
        value.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x27: [0x27, 0x27]
            case 0x5C: [0x5C, 0x5C]
            default: [byte]
            }
        }
    }

    /// mysys/my_default.c: `\` escapes, inside of quotes too, and only there `#` begins no comment.
    private static func optionFile(_ value: [UInt8]) -> [UInt8] {
        value.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x22, 0x5C: [0x5C, byte]
            case 0x0A: Array("\\n".utf8)
            case 0x0D: Array("\\r".utf8)
            case 0x09: Array("\\t".utf8)
            default: [byte]
            }
        }
    }

    private static func json(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": output += Array("\\\"".utf8)
            case "\\": output += Array("\\\\".utf8)
            case "\u{0}"..."\u{1F}", "\u{7F}":
                let digits = String(scalar.value, radix: 16)
                output += Array(("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).utf8)
            default: output += Array(String(scalar).utf8)
            }
        }
        return output
    }

    static func shell(_ value: [UInt8]) -> [UInt8] {
        var output: [UInt8] = [0x27]
        for byte in value {
            if byte == 0x27 { output += Array("'\\''".utf8) } else { output.append(byte) }
        }
        return output + [0x27]
    }

    private static func url(_ value: [UInt8]) -> [UInt8] {
        let hexadecimal = Array("0123456789ABCDEF".utf8)
        return value.flatMap { byte -> [UInt8] in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: [byte]
            default: [0x25, hexadecimal[Int(byte >> 4)], hexadecimal[Int(byte & 15)]]
            }
        }
    }
}
