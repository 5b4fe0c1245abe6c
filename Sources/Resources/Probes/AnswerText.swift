internal import Model

// Answers are split as bytes: to Swift's characters CR LF is one, and a combining mark hides the separator before it.

extension HostAnswer {
    /// Only whole lines: what follows the last line break was cut off, and half a number is another number.
    var outputLines: [String] { output.pieces(0x0A).dropLast().filter { !$0.isEmpty } }
    /// What stands between the lines `begin` and `end`, again and again; what follows the last `end` was cut off.
    var blocks: [[String]] {
        var blocks: [[String]] = []
        var block: [String] = []
        for line in outputLines {
            switch line {
            case "begin": block = []
            case "end":
                blocks.append(block)
                block = []
            default: block.append(line)
            }
        }
        return blocks
    }
    var errorLines: [String] { errors.pieces(0x0A).filter { !$0.isEmpty } }
}

extension ProbeBatch {
    /// What was found for each argument, in their order; those that the answer does not reach any more are unknown.
    static func keyed(_ arguments: [String], _ found: [Observation]) -> [String: Observation] {
        Dictionary(
            arguments.enumerated().map { index, argument in
                (argument, index < found.count ? found[index] : .unknown(reason: "the answer is not complete"))
            }, uniquingKeysWith: { first, _ in first })
    }
}

extension Collection<UInt8> {
    /// Pieces between separators, empty ones too.
    func pieces(_ separator: UInt8) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    }
}

extension String {
    /// Columns between tabs, colons or commas, empty ones too.
    func columns(_ separator: Unicode.Scalar) -> [String] { utf8.pieces(UInt8(ascii: separator)) }

    /// Without white space at both ends.
    var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
