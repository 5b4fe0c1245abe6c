import Engine
import Glibc
import Synchronization

/// The first SIGINT, SIGTERM or SIGHUP asks the run to end after its current step; the second ends at once. What a cut-off
/// step leaves is what a killed controller leaves: the next run goes on from there.
enum Signals {
    static let interruption = Interruption()
    private static let count = Atomic(0)

    static func install() {
        // Only async-signal-safe calls in here: an atomic, write(2), _exit(2).
        let handler: @convention(c) (Int32) -> Void = { _ in
            if Signals.count.add(1, ordering: .sequentiallyConsistent).newValue > 1 { _exit(130) }
            Signals.interruption.request()
            let text: StaticString = "\nending after the current step; once more to stop at once\n"
            _ = write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
        }
        _ = (interruption, count.load(ordering: .relaxed))
        signal(SIGINT, handler)
        signal(SIGTERM, handler)
        signal(SIGHUP, handler)
    }
}
