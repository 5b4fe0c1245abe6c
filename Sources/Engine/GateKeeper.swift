internal import Model
internal import Planning
internal import Resources
internal import Transport

/// Asks a host's gates until they hold so many times in a row, or their deadline passes. What cannot be asked counts as
/// failed.
struct GateKeeper: Sendable {
    let member: Member
    let witnesses: Witnesses
    let progress: ProgressSink
    let interruption: Interruption

    /// `nil` = all gates of the host hold.
    func firstFailure() async -> HostFailure? {
        guard let desired = await member.declared else { return nil }
        let gates = desired.gates.filter { $0.scope == .host }
        let allowance = gates.map(\.deadline).max() ?? .seconds(30)
        let needed = gates.map(\.successes).max() ?? 1
        let pause = gates.map(\.interval).min() ?? .seconds(1)
        let start = ContinuousClock.now
        var inARow = 0
        while true {
            await member.observeHealth()
            await witnesses.ask(about: [member])
            if let trouble = await member.trouble { return trouble }
            guard let view = await member.view.view else { return nil }
            switch view.health {
            case .healthy:
                inARow += 1
                if inARow >= needed { return nil }
            // The role's own gates tell in the end whether it came to serve.
            case .unhealthy where view.awaitsPeers: return nil
            case .unhealthy(let reason), .unknown(let reason):
                inARow = 0
                if interruption.isRequested {
                    return HostFailure(.interrupted, "interrupted while it did not serve: \(reason)")
                }
                progress(.step(member.host, "waiting: \(reason)"))
                if start.duration(to: .now) >= allowance {
                    return HostFailure(
                        .failed, "\(reason) (asked for \(allowance.components.seconds) s)",
                        remedy: "the other members were not touched")
                }
            }
            try? await Task.sleep(for: pause)
        }
    }
}
