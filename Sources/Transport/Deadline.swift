/// A point in time with a name, so that whoever waits past it can say what was waited for.
package struct Deadline: Sendable, CustomStringConvertible {
    /// What is waited for, as it stands in messages: `login`, `answer to the observation`.
    package let name: String
    package let instant: ContinuousClock.Instant
    /// How long the wait was allowed to be when it began; for messages.
    package let allowance: Duration

    package init(_ name: String, in allowance: Duration) {
        self.name = name
        self.allowance = allowance
        self.instant = ContinuousClock.now.advanced(by: allowance)
    }

    private init(_ name: String, at instant: ContinuousClock.Instant, allowance: Duration) {
        self.name = name
        self.instant = instant
        self.allowance = allowance
    }

    /// The same point in time under another name: one allowance that several phases share.
    package func renamed(_ name: String) -> Deadline { Deadline(name, at: instant, allowance: allowance) }

    package var remaining: Duration { ContinuousClock.now.duration(to: instant) }
    package var hasPassed: Bool { remaining <= .zero }
    /// Whole milliseconds left, rounded up; 0 when it has passed. The unit of epoll_wait(2).
    package var remainingMilliseconds: Int32 {
        let (seconds, attoseconds) = remaining.components
        if seconds < 0 || attoseconds < 0 { return 0 }
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: milliseconds)
    }
    package var description: String { "\(name) (\(allowance.components.seconds) s)" }
}
