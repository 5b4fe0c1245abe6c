internal import Model
internal import Planning

/// Asks the gates of a whole role until they hold, each as often in a row as it says, or until the longest of their
/// deadlines has passed.
struct RoleGateKeeper: Sendable {
    let members: [Member]
    let witnesses: Witnesses
    let progress: ProgressSink
    let interruption: Interruption

    /// Which gate does not hold as things were last seen.
    static func trouble(of members: [Member]) async -> String? {
        for member in members {
            if let trouble = await member.view.view?.trouble { return trouble }
        }
        return nil
    }

    /// `nil` = all gates of the role hold, or it has none. `speaker` is the host whose row says what is waited for.
    func firstFailure(speaker: HostName) async -> HostFailure? {
        var gates: [Gate] = []
        for member in members { gates += await member.declared?.gates.filter { $0.scope == .role } ?? [] }
        guard !gates.isEmpty else { return nil }
        let allowance = gates.map(\.deadline).max() ?? .zero
        let needed = gates.map(\.successes).max() ?? 1
        let pause = gates.map(\.interval).min() ?? .seconds(1)
        let start = ContinuousClock.now
        var inARow = 0
        while true {
            await withTaskGroup { group in
                for member in members { group.addTask { await member.observeHealth() } }
            }
            await witnesses.ask(about: members)
            guard let trouble = await Self.trouble(of: members) else {
                inARow += 1
                if inARow >= needed { return nil }
                try? await Task.sleep(for: pause)
                continue
            }
            inARow = 0
            if interruption.isRequested {
                return HostFailure(.interrupted, "interrupted while the role did not serve: \(trouble)")
            }
            progress(.step(speaker, "waiting: \(trouble)"))
            if start.duration(to: .now) >= allowance {
                return HostFailure(.failed, "\(trouble) (asked for \(allowance.components.seconds) s)")
            }
            try? await Task.sleep(for: pause)
        }
    }
}
