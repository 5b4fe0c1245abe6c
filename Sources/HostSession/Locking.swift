package import Model
package import RemoteProtocol
package import Transport

/// What came of asking for a host's lock.
package enum LockOutcome: Sendable, Hashable {
    case taken
    /// A session of another run lives and holds it. The ticket is `nil` in the moment before its holder has written it.
    case heldBySession(LockTicket?)
    /// No session, but supervised steps of other runs are still at work; their tickets say whose.
    case heldBySteps([Leftover])

    /// Who stands in the way, if anybody is known.
    package var holder: LockTicket? {
        switch self {
        case .taken: nil
        case .heldBySession(let ticket): ticket
        case .heldBySteps(let steps): steps.lazy.compactMap(\.ticket).first
        }
    }
}

extension HostSession {
    /// Takes the host's lock for the life of this session, or says who has it; never waits for it.
    ///
    /// A session of the same run that still holds it is our own, and its connection dead: its reader is ended and the lock
    /// taken over. Steps of the same run do not stand in the way.
    package func takeLock(_ ticket: LockTicket, by deadline: Deadline) async throws(SessionError) -> LockOutcome {
        if self.ticket == ticket { return .taken }
        guard SupervisedID(ticket.run.rawValue).isSafe else { throw .protocolViolation("\(ticket.run) is no run id") }
        var hasBroken = false
        while true {
            let answer = try await own(
                LockScript.take(ticket, hasSystemd: facts.hasSystemd), "taking the lock", deadline)
            switch LockAnswer(answer) {
            case .taken:
                self.ticket = ticket
                return .taken
            case .heldBySession(let holder?, let pid?) where holder.run == ticket.run && !hasBroken:
                hasBroken = true
                try await end(pid: pid, by: deadline)
            case .heldBySession(let holder, _): return .heldBySession(holder)
            case .heldBySteps(let steps): return .heldBySteps(steps)
            case .failed:
                throw fail(.protocolViolation("the lock file cannot be opened: \(answer.errorText)"))
            }
        }
    }

    /// Gives the lock back before the session ends. No error if it was not held.
    package func releaseLock(by deadline: Deadline) async throws(SessionError) {
        guard ticket != nil else { return }
        _ = try await own(LockScript.release, "giving the lock back", deadline)
        ticket = nil
    }

    /// For `unlock HOST`: ends the session that holds the lock, and gives its ticket. Its controller sees a cut; the step
    /// that it has under way ends by itself. Supervised steps are not ended: they are ``leftovers``, to be awaited
    /// or ended with ``stop(_:by:)``. `nil` = no session held it.
    package func breakLock(as ticket: LockTicket, by deadline: Deadline) async throws(SessionError) -> LockTicket? {
        let answer = LockAnswer(
            try await own(LockScript.take(ticket, hasSystemd: facts.hasSystemd), "looking at the lock", deadline))
        if case .taken = answer {
            _ = try await own(LockScript.release, "giving the lock back", deadline)
            return nil
        }
        guard case .heldBySession(let holder, let pid?) = answer else { return nil }
        try await end(pid: pid, by: deadline)
        return holder
    }

    private func end(pid: Int, by deadline: Deadline) async throws(SessionError) {
        _ = try await exchange(.questions(LockScript.break(pid: pid)), during: "breaking the lock", by: deadline) { _ in
        }
    }

    /// A short script in the reader's own shell.
    private func own(_ script: ShellText, _ work: String, _ deadline: Deadline) async throws(SessionError) -> HostAnswer
    {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        let status = try await exchange(.own(script), during: work, by: deadline) { part throws(SessionError) in
            switch part {
            case .output(let bytes): output += bytes
            case .errorOutput(let bytes): errors += bytes
            case .marker: throw .protocolViolation("a marker in the middle of \(work)")
            }
        }
        return HostAnswer(output: output, errors: errors, status: status)
    }
}
