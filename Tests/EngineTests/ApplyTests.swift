import Engine
import Model
import Planning
import Report
import Resources
import Testing

@Suite("An apply, when all goes well")
struct ApplyTests {
    @Test("brings bare hosts to what their roles say: provider first, one host at a time, in the inventory's order")
    func first() async throws {
        let fleet = try TestFleet()
        let report = try await fleet.run(Selection(all: true))
        #expect(report.outcome == .changed)
        #expect(report.outcomes == TestFleet.order.map { "\($0) changed" })
        #expect(
            fleet.log.steps == [
                "provider02: write /etc/provider.conf", "provider02: enable and start provider.service",
                "provider01: write /etc/provider.conf", "provider01: enable and start provider.service",
                "app02: install aa, bb", "app02: run once: make the key",
                "app02: write /etc/app.conf, /etc/secret.conf", "app02: run migrate",
                "app02: enable and start app.service",
                "app01: install aa, bb", "app01: copy /etc/key from app02",
                "app01: write /etc/app.conf, /etc/secret.conf", "app01: run migrate",
                "app01: enable and start app.service",
            ])
        for name in ["app01", "app02"] as [HostName] {
            let state = fleet[name].state
            #expect(state.files["/etc/key"]?.content == Array("key of app02".utf8))
            #expect(state.files["/etc/secret.conf"]?.content == Array("canary-password".utf8))
            #expect(state.files["/etc/secret.conf"]?.mode == "0600")
            #expect(state.units["app.service"] == .init(active: "active", isEnabled: true))
            #expect(state.notes.isEmpty)
            #expect(state.ledger.contains("file:/etc/app.conf"))
        }
    }

    @Test("again changes nothing: no step, no lock, no sweep")
    func second() async throws {
        let fleet = try await TestFleet().converged()
        let report = try await fleet.run(Selection(all: true))
        #expect(report.outcome == .unchanged)
        #expect(report.outcome.exitCode == 0)
        #expect(report.outcomes == TestFleet.order.map { "\($0) unchanged" })
        #expect(fleet.log.touches.isEmpty)
        #expect(report.hosts.allSatisfy { $0.changes.isEmpty && $0.seconds < 60 })
    }

    @Test("a plan never sends a step, a lock or a sweep, and says what would be done")
    func plan() async throws {
        let fleet = try TestFleet()
        let report = try await fleet.run(Selection(all: true), changes: false)
        #expect(report.outcome == .wouldChange)
        #expect(report.outcome.exitCode == 2)
        #expect(report.command == "plan")
        #expect(fleet.log.touches.isEmpty)
        #expect(report["app02"]?.done.contains("run once:make the key") == true)
        let later = report["app01"]?.changes.first { $0.change.resource == "transfer:/etc/key" }
        #expect(later?.change.knownAfter?.host == "app02")
    }

    @Test("a change by hand is shown as a diff and put right, and the service is reloaded once")
    func drift() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.files["/etc/app.conf"]?.content = Array("first line\nby hand\n".utf8) }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unchanged", "app01 changed"])
        #expect(fleet.log.steps == ["app01: write /etc/app.conf", "app01: reload app.service"])
        let change = report["app01"]?.changes.first
        #expect(change?.diff == "@@ line 1 @@\n first line\n-by hand\n+second line\n ")
        #expect(fleet["app01"].state.units["app.service"]?.reloads == 1)
        #expect(fleet["app01"].state.notes.isEmpty)
    }

    @Test("a sensitive file is put right without its content, hash or length being shown")
    func sensitive() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.files["/etc/secret.conf"]?.content = Array("canary-by-hand".utf8) }
        let report = try await fleet.run()
        #expect(report.outcome == .changed)
        let shown = report.json.encodedText() + ReportText(usesColor: false, isVerbose: true).plan(report.hosts)
        #expect(shown.contains("/etc/secret.conf"))
        for hidden in [
            "canary", Digest.sha256(Array("canary-by-hand".utf8)), Digest.sha256(Array("canary-password".utf8)),
        ] {
            #expect(!shown.contains(hidden))
        }
        #expect(!shown.contains("bytes"))
    }

    @Test("a restart that a dead run still owes is done, and noted before the change that causes one")
    func owed() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.notes = ["restart:app.service"] }
        fleet["app02"].change { $0.files["/etc/app.conf"]?.content = [] }
        fleet["app02"].hook { $0.beforeStep = { summary, _ in summary.hasPrefix("write /etc/app") ? .failing : nil } }
        let report = try await fleet.run()
        // The first host in order fails; what it owes is noted all the same, since the step may have got that far.
        #expect(report.outcomes == ["app02 failed", "app01 not-attempted"])
        #expect(fleet["app02"].state.notes == ["reload:app.service"])
        fleet["app02"].hook { $0.beforeStep = { _, _ in nil } }
        let again = try await fleet.run()
        #expect(again.outcome == .changed)
        #expect(fleet["app01"].state.units["app.service"]?.restarts == 1)
        #expect(fleet["app02"].state.units["app.service"]?.reloads == 1)
        #expect(fleet["app01"].state.notes.isEmpty && fleet["app02"].state.notes.isEmpty)
    }

    @Test("the ledger remembers what is no longer declared, and the plan tells it")
    func forgotten() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.ledger.append("file:/etc/old.conf") }
        let report = try await fleet.run(changes: false)
        #expect(report.outcome == .unchanged)
        #expect(report["app01"]?.notes.contains { $0.contains("file:/etc/old.conf") } == true)
    }

    @Test("a rotated secret shows from which version to which, in the plan and in what was done, and no value")
    func rotation() async throws {
        let fleet = try await TestFleet().converged()
        fleet.rotate("canary-of-tomorrow", to: "version-2")
        for changes in [false, true] {
            let report = try await fleet.run(changes: changes)
            for host in ["app02", "app01"] as [HostName] {
                let change = report[host]?.changes.first { $0.change.resource == "file:/etc/secret.conf" }
                #expect(
                    change?.change.differences.last
                        == Difference(key: "secrets of passwords", observed: "version-1", desired: "version-2"))
            }
            #expect(!report.json.encodedText().contains("canary"))
        }
        #expect(try await fleet.run().outcome == .unchanged)
        // Put right by hand in between: no version changed, so none is shown.
        fleet["app01"].change { $0.files["/etc/secret.conf"]?.content = Array("by hand".utf8) }
        let repaired = try await fleet.run()
        #expect(repaired["app01"]?.changes.first?.change.differences.map(\.key) == ["content"])
    }

    @Test(
        "a selection changes what it covers, and asks the peers all the same",
        arguments: [
            (Selection(hosts: ["app01"]), ["app01"]), (Selection(roles: ["app"], zone: "zone-a"), ["app01"]),
            (Selection(roles: ["app"], hosts: ["app02"]), ["app02"]),
        ] as [(Selection, [HostName])])
    func selection(selection: Selection, covered: [HostName]) async throws {
        let fleet = try await TestFleet().converged()
        for name in ["app01", "app02"] as [HostName] { fleet[name].change { $0.files["/etc/app.conf"] = nil } }
        let report = try await fleet.run(selection)
        #expect(report.hosts.map(\.host) == covered)
        #expect(report.outcome == .changed)
        for name in ["app01", "app02"] as [HostName] {
            #expect((fleet[name].state.files["/etc/app.conf"] != nil) == covered.contains(name))
            #expect(fleet.log.all.contains(.asked(name)))
            #expect(fleet.log.all.contains(.locked(name)), "a peer that is not changed is locked all the same")
        }
        #expect(!fleet.log.all.contains(.connected("provider01")))
    }

    @Test("a selection without hosts, and one that names nobody, are mistakes of input")
    func emptySelection() async throws {
        let fleet = try TestFleet()
        for selection in [
            Selection(hosts: ["app01"], zone: "zone-c"), Selection(hosts: ["app03"]), Selection(roles: ["apq"]),
            Selection(zone: "zone-b"), Selection(roles: ["provider"], hosts: ["app01"]),
        ] {
            await #expect(throws: Diagnostics.self) { try await fleet.run(selection) }
        }
        #expect(fleet.log.all.isEmpty)
    }

    @Test("a host that does what it shall and does not serve is not called fine, also when others were changed")
    func unhealthy() async throws {
        let app = TestFleet.app.replacing("- unit: app.service", with: "- command: done serve")
        let fleet = try TestFleet(app: app)
        for host in fleet.hosts.values { host.change { $0.done = ["serve"] } }
        _ = try await fleet.converged()
        fleet["app02"].change { $0.done.remove("serve") }
        let quiet = try await fleet.run()
        #expect(quiet.outcomes == ["app02 failed", "app01 unchanged"])
        #expect(quiet["app02"]?.ending.reason?.contains("done serve") == true)
        fleet["app02"].change { $0.done.insert("serve") }
        fleet["app01"].change {
            $0.files["/etc/app.conf"] = nil
            $0.done.remove("serve")
        }
        fleet["app01"].hook { $0.afterStep = { _, state in state.done.insert("serve") } }
        fleet["app02"].hook { $0.onQuestions = { state in state.done.remove("serve") } }
        let busy = try await fleet.run()
        #expect(busy.outcomes == ["app02 failed", "app01 changed"])
    }
}

extension HostAnswer {
    static let failing = HostAnswer(
        output: Array("reading\n".utf8), errors: Array("No space left on device\n".utf8), status: 1)
}
