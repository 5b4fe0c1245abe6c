package import Model
package import RemoteProtocol
package import Transport

/// What became of a supervised step.
package struct SupervisedAnswer: Sendable, Hashable {
    /// `nil` = it could not be started; `answer.errors` says why, and nothing of it is left.
    package var end: SupervisedEnd?
    /// The first and the last 64 KiB of each stream; the status as a shell would give it.
    package var answer: HostAnswer
}

extension HostSession {
    /// Runs one step as a unit of the host's own (see ``SupervisionScript``), follows its output, and returns when nothing
    /// of it runs any more.
    ///
    /// If this session dies meanwhile the step goes on to its end or its limit. Its files stay on the host until the next
    /// supervised step, ``collect(_:by:)`` or ``close()``, so that a controller that dies before it has written down the
    /// end finds it again.
    package func supervise(
        _ script: ShellText, input: [UInt8] = [], as id: SupervisedID, summary: String, limit: Duration,
        output: (StreamPart) -> Void = { _ in }
    ) async throws(SessionError) -> SupervisedAnswer {
        guard id.isSafe else { throw .protocolViolation("\(id) is no name for a unit") }
        let deadline = Deadline(summary, in: limit + Self.supervisionGrace)
        try await collectFinished(by: deadline)
        let supervision = SupervisionScript(id: id, hasSystemd: facts.hasSystemd)
        let start = supervision.start(
            script, summary: summary, limit: limit.wholeSeconds, hasInput: !input.isEmpty, ticket: ticket)
        return try await follow(
            .supervision(start, input: input), id: id, during: summary, by: deadline, output: output)
    }

    /// Waits for a step that an earlier session started, and gives its whole output; at once if it has ended. May be called
    /// again, also after an error in a new session.
    package func await(
        _ leftover: Leftover, output: (StreamPart) -> Void = { _ in }
    ) async throws(SessionError) -> SupervisedAnswer {
        guard leftover.id.isSafe else { throw .protocolViolation("\(leftover.id) is no name for a unit") }
        let deadline = Deadline(
            "the end of \(leftover.id)", in: .seconds(leftover.limit) + Self.supervisionGrace)
        let script = SupervisionScript(id: leftover.id, hasSystemd: facts.hasSystemd).resume
        return try await follow(
            .supervision(script, input: []), id: leftover.id, during: leftover.summary, by: deadline, output: output)
    }

    /// Ends a step of an earlier session at once; ``await(_:output:)`` then gives its status.
    package func stop(_ leftover: Leftover, by deadline: Deadline) async throws(SessionError) {
        guard leftover.id.isSafe else { throw .protocolViolation("\(leftover.id) is no name for a unit") }
        let script = SupervisionScript(id: leftover.id, hasSystemd: facts.hasSystemd).stop
        _ = try await exchange(.questions(script), during: "ending \(leftover.id)", by: deadline) { _ in }
    }

    /// Removes the files of a step that has ended. No error if there are none.
    package func collect(_ id: SupervisedID, by deadline: Deadline) async throws(SessionError) {
        guard id.isSafe else { return }
        finished.removeAll { $0 == id }
        let script = SupervisionScript(id: id, hasSystemd: facts.hasSystemd).collect
        _ = try await exchange(.questions(script), during: "collecting \(id)", by: deadline) { _ in }
    }

    /// All that ended in this session, in one frame; none if there is nothing.
    func collectFinished(by deadline: Deadline) async throws(SessionError) {
        guard !finished.isEmpty else { return }
        let script = finished.reduce("" as ShellText) {
            $0 + SupervisionScript(id: $1, hasSystemd: facts.hasSystemd).collect
        }
        finished = []
        _ = try await exchange(.questions(script), during: "collecting finished steps", by: deadline) { _ in }
    }

    /// Start, TERM and KILL after the limit, and a slow host.
    private static let supervisionGrace = Duration.seconds(30)

    private func follow(
        _ frame: Frame, id: SupervisedID, during summary: String, by deadline: Deadline, output: (StreamPart) -> Void
    ) async throws(SessionError) -> SupervisedAnswer {
        var kept = BoundedOutput()
        var errors = BoundedOutput()
        var end: SupervisedEnd?
        let status = try await exchange(frame, during: summary, by: deadline, silence: Self.silenceLimit) {
            part throws(SessionError) in
            switch part {
            case .output(let bytes):
                kept.append(bytes)
                output(.output(bytes))
            case .errorOutput(let bytes):
                errors.append(bytes)
                output(.errorOutput(bytes))
            case .marker(let marker, let onOutput):
                switch marker.kind {
                case .beat: if onOutput { output(.beat) }
                case .done: end = SupervisedEnd(result: marker.first, detail: marker.second)
                case .begin, .part, .end:
                    throw .protocolViolation("the host sent \(marker.kind.rawValue) in the middle of a step")
                }
            }
        }
        if end != nil { finished.append(id) }
        return SupervisedAnswer(
            end: end, answer: HostAnswer(output: kept.bytes, errors: errors.bytes, status: end?.status ?? status))
    }
}
