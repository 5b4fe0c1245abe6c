/// Exponential backoff with full jitter: before try n+1 a random time between nothing and base * 2^(n-1), at most the
/// cap. Randomness and sleep are arguments, so that tests need neither luck nor time.
package struct RetryPolicy: Sendable {
    package var tries: Int
    package var base: Duration
    package var cap: Duration
    /// A number from 0 up to 1.
    package var random: @Sendable () -> Double
    /// Throws when the task is cancelled.
    package var sleep: @Sendable (Duration) async throws -> Void

    package init(
        tries: Int = 5, base: Duration = .milliseconds(200), cap: Duration = .seconds(5),
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.tries = tries
        self.base = base
        self.cap = cap
        self.random = random
        self.sleep = sleep
    }

    /// The wait after `failures` failed tries (at least 1).
    func delay(after failures: Int) -> Duration {
        min(cap, base * (1 << min(failures - 1, 20))) * random()
    }

    /// Waits, or says that there is no further try: the tries are used up, the wait would pass the end, or the task is
    /// cancelled.
    func allowsAnother(after failures: Int, before end: ContinuousClock.Instant) async -> Bool {
        guard failures < tries else { return false }
        let delay = delay(after: failures)
        guard ContinuousClock.now.advanced(by: delay) < end else { return false }
        do { try await sleep(delay) } catch { return false }
        return true
    }
}
