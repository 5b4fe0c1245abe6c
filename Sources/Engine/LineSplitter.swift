internal import Model
internal import Synchronization

/// Turns a step's output into masked lines. Secrets are found also where they are split over chunks, since masking comes
/// before splitting.
final class LineSplitter: Sendable {
    private struct State {
        var stream: Masker.Stream
        var line: [UInt8] = []
    }
    // Chunks come from the session's task, one after another; `finish` from the engine's.
    private let state: Mutex<State>
    private let sink: @Sendable (String) -> Void
    /// Longer lines are shown in parts: progress bars without line ends must not fill the memory.
    private static let longest = 2000

    init(masker: Masker, sink: @escaping @Sendable (String) -> Void) {
        state = Mutex(State(stream: masker.stream()))
        self.sink = sink
    }

    func take(_ bytes: [UInt8]) {
        let lines = state.withLock { state in Self.split(state.stream.mask(bytes), &state) }
        lines.forEach(sink)
    }

    func finish() {
        let lines = state.withLock { state -> [String] in
            var lines = Self.split(state.stream.finish(), &state)
            if !state.line.isEmpty { lines.append(String(decoding: state.line, as: UTF8.self)) }
            state.line = []
            return lines
        }
        lines.forEach(sink)
    }

    private static func split(_ bytes: [UInt8], _ state: inout State) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == 0x0A || byte == 0x0D || state.line.count >= longest {
                if !state.line.isEmpty { lines.append(String(decoding: state.line, as: UTF8.self)) }
                state.line = byte == 0x0A || byte == 0x0D ? [] : [byte]
            } else {
                state.line.append(byte)
            }
        }
        return lines
    }
}
