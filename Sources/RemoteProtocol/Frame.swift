package import Model

/// One request to the reader. The next one is sent only after the answer to this one has come whole.
package enum Frame: Sendable, Hashable {
    /// Read-only, in a subshell, without input.
    case questions(ShellText)
    /// In a shell of its own, ended with everything it started after `limit` seconds (status 137).
    case step(ShellText, input: [UInt8], limit: Int)
    /// A script of ours that starts or follows a supervised step.
    case supervision(ShellText, input: [UInt8])
    /// In the reader's own shell, whose descriptor 9 is the lock.
    case own(ShellText)

    /// A step's script travels as one argument on the host, and Linux takes 131072 bytes with the NUL for one
    /// (MAX_ARG_STRLEN in execve(2)). What is longer belongs into the input.
    package static let longestStepScript = 131_000

    package func bytes(boundary: String) throws(ProtocolError) -> [UInt8] {
        let (kind, script, input, limit) = parts
        // A command substitution takes the script up and drops final line breaks: a comment keeps them.
        let body = Array(script.text.utf8) + Array("\n#".utf8)
        if body.contains(0) { throw .unsendable("the script holds a NUL") }
        if case .step = self, body.count > Self.longestStepScript {
            throw .unsendable("the script is longer than \(Self.longestStepScript) bytes")
        }
        var bytes = Array("\(kind) \(body.count) \(input.count) \(limit)\n".utf8)
        bytes.reserveCapacity(bytes.count + body.count + input.count + 64)
        bytes += body
        if !input.isEmpty { bytes += input + Array("\n\(boundary)\n".utf8) }
        return bytes
    }

    private var parts: (kind: String, script: ShellText, input: [UInt8], limit: Int) {
        switch self {
        case .questions(let script): ("Q", script, [], 0)
        case .step(let script, let input, let limit): ("S", script, input, max(1, limit))
        case .supervision(let script, let input): ("U", script, input, 0)
        case .own(let script): ("E", script, [], 0)
        }
    }
}
