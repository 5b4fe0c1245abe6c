package import Model
package import Transport

/// What the engine needs of a host's session. One implementation stands on ``HostSession``; unit tests bring their own,
/// which fails unless it was told what to answer.
package protocol HostLink: Sendable {
    var facts: HostFacts { get }

    /// Read-only questions, all in one frame.
    func ask(_ questions: [HostQuestion], by deadline: Deadline) async throws(HostFailure) -> [HostAnswer]

    /// Runs a step to its end. `input` holds the step's bound standard input. Output comes live, unmasked.
    func run(
        _ step: HostStep, input: [UInt8], name: String, output: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(HostFailure) -> HostAnswer

    /// `nil` = taken. Waits for a dead run's supervised step to end, as long as that step may last.
    func takeLock(_ ticket: LockTicket, progress: @escaping @Sendable (String) -> Void) async throws(HostFailure)
        -> LockHolder?
    func releaseLock() async

    /// Steps of dead runs that were found here, as an operator reads them: still at work, or ended and not collected.
    var leftovers: [String] { get }
    /// The fingerprint of the key that the host proved to hold; `nil` where no SSH leads to it.
    var hostKey: String? { get async }
    /// Who held the lock when the session began.
    var lockHolder: LockHolder? { get }
    /// Ends the holder and gives its name; its run fails, and what it did half is put right by the next run.
    func breakLock(_ ticket: LockTicket) async throws(HostFailure) -> LockHolder?

    /// Ends every wait at once.
    func shutdown()
    func close() async
}

extension HostLink {
    package var hostKey: String? { get async { nil } }
    package var leftovers: [String] { [] }
}

/// Who holds a lock that we want.
package struct LockHolder: Sendable, Hashable, CustomStringConvertible {
    package var description: String
    package init(_ description: String) { self.description = description }
}

/// Why a host could not be asked or changed, as the operator is told.
package struct HostFailure: Error, Sendable, Hashable {
    package var outcome: Outcome
    /// One phrase: what happened.
    package var reason: String
    /// What to do next.
    package var remedy: String?
    /// The end of what the failed step printed, masked.
    package var tail: String?
    /// How far the way to the host went, where that is known.
    package var stage: ContactStage?

    package init(_ outcome: Outcome, _ reason: String, remedy: String? = nil, tail: String? = nil) {
        self.tail = tail
        self.outcome = outcome
        self.reason = reason
        self.remedy = remedy
    }

    package var ending: Ending { Ending(outcome, reason + (remedy.map { "; \($0)" } ?? "")) }
}
