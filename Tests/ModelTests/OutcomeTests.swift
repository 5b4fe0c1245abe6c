import Model
import Testing

@Suite("Outcomes")
struct OutcomeTests {
    @Test(
        "have the exit codes and words of the contract",
        arguments: [
            (Outcome.unchanged, 0, "unchanged"), (.changed, 0, "changed"), (.wouldChange, 2, "would-change"),
            (.failed, 3, "failed"), (.rolledBack, 3, "rolled-back"), (.unreachable, 4, "unreachable"),
            (.locked, 5, "refused"), (.refused, 6, "refused"), (.interrupted, 130, "interrupted"),
            (.notAttempted, 0, "not-attempted"),
        ] as [(Outcome, Int32, String)])
    func codes(outcome: Outcome, code: Int32, word: String) {
        #expect(outcome.exitCode == code)
        #expect(outcome.word == word)
    }

    @Test("there is no other")
    func complete() { #expect(Outcome.allCases.count == 10) }

    /// Worst first, as the contract has it.
    static let order: [Int32] = [130, 3, 6, 4, 5, 2, 0]

    @Test("the worst of two decides, in whatever order they come", arguments: Outcome.allCases, Outcome.allCases)
    func precedence(left: Outcome, right: Outcome) throws {
        let worst = Outcome.worst(of: [left, right])
        #expect(worst == left || worst == right)
        #expect(worst == Outcome.worst(of: [right, left]))
        let ranks = try [left, right].map { try #require(Self.order.firstIndex(of: $0.exitCode)) }
        #expect(worst.exitCode == Self.order[ranks.min() ?? 0])
    }

    @Test("a host that was changed makes the run changed; one that was not attempted does not make it unchanged")
    func harmless() {
        #expect(Outcome.worst(of: [.unchanged, .changed, .unchanged]) == .changed)
        #expect(Outcome.worst(of: [.unchanged, .notAttempted]) == .notAttempted)
        #expect(Outcome.worst(of: []) == .unchanged)
    }
}
