import Engine
import Glibc
import Model
import Planning
import Report
import Resources
import Synchronization
import Testing

@Suite("An apply, when something goes wrong")
struct FailureTests {
    @Test("one member cannot be reached: it is named, and the other is done")
    func unreachable() async throws {
        let fleet = try TestFleet()
        fleet.takeDown("app02", HostFailure(.unreachable, "timed out", remedy: "look at the security group"))
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unreachable", "app01 changed"])
        #expect(report.outcome.exitCode == 4)
        #expect(report["app02"]?.ending.reason == "timed out; look at the security group")
        #expect(report["app02"]?.changes.isEmpty == true)
    }

    @Test("a healthy member whose peer is down is not changed: the only one that serves")
    func lastOne() async throws {
        let fleet = try await TestFleet().converged()
        fleet.takeDown("app02")
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unreachable", "app01 refused"])
        #expect(report["app01"]?.ending.reason?.contains("only member that serves") == true)
        #expect(report["app01"]?.changes.isEmpty == true)
        #expect(fleet.log.steps.isEmpty)
        #expect(report.outcome == .refused)
    }

    @Test("a peer that is not in the selection and cannot be reached is named too")
    func unseenPeer() async throws {
        let fleet = try await TestFleet().converged()
        fleet.takeDown("app02")
        let report = try await fleet.run(Selection(hosts: ["app01"]))
        #expect(report.outcomes == ["app01 unchanged"])
        #expect(report.notes.contains { $0.contains("app02") && $0.contains("timed out") })
    }

    @Test("a host that cannot be seen in one respect is left alone, and it is said that changes wait there")
    func obstacle() async throws {
        let fleet = try TestFleet()
        for name in ["app01", "app02"] as [HostName] {
            fleet[name].change {
                $0.packages = ["aa", "bb"]
                $0.files["/etc/key"] = .init(content: [1], mode: "0600")
            }
        }
        fleet["app02"].change { $0.confused = ["migrate"] }
        for changes in [false, true] {
            let report = try await fleet.run(changes: changes)
            let host = try #require(report["app02"])
            #expect(host.ending.outcome == .failed)
            #expect(host.ending.reason?.contains("command:migrate") == true)
            #expect(host.notes.contains { $0.contains("nothing is done here before command:migrate") })
            #expect(host.changes.isEmpty == changes, "a plan shows them; after an apply only what was done counts")
            #expect(report["app01"]?.ending.outcome == (changes ? .changed : .wouldChange))
        }
        #expect(!fleet.log.steps.contains { $0.hasPrefix("app02") })
    }

    @Test("a step that fails ends the host with the end of its output; the rest is not attempted")
    func failingStep() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook { $0.beforeStep = { summary, _ in summary == "run migrate" ? .failing : nil } }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 failed", "app01 not-attempted"])
        #expect(report.outcome.exitCode == 3)
        let host = try #require(report["app02"])
        #expect(host.ending.reason == "run migrate: No space left on device (exit status 1)")
        #expect(host.tail == "reading\nNo space left on device\n")
        #expect(
            host.done == [
                "create package:aa", "create package:bb", "run once:make the key", "create file:/etc/app.conf",
                "create file:/etc/secret.conf",
            ])
        #expect(report["app01"]?.ending.reason == "app02 failed")
        #expect(report["app01"]?.changes.isEmpty == true)
        #expect(!fleet.log.touches.contains { $0.hasPrefix("app01") })
        #expect(fleet.log.locks.filter { $0.hasPrefix("release") }.count == 2)
    }

    @Test("of a group that fails in the middle what was done is reported")
    func partOfGroup() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook {
            $0.beforeStep = { summary, state in
                guard summary == "write /etc/app.conf, /etc/secret.conf" else { return nil }
                // The first of the two renames took place.
                state.files["/etc/app.conf"] = .init(content: Array("first line\nsecond line\n".utf8), mode: "0644")
                return .failing
            }
        }
        let report = try await fleet.run()
        #expect(report["app02"]?.done.last == "create file:/etc/app.conf")
        #expect(report["app02"]?.done.contains("create file:/etc/secret.conf") == false)
    }

    @Test("a step that ends well and changes nothing fails; there is no second try")
    func noEffect() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook {
            $0.beforeStep = { summary, _ in summary == "run migrate" ? HostAnswer(output: []) : nil }
        }
        let report = try await fleet.run()
        #expect(report["app02"]?.ending.outcome == .failed)
        #expect(report["app02"]?.ending.reason?.contains("command:migrate still differs after its run") == true)
        #expect(fleet.log.steps.filter { $0 == "app02: run migrate" }.count == 1)
    }

    @Test("a link that is lost in the middle: unreachable, the step is named, nothing further")
    func lost() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook {
            $0.beforeStep = { summary, _ throws(HostFailure) in
                if summary == "run migrate" { throw HostFailure(.unreachable, "connection cut: reset by peer") }
                return nil
            }
        }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unreachable", "app01 not-attempted"])
        #expect(report["app02"]?.ending.reason == "run migrate: connection cut: reset by peer")
        #expect(report["app02"]?.done.contains("create file:/etc/app.conf") == true)
        #expect(!fleet.log.locks.contains("release app02"), "a lost session's lock ended with it")
        #expect(fleet.log.locks.contains("release app01"))
    }

    @Test("a link that is lost while it is looked at: unreachable, and the other is done")
    func lostWhileLooking() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook { $0.onQuestions = { _ throws(HostFailure) in throw HostFailure(.unreachable, "cut") } }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unreachable", "app01 changed"])
    }

    @Test("a member that is lost between plan and turn is unreachable, not refused")
    func lostBeforeTurn() async throws {
        let fleet = try TestFleet()
        let asked = Mutex(0)
        // Looked at for the plan, for the locks, and before its peer's turn; then it is gone.
        fleet["app02"].hook {
            $0.onQuestions = { _ throws(HostFailure) in
                if asked.withLock({
                    $0 += 1; return $0
                }) > 3 {
                    throw HostFailure(.unreachable, "cut")
                }
            }
        }
        let report = try await fleet.run()
        #expect(report["app02"]?.ending == Ending(.unreachable, "cut"))
    }

    @Test("a gate that stays red fails the host after its deadline; the peer is not touched")
    func gate() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook {
            $0.afterStep = { summary, state in
                if summary.contains("start app.service") { state.units["app.service"]?.active = "active" }
            }
        }
        let gated = try TestFleet(app: TestFleet.app.replacing("- unit: app.service", with: "- command: done serve"))
        let start = ContinuousClock.now
        let report = try await gated.run()
        #expect(start.duration(to: .now) < .seconds(120), "not the 30 s of a gate that names no deadline")
        #expect(report.outcomes == ["app02 failed", "app01 not-attempted"])
        #expect(report["app02"]?.ending.reason?.contains("gate command done serve") == true)
        #expect(report["app02"]?.done.contains("run command:migrate") == true)
        #expect(!gated.log.touches.contains { $0.hasPrefix("app01") })
    }

    @Test("a plan says what the rule of rolling will say: who goes first, who would be refused, that nobody serves")
    func outlook() async throws {
        let bare = try await TestFleet().run(changes: false)
        #expect(bare["app02"]?.notes.contains { $0.contains("no member of the role serves") } == true)
        #expect(bare["app01"]?.notes.contains { $0.contains("no member of the role serves") } == false)

        let fleet = try await TestFleet().converged()
        for name in ["app01", "app02"] as [HostName] { fleet[name].change { $0.files["/etc/app.conf"] = nil } }
        let ordinary = try await fleet.run(changes: false)
        #expect(ordinary.hosts.allSatisfy { $0.notes.isEmpty })
        fleet["app01"].change { $0.units["app.service"]?.active = "failed" }
        let broken = try await fleet.run(changes: false)
        #expect(broken["app01"]?.notes.contains { $0.contains("app02 serves meanwhile") } == true)
        fleet.takeDown("app01")
        let last = try await fleet.run(changes: false)
        #expect(last["app02"]?.ending.outcome == .wouldChange)
        #expect(last["app02"]?.notes.contains { $0.contains("would refuse it") && $0.contains("app01") } == true)
    }

    @Test("the unhealthy member goes first, and it is said why")
    func unhealthyFirst() async throws {
        let fleet = try await TestFleet().converged()
        for name in ["app01", "app02"] as [HostName] { fleet[name].change { $0.files["/etc/app.conf"] = nil } }
        fleet["app01"].change { $0.units["app.service"]?.active = "failed" }
        let report = try await fleet.run()
        #expect(report.outcome == .changed)
        #expect(fleet.log.steps.first?.hasPrefix("app01") == true)
        #expect(report["app01"]?.notes.contains { $0.contains("changed first because it does not serve") } == true)
    }

    @Test("a consumer is not attempted when its provider failed")
    func provider() async throws {
        let fleet = try TestFleet()
        fleet["provider02"].hook { $0.beforeStep = { _, _ in .failing } }
        let report = try await fleet.run(Selection(all: true))
        #expect(
            report.outcomes == [
                "provider02 failed", "provider01 not-attempted", "app02 not-attempted", "app01 not-attempted",
            ])
        #expect(report["app02"]?.ending.reason == "provider, which app needs, did not converge")
        #expect(!fleet.log.steps.contains { $0.hasPrefix("app") })
    }

    @Test("nor when its provider could not be changed at all")
    func stuckProvider() async throws {
        let fleet = try TestFleet()
        fleet["provider02"].change { $0.broken = ["path"] }
        let report = try await fleet.run(Selection(all: true))
        #expect(report["provider02"]?.ending.outcome == .failed)
        #expect(report["app02"]?.ending.outcome == .notAttempted)
    }

    @Test("a provider that lost one member and still serves is no reason to leave its consumers alone")
    func halfAProvider() async throws {
        let fleet = try await TestFleet().converged()
        fleet.takeDown("provider02")
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        let report = try await fleet.run(Selection(all: true))
        #expect(
            report.outcomes == ["provider02 unreachable", "provider01 unchanged", "app02 unchanged", "app01 changed"])
        #expect(report.outcome.exitCode == 4)
    }

    // MARK: Before anything is changed

    @Test("secrets that are missing: a mistake of input, no host is touched, every link is closed")
    func secrets() async throws {
        let fleet = try TestFleet()
        fleet.loseSecrets(Diagnostics(Diagnostic("passwords.db is empty", at: nil)))
        await #expect(throws: Diagnostics.self) { try await fleet.run() }
        #expect(fleet.log.touches.isEmpty)
        #expect(fleet.log.all.filter { $0.description.hasPrefix("close") }.count == 2)
    }

    @Test("a secret that does not fit its sink: the same, with the place in the recipe")
    func unfit() async throws {
        let fleet = try TestFleet(secret: "two\nlines")
        do {
            _ = try await fleet.run()
            Issue.record("it went on")
        } catch let error as Diagnostics {
            #expect(error.all.count == 1)
            #expect(error.all[0].message.contains("passwords.db"))
            #expect(error.all[0].location?.file.hasSuffix("app/role.yaml") == true)
            #expect(!error.description.contains("two"))
        }
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("a journal that cannot be written stops the run before the first change")
    func journal() async throws {
        let fleet = try TestFleet()
        let report = try await fleet.run(state: "/proc/nowhere")
        #expect(report.outcomes == ["app02 failed", "app01 failed"])
        #expect(report["app01"]?.ending.reason?.contains("CSO_STATE") == true)
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("a sweep that fails leaves that host out, and the other is done")
    func sweep() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook {
            $0.sweep = { HostAnswer(output: [], errors: Array("Read-only file system\n".utf8), status: 1) }
        }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 failed", "app01 changed"])
        #expect(report["app02"]?.ending.reason?.contains("Read-only file system") == true)
        #expect(report["app02"]?.changes.isEmpty == true)
        #expect(!fleet.log.steps.contains { $0.hasPrefix("app02") })
    }

    @Test("a ledger that cannot be written is told, and does not hide what was done or whether it serves")
    func ledger() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook { hooks in
            // It is written with the first step; somebody takes it away again.
            hooks.afterStep = { summary, state in if summary.hasSuffix("start app.service") { state.ledger = [] } }
            hooks.beforeStep = { summary, _ in summary == "write the ledger" ? .failing : nil }
        }
        let report = try await fleet.run()
        let host = try #require(report["app02"])
        #expect(host.ending.outcome == .failed)
        #expect(host.ending.reason?.hasPrefix("all is as its role says, but: write the ledger") == true)
        #expect(host.done.contains("update service:app.service") || host.done.contains("create service:app.service"))
    }

    // MARK: Interruption

    @Test("an interruption ends after the current step; what is left is said, and the run is interrupted")
    func interrupted() async throws {
        let fleet = try TestFleet()
        let interruption = Interruption()
        fleet["app02"].hook {
            $0.afterStep = { summary, _ in if summary.hasPrefix("write /etc/app.conf") { interruption.request() } }
        }
        let report = try await fleet.run(interruption: interruption)
        #expect(report.outcome.exitCode == 130)
        #expect(report.outcomes == ["app02 interrupted", "app01 not-attempted"])
        #expect(report["app02"]?.ending.reason == "interrupted before: run migrate")
        #expect(report["app02"]?.done.last == "create file:/etc/secret.conf")
        #expect(fleet.log.locks.suffix(2) == ["release app01", "release app02"])
    }

    @Test("an interruption between two hosts leaves the next one alone, and the run is interrupted")
    func betweenHosts() async throws {
        let fleet = try TestFleet()
        let interruption = Interruption()
        fleet["app02"].hook {
            $0.afterStep = { summary, _ in if summary.hasSuffix("start app.service") { interruption.request() } }
        }
        let report = try await fleet.run(interruption: interruption)
        #expect(report.outcomes == ["app02 changed", "app01 not-attempted"])
        #expect(report.outcome.exitCode == 130)
    }

    @Test("an interruption before the first change takes no lock")
    func early() async throws {
        let fleet = try TestFleet()
        let interruption = Interruption()
        interruption.request()
        let report = try await fleet.run(interruption: interruption)
        #expect(report.outcome.exitCode == 130)
        #expect(report.hosts.map(\.host) == ["app02", "app01"])
        #expect(report.hosts.allSatisfy { $0.changes.isEmpty })
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("an interruption at the question takes no lock either")
    func atTheQuestion() async throws {
        let fleet = try TestFleet()
        let interruption = Interruption()
        let report = try await fleet.run(
            interruption: interruption,
            confirm: { _ in
                interruption.request()
                return true
            })
        #expect(report.outcome.exitCode == 130)
        #expect(report.outcomes == ["app02 not-attempted", "app01 not-attempted"])
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("an interruption does not wait for a gate")
    func gateWait() async throws {
        let app = TestFleet.app.replacing(
            "- unit: app.service\n    deadline: 100ms", with: "- command: done serve\n    deadline: 1h")
        let fleet = try TestFleet(app: app)
        let interruption = Interruption()
        fleet["app02"].hook {
            $0.afterStep = { summary, _ in if summary.hasSuffix("start app.service") { interruption.request() } }
        }
        let report = try await fleet.run(interruption: interruption)
        #expect(report["app02"]?.ending.outcome == .interrupted)
        #expect(report["app02"]?.done.isEmpty == false)
    }

    // MARK: What hosts print

    @Test("a secret that a host prints, in whatever way, is nowhere in the report, the progress or the journal")
    func masking() async throws {
        let fleet = try TestFleet()
        let said = Mutex("")
        fleet["app02"].hook {
            $0.beforeStep = { summary, _ in
                guard summary == "run migrate" else { return nil }
                return HostAnswer(
                    output: Array("connecting with canary-password\n".utf8),
                    errors: Array("Y2FuYXJ5LXBhc3N3b3Jk refused\n".utf8), status: 1)
            }
        }
        fleet["app01"].hook {
            $0.onQuestions = { _ throws(HostFailure) in throw HostFailure(.failed, "canary-password!") }
        }
        let report = try await fleet.run(progress: { event in said.withLock { $0 += "\(event)\n" } })
        let all = report.json.encodedText() + ReportText(usesColor: false, isVerbose: true).summary(report)
        let journal = try read(fleet.stateFolder + "/runs/run1.jsonl")
        for text in [all, said.withLock { $0 }, journal] {
            #expect(!text.contains("canary"))
            #expect(!text.contains("Y2FuYXJ5"))
        }
        // The search works: the mark stands where the secret stood.
        #expect(all.contains("connecting with <secret>"))
        #expect(journal.contains("run migrate"))
    }

    @Test("an obstacle's reason is masked as well")
    func maskedObstacle() async throws {
        let fleet = try TestFleet()
        fleet["app02"].hook {
            $0.lock = { _ throws(HostFailure) in throw HostFailure(.failed, "said canary-password") }
        }
        let report = try await fleet.run()
        #expect(report["app02"]?.ending == Ending(.failed, "said <secret>"))
    }

    private func read(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
}
