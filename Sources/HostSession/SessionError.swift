package import Transport

/// Why a session could not begin or cannot go on. After any of these the session is at its end, whatever runs supervised on
/// the host goes on by itself.
package enum SessionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The host's end went away while something was under way. `reason` is the channel's, or how the reader ended.
    case cut(during: String, reason: String)
    case timedOut(waitingFor: String, after: Duration)
    /// sudo's own words.
    case sudoRefused(String)
    /// Neither sudo's nor ours: the login shell's words about what it could not start, and its exit.
    case noShell(String, ExitStatus)
    case protocolViolation(String)
    /// A question's answer went past ``HostSession/answerLimit``.
    case outputTooLong(during: String, limit: Int)
    /// Nothing came for three heartbeats while a supervised step ran: the host hangs, or the way to it is dead.
    case heartbeatLost(during: String)
    /// We ended it: an interrupt, or the task was cancelled.
    case shutDown

    package var description: String {
        switch self {
        case .cut(let work, let reason): "the session was cut during \(work): \(reason)"
        case .timedOut(let name, let allowance): "timed out after \(allowance.components.seconds) s waiting for \(name)"
        case .sudoRefused(let words): "sudo refused: \(words)"
        case .noShell(let words, let status):
            "the host started no shell for us (\(status))" + (words.isEmpty ? "" : ": \(words)")
        case .protocolViolation(let what): what
        case .outputTooLong(let work, let limit): "\(work) answered with more than \(limit >> 20) MiB"
        case .heartbeatLost(let work):
            "no heartbeat for \(HostSession.silenceLimit.components.seconds) s during \(work)"
        case .shutDown: "the session was ended by us"
        }
    }

    package var remedy: String? {
        switch self {
        case .cut: "run again: file steps are atomic, and a supervised step is found and awaited by the next run"
        case .timedOut: "look at the host's load and its disks, then run again"
        case .sudoRefused: "give the login NOPASSWD sudo: `USER ALL=(ALL) NOPASSWD: ALL` in a file below /etc/sudoers.d"
        case .noShell: "the host needs sudo and a POSIX sh; `ssh HOST 'sudo -n sh -c id'` shows what is wrong"
        case .protocolViolation:
            "a profile or a PAM module may write into the session; `ssh HOST true` must print nothing"
        case .outputTooLong: nil
        case .heartbeatLost: "the step goes on until its limit; run again, and the next run awaits it"
        case .shutDown: nil
        }
    }
}
