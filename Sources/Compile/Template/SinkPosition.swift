internal import Model

/// Whether a text written with an encoding stands where that encoding is right: the inside of a JSON string or of an SQL
/// literal, and a shell word outside of all quotes. Elsewhere its value would be read as something else.
struct SinkPosition {
    private let encoding: SinkEncoding?
    private var shell = ShellQuoting()
    private var state = State.outside
    private var isEscaped = false
    private var previous: UInt8 = 0x0A

    private enum State { case outside, inside, line, block }

    init(_ encoding: SinkEncoding?) { self.encoding = encoding }

    /// What is wrong with a text here, and what would be right; `nil` = nothing.
    var objection: (message: String, remedy: String)? {
        switch encoding {
        case .json where state != .inside:
            (
                "a JSON text stands outside of double quotes",
                "write \"{{ … }}\", or {{ … | raw }} for what is JSON itself"
            )
        case .sql where state != .inside:
            ("an SQL text stands outside of single quotes", "write '{{ … }}', or {{ … | raw }} for a name or a number")
        case .shell where !shell.isOutside:
            (
                "a shell word stands inside quotes or behind <<",
                "close the quotes before it: encoding shell writes its own; or {{ … | raw }}"
            )
        default: nil
        }
    }

    mutating func read(_ bytes: ArraySlice<UInt8>) {
        switch encoding {
        case .shell: shell.read(bytes)
        case .json: for byte in bytes { readJSON(byte) }
        case .sql: for byte in bytes { readSQL(byte) }
        default: break
        }
    }

    private mutating func readJSON(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == 0x5C, state == .inside {
            isEscaped = true
        } else if byte == 0x22 {
            state = state == .inside ? .outside : .inside
        }
    }

    /// A doubled quote inside closes and opens again.
    private mutating func readSQL(_ byte: UInt8) {
        defer { previous = byte }
        if isEscaped {
            isEscaped = false
            return
        }
        switch (state, byte) {
        case (.inside, 0x5C): isEscaped = true
        case (.inside, 0x27): state = .outside
        case (.outside, 0x27): state = .inside
        case (.outside, 0x2D) where previous == 0x2D, (.outside, 0x23): state = .line
        case (.outside, 0x2A) where previous == 0x2F: state = .block
        case (.line, 0x0A),
            (.block, 0x2F) where state == .line || previous == 0x2A:
            state = .outside
        default: break
        }
    }
}
