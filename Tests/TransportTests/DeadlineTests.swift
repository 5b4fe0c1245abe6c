import Testing

@testable import Transport

@Suite struct DeadlineTests {
    @Test func remainingIsRoundedUpAndNeverNegative() {
        let passed = Deadline("past", in: .zero)
        #expect(passed.hasPassed)
        #expect(passed.remainingMilliseconds == 0)
        let soon = Deadline("soon", in: .seconds(5))
        #expect(!soon.hasPassed)
        #expect((4000...5000).contains(soon.remainingMilliseconds))
        #expect(Deadline("never", in: .seconds(100_000_000)).remainingMilliseconds == .max)
    }

    @Test func renamedSharesTheInstant() {
        let whole = Deadline("connection", in: .seconds(5))
        let part = whole.renamed("login")
        #expect(part.instant == whole.instant)
        #expect(part.allowance == whole.allowance)
        #expect(part.description == "login (5 s)")
    }
}
