/// A started remote command as three byte streams and an end: what SSH gives for an exec channel, and what a local
/// process gives. One reader and one writer at a time.
package protocol ByteChannel: Sendable {
    /// Returns when all bytes were handed over. Waits for the window or pipe to open, at most until the deadline.
    func send(_ bytes: [UInt8], by deadline: Deadline) async throws(ChannelError)

    /// The next bytes, or the end of the command. After `.end` it is not called again.
    func receive(by deadline: Deadline) async throws(ChannelError) -> ChannelEvent

    /// No more input for the command; it reads an end of file.
    func finishSending(by deadline: Deadline) async throws(ChannelError)

    /// Ends every wait in it at once, from any thread. Frees nothing: the owner still calls `close`.
    func shutdown()

    /// Frees it. Called once, by the owner, after its last call has returned.
    func close() async
}

package enum ChannelEvent: Sendable, Equatable {
    case output([UInt8])
    case errorOutput([UInt8])
    case end(ExitStatus)
}

package enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
    case exited(Int32)
    /// The name without SIG, as SSH's exit-signal has it: `KILL`.
    case signalled(String)
    /// The channel closed without saying (RFC 4254 6.10 makes both messages optional).
    case unknown

    package var description: String {
        switch self {
        case .exited(let code): "exit status \(code)"
        case .signalled(let name): "signal \(name)"
        case .unknown: "no exit status"
        }
    }
}

/// Why a channel gave up. `shutdown` was ours; `cut` was not.
package enum ChannelError: Error, Sendable, Equatable, CustomStringConvertible {
    case timedOut(waitingFor: String, after: Duration)
    case cut(String)
    case wasShutDown

    package var description: String {
        switch self {
        case .timedOut(let name, let allowance): "timed out after \(allowance.components.seconds) s waiting for \(name)"
        case .cut(let reason): "connection cut: \(reason)"
        case .wasShutDown: "connection ended by us"
        }
    }
}
