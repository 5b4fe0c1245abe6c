/// Whether the end of a piece of shell stands outside all quotes. It knows quotes, backslashes and comments; here
/// documents it does not, and so counts everything behind `<<` as inside.
struct ShellQuoting {
    private enum State { case outside, single, double, comment }
    private var state = State.outside
    private var isEscaped = false
    private var previous: UInt8 = 0x20
    private var hasHereDocument = false

    var isOutside: Bool { state == .outside && !isEscaped && !hasHereDocument }

    mutating func read(_ bytes: ArraySlice<UInt8>) {
        for byte in bytes {
            defer { previous = byte }
            if isEscaped {
                isEscaped = false
                continue
            }
            switch (state, byte) {
            case (.outside, 0x5C), (.double, 0x5C): isEscaped = true
            case (.outside, 0x27): state = .single
            case (.outside, 0x22): state = .double
            case (.outside, 0x23) where [0x20, 0x09, 0x0A, 0x3B].contains(previous): state = .comment
            case (.outside, 0x3C) where previous == 0x3C: hasHereDocument = true
            case (.single, 0x27), (.double, 0x22): state = .outside
            case (.comment, 0x0A): state = .outside
            default: break
            }
        }
    }
}
