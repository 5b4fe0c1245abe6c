import Engine
import Glibc
import Model
import Report
import Synchronization

/// Shows progress on standard error: one live row a host on a terminal, one line an event elsewhere.
final class ProgressDisplay: Sendable {
    private struct State {
        var rows = ProgressRows()
        var drawn = 0
        var isPaused = false
        var isFinished = false
    }

    // Events come from many tasks; drawing must not interleave.
    private let state = Mutex(State())
    private let isLive: Bool
    private let isVerbose: Bool
    private let usesColor: Bool
    private let start = ContinuousClock.now
    private let ticker: Task<Void, Never>?

    init(isVerbose: Bool) {
        self.isVerbose = isVerbose
        usesColor = Terminal.usesColor(Terminal.errorIsTerminal)
        isLive = Terminal.errorIsTerminal && usesColor
        let holder = Holder()
        ticker =
            isLive
            ? Task {
                // Elapsed times must move while a step is silent.
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(250))
                    holder.display?.redraw()
                }
            } : nil
        holder.set(self)
    }

    func show(_ event: ProgressEvent) {
        state.withLock { state in
            switch event {
            case .phase(let text): if !isLive && isVerbose { Terminal.note(text) }
            case .step(let host, let text):
                if state.rows.begin(host, text, at: elapsed), !isLive { plain(host, text) }
            case .output(let host, let line):
                state.rows.print(host, line)
                if !isLive && isVerbose { plain(host, "| " + line) }
            case .ended(let host, let ending):
                state.rows.end(host, ending, at: elapsed)
                if !isLive { plain(host, ending.outcome.word + (ending.reason.map { ": \($0)" } ?? "")) }
            }
        }
    }

    /// Leaves the screen as it is, for a question.
    func pause() {
        state.withLock { state in
            erase(&state)
            state.isPaused = true
        }
    }

    func resume() { state.withLock { $0.isPaused = false } }

    func finish() {
        ticker?.cancel()
        state.withLock { state in
            erase(&state)
            state.isFinished = true
        }
    }

    private func plain(_ host: HostName, _ text: String) {
        guard isVerbose || !["connecting", "observed", "looking again", "taking the lock"].contains(text) else {
            return
        }
        Terminal.note("\(ProgressRows.elapsed(elapsed))  \(host)  \(TerminalText.harmless(text))")
    }

    fileprivate func redraw() {
        state.withLock { state in
            guard !state.isFinished, !state.isPaused else { return }
            erase(&state)
            let lines = state.rows.lines(at: elapsed, width: columns)
            guard !lines.isEmpty else { return }
            Terminal.write(lines.joined(separator: "\n") + "\n", to: STDERR_FILENO)
            state.drawn = lines.count
        }
    }

    private func erase(_ state: inout State) {
        guard state.drawn > 0 else { return }
        Terminal.write("\u{1B}[\(state.drawn)A\u{1B}[J", to: STDERR_FILENO)
        state.drawn = 0
    }

    private var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
    }

    /// Seconds since it began.
    private var elapsed: Double { start.duration(to: .now).inSeconds }
}

/// Lets the ticker reach the display without keeping it alive.
private struct WeakDisplay { weak var display: ProgressDisplay? }
private final class Holder: Sendable {
    private let box = Mutex(WeakDisplay())
    var display: ProgressDisplay? { box.withLock { $0.display } }
    func set(_ display: ProgressDisplay) { box.withLock { $0.display = display } }
}
