import Engine
import Model
import Planning
import Records
import Report
import Resources
import Testing

/// Saved plans of random hosts, with another hand at work before they are applied. CSO_TEST_SEED=N takes one seed, as a
/// failure names it; CSO_TEST_ROUNDS=N takes more of them.
@Suite("Random saved plans")
struct RandomSavedPlanTests {
    private static let members: [HostName] = ["app01", "app02"]

    @Test("what is done is in the plan; a plan is refused exactly when something else would be done")
    func contract() async throws {
        let fleet = try TestFleet()
        let first = RandomFleetTests.number("CSO_TEST_SEED")
        let rounds = RandomFleetTests.number("CSO_TEST_ROUNDS") ?? 80
        var ends: [String: Int] = [:]
        for seed in first.map({ $0...$0 }) ?? 1...rounds {
            ends[try await contract(fleet, seed), default: 0] += 1
        }
        // A property over one kind of end alone would prove nothing of the others.
        if first == nil, rounds >= 80 {
            for end in ["stale", "done", "nothing left"] { #expect(ends[end, default: 0] >= 5, "\(ends)") }
        }
    }

    /// How it ended.
    private func contract(_ fleet: TestFleet, _ seed: UInt64) async throws -> String {
        var random = SeededGenerator(seed: seed)
        for name in Self.members {
            let state = RandomFleetTests.randomState(&random)
            fleet[name].change { $0 = state }
            let salt = random.next()
            fleet[name].hook { hooks in
                hooks = FakeHost.Hooks()
                hooks.afterStep = { summary, state in sideEffects(of: summary, on: &state, salt) }
            }
        }
        let (plan, shown) = try await fleet.plan()
        try mutate(fleet, &random)
        // What a plan made now would show: the judge, from what is reported and not from what plans are compared by.
        let now = try await fleet.run(changes: false)
        let strangers = now.hosts.flatMap { host in
            host.changes.filter { !Self.isShown($0.change, on: host.host, in: shown) }
                .map { "\(host.host) \($0.change.resource)" }
        }
        let isStale = now.hosts.contains { $0.ending.outcome == .wouldChange } && !strangers.isEmpty
        fleet.log.clear()
        let report = try await fleet.apply(plan)
        let reasons = report.hosts.compactMap(\.ending.reason)
        let isRefused = reasons.contains { $0.hasPrefix("the plan is stale") }
        #expect(isRefused == isStale, "seed \(seed): \(strangers); \(reasons)")
        if isStale {
            #expect(report.outcome == .refused, "seed \(seed)")
            #expect(fleet.log.touches.isEmpty, "seed \(seed): refused and touched")
            return "stale"
        }
        for host in report.hosts {
            for change in host.changes {
                #expect(
                    Self.isShown(change.change, on: host.host, in: shown),
                    "seed \(seed): \(host.host) \(change.change.resource) was done and not shown")
            }
        }
        let wanted = Set(now.hosts.filter { $0.ending.outcome == .wouldChange }.map(\.host))
        if wanted.isEmpty {
            #expect(fleet.log.steps.isEmpty, "seed \(seed)")
            return "nothing left"
        }
        guard report.outcome == .changed else { return "ended otherwise" }
        // Verified: who did all that the plan has left nothing.
        let after = try await fleet.run(changes: false)
        for host in after.hosts where wanted.contains(host.host) {
            #expect(host.changes.isEmpty, "seed \(seed): \(host.host) still \(host.done)")
        }
        return "done"
    }

    /// Nothing, something on one host, or what the plan was about is done already.
    private func mutate(_ fleet: TestFleet, _ random: inout SeededGenerator) throws {
        let name = Self.members[random.oneIn(2) ? 0 : 1]
        switch Int.random(in: 0..<5, using: &random) {
        case 0: return
        case 1:
            for name in Self.members {
                fleet[name].change { state in
                    state.packages = ["aa", "bb"]
                    state.done.insert("migrate")
                    state.files = [
                        "/etc/app.conf": .init(content: Array("first line\nsecond line\n".utf8)),
                        "/etc/secret.conf": .init(content: Array("canary-password".utf8), mode: "0600"),
                        "/etc/key": .init(content: Array("key".utf8), mode: "0600"),
                    ]
                    state.units["app.service"] = .init(active: "active", isEnabled: true)
                    state.notes = []
                }
            }
        case 2: fleet[name].change { $0.files["/etc/app.conf"] = .init(content: Array("another\n".utf8)) }
        default:
            var copy = random
            fleet[name].change { drift(&$0, &copy) }
            random = copy
        }
    }

    // MARK: The judge

    /// Whether everything that a change is, or may become, was shown.
    private static func isShown(_ change: PlannedChange, on host: HostName, in report: RunReport) -> Bool {
        let actions = change.knownAfter?.possible ?? [change.action]
        guard let shown = report[host]?.changes.map(\.change) else { return false }
        if change.resource.kind == "service", let action = Notification.Action(rawValue: change.action.rawValue) {
            let unit = UnitName(change.resource.identity)
            return shown.contains { $0.notifies.contains(Notification(action, unit)) }
                || shown.contains { $0.resource == change.resource && $0.action == change.action }
        }
        return shown.contains { agreed in
            guard agreed.resource == change.resource else { return false }
            if let later = agreed.knownAfter { return actions.isSubset(of: later.possible) }
            return actions == [agreed.action] && agreed.source == change.source
                && Set(change.differences.map(text)).isSubset(of: agreed.differences.map(text))
        }
    }

    private static func text(_ difference: Difference) -> String {
        difference.isSensitive
            ? "\(difference.key), sensitive"
            : "\(difference.key): \(difference.observed?.description ?? "-") \(difference.desired?.description ?? "-")"
    }
}
