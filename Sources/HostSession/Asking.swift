package import Model
internal import RemoteProtocol
package import Transport

extension HostSession {
    /// Asks many read-only questions in one frame. Answers come in the order of the questions.
    ///
    /// A question whose script exits or cannot be parsed gets the shell's status and words, and those after it are asked
    /// in a further frame: each costs a round trip, so guards that may exit belong into a `( )` or a shell of their own.
    package func ask(_ questions: [HostQuestion], by deadline: Deadline) async throws(SessionError) -> [HostAnswer] {
        var answers: [HostAnswer] = []
        while answers.count < questions.count {
            let rest = questions.dropFirst(answers.count)
            var outputs = AnswerParts(count: rest.count)
            var errors = AnswerParts(count: rest.count)
            var total = 0
            let status = try await exchange(
                .questions(QuestionScript.text(rest)), during: "the observation", by: deadline
            ) { part throws(SessionError) in
                switch part {
                case .output(let bytes):
                    total += bytes.count
                    outputs.append(bytes)
                case .errorOutput(let bytes):
                    total += bytes.count
                    errors.append(bytes)
                case .marker(let marker, let onOutput):
                    if onOutput { try outputs.end(marker) } else { try errors.end(marker) }
                }
                if total > Self.answerLimit {
                    throw .outputTooLong(during: "the observation", limit: Self.answerLimit)
                }
            }
            let answered = min(outputs.statuses.count, errors.statuses.count)
            for index in 0..<answered {
                answers.append(
                    HostAnswer(
                        output: outputs.parts[index], errors: errors.parts[index], status: outputs.statuses[index]))
            }
            if answered < rest.count {
                answers.append(
                    HostAnswer(output: outputs.parts[answered], errors: errors.parts[answered], status: status))
            }
        }
        return answers
    }
}

/// One stream of a frame of questions, cut into their parts.
private struct AnswerParts {
    var parts: [[UInt8]]
    var statuses: [Int32] = []

    init(count: Int) { parts = Array(repeating: [], count: count + 1) }

    mutating func append(_ bytes: [UInt8]) { parts[statuses.count] += bytes }

    mutating func end(_ marker: Marker) throws(SessionError) {
        let (index, status) = try SessionError.mapping { () throws(ProtocolError) in try marker.numbers() }
        guard marker.kind == .part, index == statuses.count, index < parts.count - 1 else {
            throw .protocolViolation("the host ended part \(index) and not \(statuses.count)")
        }
        statuses.append(status)
    }
}
