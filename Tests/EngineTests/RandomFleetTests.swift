import Engine
import Glibc
import Model
import Planning
import Report
import Resources
import Synchronization
import Testing

/// Random hosts, whose packages and commands do random things beside what they are for. CSO_TEST_SEED=N takes one seed, as
/// a failure names it; CSO_TEST_ROUNDS=N takes more of them.
@Suite("Random fleets")
struct RandomFleetTests {
    private static let members: [HostName] = ["app01", "app02"]

    static func number(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    @Test("runs end, nothing is done that was not shown, and the end is an empty plan that touches nothing")
    func converge() async throws {
        let fleet = try TestFleet()
        let first = Self.number("CSO_TEST_SEED")
        let rounds = Self.number("CSO_TEST_ROUNDS") ?? 60
        for seed in first.map({ $0...$0 }) ?? 1...rounds {
            try await converge(fleet, seed)
        }
    }

    private func converge(_ fleet: TestFleet, _ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        for name in Self.members {
            let state = Self.randomState(&random)
            fleet[name].change { $0 = state }
            let salt = random.next()
            fleet[name].hook { hooks in
                hooks = FakeHost.Hooks()
                hooks.afterStep = { summary, state in sideEffects(of: summary, on: &state, salt) }
            }
        }
        // Another hand at work between plan and lock, in some of the runs.
        if random.oneIn(3) {
            let salt = random.next()
            let isFirst = Mutex(true)
            fleet["app02"].hook { hooks in
                hooks.lock = { state throws(HostFailure) in
                    guard
                        isFirst.withLock({
                            let old = $0; $0 = false; return old
                        })
                    else { return nil }
                    var random = SeededGenerator(seed: salt)
                    drift(&state, &random)
                    return nil
                }
            }
        }
        var runs: [String] = []
        var isQuiet = false
        while !isQuiet, runs.count < 8 {
            let report = try await run(fleet, seed)
            runs.append(
                report.hosts.map { "\($0.host) \($0.ending.outcome) \($0.ending.reason ?? "")" }.joined(separator: ", ")
            )
            isQuiet = report.outcome == .unchanged
        }
        guard isQuiet else {
            Issue.record("seed \(seed):\n\(runs.joined(separator: "\n"))")
            return
        }
        fleet.log.clear()
        let plan = try await fleet.run(changes: false)
        #expect(plan.outcome == .unchanged, "seed \(seed)")
        #expect(fleet.log.touches.isEmpty, "seed \(seed)")
        let keys = Set(Self.members.map { fleet[$0].state.files["/etc/key"]?.content })
        #expect(keys.count == 1 && keys.first != [], "seed \(seed)")
        for name in Self.members {
            let state = fleet[name].state
            #expect(state.notes.isEmpty, "seed \(seed): \(name)")
            #expect(state.units["app.service"]?.active == "active", "seed \(seed): \(name)")
        }
    }

    /// One run, with what it did compared with what it had shown last.
    private func run(_ fleet: TestFleet, _ seed: UInt64) async throws -> RunReport {
        let shown = Mutex<[HostReport]>([])
        let report = try await fleet.run(confirm: { hosts in
            shown.withLock { $0 = hosts }
            return true
        })
        let allowed = shown.withLock { Set($0.flatMap { host in host.changes.flatMap { $0.allowed(on: host.host) } }) }
        for host in report.hosts {
            for change in host.changes {
                #expect(
                    allowed.contains("\(host.host) \(change.change.action.rawValue) \(change.change.resource)"),
                    "seed \(seed): done and not shown")
            }
        }
        return report
    }

    // MARK: Worlds

    static func randomState(_ random: inout SeededGenerator) -> FakeHost.State {
        var state = FakeHost.State()
        if random.oneIn(5) { return state }
        state.packages = ["aa", "bb"]
        state.files["/etc/app.conf"] = .init(content: Array("first line\nsecond line\n".utf8))
        state.files["/etc/secret.conf"] = .init(content: Array("canary-password".utf8), mode: "0600")
        state.files["/etc/key"] = .init(content: Array("key".utf8), mode: "0600")
        state.units["app.service"] = .init(active: "active", isEnabled: true)
        state.done = ["migrate"]
        for _ in 0..<Int.random(in: 0...5, using: &random) { drift(&state, &random) }
        return state
    }
}

/// Something that is not as it shall be.
func drift(_ state: inout FakeHost.State, _ random: inout SeededGenerator) {
    switch Int.random(in: 0..<11, using: &random) {
    case 0: state.packages.remove("aa")
    case 1: state.packages = []
    case 2: state.files["/etc/app.conf"] = nil
    case 3: state.files["/etc/app.conf"]?.content = Array("by hand\n".utf8)
    case 4: state.files["/etc/secret.conf"]?.mode = "0644"
    case 5: state.files["/etc/secret.conf"] = nil
    case 6: state.files["/etc/key"] = nil
    case 7: state.units["app.service"]?.active = "failed"
    case 8: state.units["app.service"]?.isEnabled = false
    case 9: state.done.remove("migrate")
    default: state.notes.insert(random.oneIn(2) ? "restart:app.service" : "reload:app.service")
    }
}

/// What packages and commands do to the rest of the host, each once: what undoes itself every time cannot come to an end.
func sideEffects(of summary: String, on state: inout FakeHost.State, _ salt: UInt64) {
    guard summary.hasPrefix("install") || summary.hasPrefix("run") else { return }
    var random = SeededGenerator(seed: salt ^ UInt64(summary.utf8.count))
    guard random.oneIn(2), state.done.insert("side effect of \(summary)").inserted else { return }
    // A package may bring its service up, or its own idea of a file; a command may take things away, even its own.
    if summary.hasPrefix("install"), state.units["app.service"] == nil {
        state.units["app.service"] = .init(active: "active", isEnabled: true)
    } else {
        drift(&state, &random)
    }
}

extension ReportedChange {
    /// `HOST ACTION RESOURCE` for everything that it may become, and for what it owes.
    fileprivate func allowed(on host: HostName) -> [String] {
        let actions = change.knownAfter?.possible ?? [change.action]
        return actions.map { "\(host) \($0.rawValue) \(change.resource)" }
            + change.notifies.map { "\(host) \($0.action.rawValue) service:\($0.unit)" }
    }
}
