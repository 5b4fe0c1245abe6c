internal import HostSession
internal import Model
internal import RemoteProtocol
internal import SSH
internal import Synchronization
internal import Transport

/// A host's session as the engine uses it, with the connection below it.
final class SessionLink: HostLink {
    private let session: HostSession
    private let connection: SSHConnection?

    init(_ session: HostSession, over connection: SSHConnection?) {
        self.session = session
        self.connection = connection
    }

    var facts: HostFacts { session.facts }
    var hostKey: String? { get async { await connection?.hostKeyFingerprint } }

    func ask(_ questions: [HostQuestion], by deadline: Deadline) async throws(HostFailure) -> [HostAnswer] {
        do throws(SessionError) { return try await session.ask(questions, by: deadline) } catch {
            throw HostFailure(error)
        }
    }

    func run(
        _ step: HostStep, input: [UInt8], name: String, output: @escaping @Sendable ([UInt8]) -> Void
    ) async throws(HostFailure) -> HostAnswer {
        let sink: (StreamPart) -> Void = { part in
            switch part {
            case .output(let bytes), .errorOutput(let bytes): output(bytes)
            case .beat: break
            }
        }
        do throws(SessionError) {
            guard step.isSupervised else {
                return try await session.run(
                    step.script, input: input, summary: step.summary, limit: step.limit,
                    by: Deadline(step.summary, in: step.limit + .seconds(15)), output: sink)
            }
            let answer = try await session.supervise(
                step.script, input: input, as: SupervisedID(name), summary: step.summary, limit: step.limit,
                output: sink)
            return Self.explained(answer, limit: step.limit)
        } catch {
            throw HostFailure(error)
        }
    }

    /// The status alone does not say why a unit was ended.
    private static func explained(_ supervised: SupervisedAnswer, limit: Duration) -> HostAnswer {
        var answer = supervised.answer
        switch supervised.end {
        case .exited?: break
        case nil: answer.errors += Array("\nit could not be started\n".utf8)
        case .limitPassed?:
            answer.errors += Array("\nended because its time limit of \(limit.components.seconds) s had passed\n".utf8)
        case let end?: answer.errors += Array("\n\(end)\n".utf8)
        }
        if supervised.end == nil, answer.status == 0 { answer.status = 70 }
        return answer
    }

    /// Two beats.
    private static let patienceWithTheDead = Duration.seconds(2)
    /// Spent once a session: who still holds the lock after that lives.
    private let hasBeenPatient = Atomic(false)

    func takeLock(
        _ ticket: LockTicket, progress: @escaping @Sendable (String) -> Void
    ) async throws(HostFailure) -> LockHolder? {
        let start = ContinuousClock.now
        do throws(SessionError) {
            while true {
                switch try await session.takeLock(ticket, by: Deadline("the lock", in: .seconds(15))) {
                case .taken:
                    for leftover in session.leftovers where leftover.ticket?.run != ticket.run {
                        try await session.collect(leftover.id, by: Deadline("collecting leftovers", in: .seconds(15)))
                    }
                    return nil
                case .heldBySession(let holder):
                    // A dead controller's reader follows its step and notices at the next beat, a second later.
                    let mayBeDead = session.leftovers.contains { $0.id.run == holder?.run }
                    let isPatient = start.duration(to: .now) < Self.patienceWithTheDead
                    guard mayBeDead, isPatient, !hasBeenPatient.load(ordering: .relaxed) else {
                        hasBeenPatient.store(true, ordering: .relaxed)
                        return LockHolder(holder?.description ?? "a run that has just begun")
                    }
                    progress("waiting for a run that may be dead")
                    try? await Task.sleep(for: .milliseconds(200))
                case .heldBySteps(let steps):
                    // Its controller is gone, so nobody but us waits for it; cutting it off would leave it half-way.
                    for step in steps {
                        progress("waiting for \(step.summary) of the dead run \(step.id.run)")
                        _ = try await session.await(step)
                    }
                }
            }
        } catch {
            throw HostFailure(error)
        }
    }

    func releaseLock() async {
        try? await session.releaseLock(by: Deadline("giving the lock back", in: .seconds(5)))
    }

    func breakLock(_ ticket: LockTicket) async throws(HostFailure) -> LockHolder? {
        do throws(SessionError) {
            return try await session.breakLock(as: ticket, by: Deadline("breaking the lock", in: .seconds(15)))
                .map { LockHolder($0.description) }
        } catch {
            throw HostFailure(error)
        }
    }

    var leftovers: [String] {
        session.leftovers.map { step in
            "\(step.summary) of the dead run \(step.id.run) \(step.end == nil ? "may still be at work" : "was not collected")"
        }
    }

    var lockHolder: LockHolder? { session.lockHolder.map { LockHolder($0.description) } }

    func shutdown() {
        session.shutdown()
        connection?.shutdown()
    }

    func close() async {
        await session.close()
        await connection?.close()
    }
}

extension HostFailure {
    init(_ error: SessionError) {
        let outcome: Outcome =
            switch error {
            case .cut, .timedOut, .heartbeatLost: .unreachable
            case .sudoRefused, .noShell, .protocolViolation, .outputTooLong: .failed
            case .shutDown: .interrupted
            }
        self.init(outcome, error.description, remedy: error.remedy)
        stage = ContactStage(error)
    }

    init(_ error: SSHError) {
        let outcome: Outcome =
            switch error.category {
            case .unreachable: .unreachable
            case .untrusted: .refused
            // Found before a connection where it can be; an agent that fails in the middle leaves the host unreachable.
            case .credentials: .unreachable
            case .interrupted: .interrupted
            }
        self.init(outcome, error.description, remedy: error.remedy)
        stage = ContactStage(error)
    }
}
