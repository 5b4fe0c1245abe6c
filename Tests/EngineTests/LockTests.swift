import Engine
import Model
import Report
import Resources
import Synchronization
import Testing

@Suite("Locks and approval")
struct LockTests {
    @Test("are taken in name order over all members of the touched roles, before the first step, and given back")
    func order() async throws {
        let fleet = try TestFleet()
        _ = try await fleet.run(Selection(all: true))
        let names = ["app01", "app02", "provider01", "provider02"]
        #expect(fleet.log.locks.prefix(4) == names.map { "lock \($0)" }[...])
        #expect(Set(fleet.log.locks.dropFirst(4)) == Set(names.map { "release \($0)" }))
        let touches = fleet.log.touches
        let lastLock = try #require(touches.lastIndex { $0.hasPrefix("lock") })
        let firstStep = try #require(touches.firstIndex { $0.contains(": ") })
        #expect(lastLock < firstStep)
    }

    @Test("only of roles that have something to do")
    func touched() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        _ = try await fleet.run(Selection(all: true))
        #expect(fleet.log.locks.filter { $0.hasPrefix("lock") } == ["lock app01", "lock app02"])
    }

    @Test("one that is held: exit 5, the holder is named, nothing is changed anywhere, earlier ones are given back")
    func held() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook { $0.lock = { _ in LockHolder("run other of ann on jump2 since noon") } }
        let report = try await fleet.run(Selection(all: true))
        #expect(report.outcome.exitCode == 5)
        #expect(report.hosts.allSatisfy { $0.ending.outcome == .locked && $0.changes.isEmpty })
        #expect(report["app01"]?.ending.reason == "app02 is locked by run other of ann on jump2 since noon")
        #expect(fleet.log.locks == ["lock app01", "release app01"])
        #expect(fleet.log.steps.isEmpty)
    }

    @Test("whoever is refused because another run is at work does not judge or wait for what that run makes")
    func heldAndUnhealthy() async throws {
        let app = TestFleet.app.replacing(
            "- unit: app.service\n    deadline: 100ms", with: "- command: done serve\n    deadline: 90s")
        let fleet = try TestFleet(app: app)
        for host in fleet.hosts.values { host.change { $0.done = ["serve"] } }
        _ = try await fleet.converged()
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        fleet["app02"].change { $0.done.remove("serve") }
        fleet["app02"].hook { $0.lock = { _ in LockHolder("another run") } }
        let start = ContinuousClock.now
        let report = try await fleet.run()
        #expect(start.duration(to: .now) < .seconds(60))
        #expect(report.outcomes == ["app02 unchanged", "app01 locked"])
        #expect(report.outcome.exitCode == 5)
    }

    @Test("a member that cannot be locked is left out by name; its peer is done under its own lock")
    func broken() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook { $0.lock = { _ throws(HostFailure) in throw HostFailure(.unreachable, "cut") } }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unreachable", "app01 changed"])
        #expect(fleet.log.locks == ["lock app01", "release app01"])
    }

    @Test("a host that changed between plan and lock is refused: nothing is done that was not shown")
    func stale() async throws {
        let fleet = try await TestFleet().converged()
        for name in ["app01", "app02"] as [HostName] { fleet[name].change { $0.files["/etc/app.conf"] = nil } }
        fleet["app02"].hook {
            $0.lock = { state throws(HostFailure) in
                state.files["/etc/secret.conf"] = nil; return nil
            }
        }
        let report = try await fleet.run()
        #expect(report.outcome.exitCode == 6)
        #expect(report.outcomes == ["app02 refused", "app01 refused"])
        #expect(report["app02"]?.ending.reason?.contains("file:/etc/secret.conf of app02 now needs create") == true)
        #expect(report.hosts.allSatisfy { $0.changes.isEmpty })
        #expect(fleet.log.steps.isEmpty)
        #expect(fleet.log.locks.filter { $0.hasPrefix("release") }.count == 2)
    }

    @Test("what another run did in the meantime is not called done by us, nor waiting")
    func doneByOthers() async throws {
        let fleet = try await TestFleet().converged()
        for name in ["app01", "app02"] as [HostName] { fleet[name].change { $0.files["/etc/app.conf"] = nil } }
        let right = FakeHost.File(content: Array("first line\nsecond line\n".utf8))
        fleet["app02"].hook {
            $0.lock = { state throws(HostFailure) in
                state.files["/etc/app.conf"] = right; return nil
            }
        }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unchanged", "app01 changed"])
        #expect(report["app02"]?.changes.isEmpty == true)
        #expect(report.outcome.exitCode == 0)
    }

    @Test("a host that is lost between plan and lock is unreachable, and the other is done")
    func lostMeanwhile() async throws {
        let fleet = try TestFleet()
        let isLost = Mutex(false)
        fleet["app02"].hook {
            $0.lock = { _ throws(HostFailure) in
                isLost.withLock { $0 = true }; return nil
            }
            $0.onQuestions = { _ throws(HostFailure) in
                if isLost.withLock({ $0 }) { throw HostFailure(.unreachable, "cut") }
            }
        }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unreachable", "app01 changed"])
    }

    @Test("something that turns up in the middle and was not shown stops the host")
    func strangerInTheMiddle() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        fleet["app01"].hook { $0.afterStep = { _, state in state.packages.remove("aa") } }
        let report = try await fleet.run()
        #expect(report["app01"]?.ending.outcome == .refused)
        #expect(report["app01"]?.ending.reason?.contains("package:aa now needs create") == true)
        #expect(report["app01"]?.done == ["create file:/etc/app.conf"])
        #expect(!fleet.log.steps.contains { $0.contains("install") })
    }

    // MARK: The question

    @Test("declined: nothing is touched, and every host says so")
    func declined() async throws {
        let fleet = try TestFleet()
        let report = try await fleet.run(confirm: { hosts in
            #expect(hosts.map(\.host) == ["app02", "app01"])
            #expect(hosts.allSatisfy { $0.ending.outcome == .wouldChange && !$0.changes.isEmpty })
            return false
        })
        #expect(report.outcomes == ["app02 not-attempted", "app01 not-attempted"])
        #expect(report.hosts.allSatisfy { $0.changes.isEmpty })
        #expect(report.outcome.exitCode == 0)
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("a plan that changed while the operator thought is shown again")
    func shownAgain() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        let asked = Mutex<[[String]]>([])
        let report = try await fleet.run(confirm: { hosts in
            let count = asked.withLock { asked in
                asked.append(hosts.flatMap(\.done))
                return asked.count
            }
            if count == 1 { fleet["app02"].change { $0.files["/etc/secret.conf"] = nil } }
            return true
        })
        #expect(
            asked.withLock { $0 } == [
                ["create file:/etc/app.conf", "reload service:app.service"],
                [
                    "create file:/etc/secret.conf", "restart service:app.service", "create file:/etc/app.conf",
                    "reload service:app.service",
                ],
            ])
        #expect(report.outcomes == ["app02 changed", "app01 changed"])
    }

    @Test("a plan that became empty is not asked about again, and nothing is done")
    func becameEmpty() async throws {
        let fleet = try await TestFleet().converged()
        let right = fleet["app01"].state
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        let report = try await fleet.run(confirm: { _ in
            fleet["app01"].change { $0 = right }
            return true
        })
        #expect(report.outcome == .unchanged)
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("nothing to do is not asked about")
    func nothing() async throws {
        let fleet = try await TestFleet().converged()
        let report = try await fleet.run(confirm: { _ in
            Issue.record("asked")
            return false
        })
        #expect(report.outcome == .unchanged)
    }
}
