package import Model
internal import RemoteProtocol
package import Transport

/// Output of a step as it comes, for whoever shows it live.
package enum StreamPart: Sendable, Hashable {
    case output([UInt8])
    case errorOutput([UInt8])
    /// The step is still at work, and has nothing to say.
    case beat
}

extension HostSession {
    /// Runs one step that is short: in a shell of its own, with `input` complete on its standard input before it begins.
    ///
    /// The host itself ends it after `limit` (status 137), or at the deadline if none is given; so nothing of it outlives a
    /// dead session for long. Of each stream the answer keeps the first and the last 64 KiB. Status 74 with our words
    /// in `errors` means that the host could not store the input (a full disk); the step has not begun then.
    package func run(
        _ script: ShellText, input: [UInt8] = [], summary: String = "a step", limit: Duration? = nil,
        by deadline: Deadline, output: (StreamPart) -> Void = { _ in }
    ) async throws(SessionError) -> HostAnswer {
        var kept = BoundedOutput()
        var errors = BoundedOutput()
        let seconds = (limit ?? deadline.remaining).wholeSeconds
        let status = try await exchange(
            .step(script, input: input, limit: seconds), during: summary, by: deadline
        ) { part throws(SessionError) in
            switch part {
            case .output(let bytes):
                kept.append(bytes)
                output(.output(bytes))
            case .errorOutput(let bytes):
                errors.append(bytes)
                output(.errorOutput(bytes))
            case .marker(let marker, _):
                throw .protocolViolation("the host sent \(marker.kind.rawValue) in the middle of a step")
            }
        }
        return HostAnswer(output: kept.bytes, errors: errors.bytes, status: status)
    }
}

extension Duration {
    /// Rounded up, at least 1.
    var wholeSeconds: Int {
        let (seconds, attoseconds) = components
        return max(1, Int(clamping: attoseconds > 0 ? seconds + 1 : seconds))
    }
}
