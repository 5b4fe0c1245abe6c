import Engine
import Model
import Report
import Resources
import Testing

@Suite("Gates that others ask, and gates of the whole role")
struct VantageTests {
    private static let head = """
        role: app
        description: One file and one service.
        resources:
          - file: /etc/app.conf
            content: "x"
            notify: [reload app.service]
          - service: app.service
        gates:
          - unit: app.service
            deadline: 100ms
            interval: 5ms
            successes: 1

        """
    private static let options = "    deadline: 60ms\n    interval: 5ms\n    successes: 2\n"
    private static let peer = head + "  - tcp: 80\n    vantage: peer\n" + options
    private static let controller = head + "  - tcp: 80\n    vantage: controller\n" + options
    private static let role = head + "  - command: done cluster\n    scope: role\n" + options
    /// Where the test fleet puts app02.
    private static let app02 = "10.1.192.13/80"

    private func drift(_ fleet: TestFleet, _ hosts: HostName...) {
        for host in hosts { fleet[host].change { $0.files["/etc/app.conf"]?.content = Array("y".utf8) } }
        fleet.log.clear()
    }

    @Test("a peer asks about the host before the next one is changed")
    func peerHolds() async throws {
        let fleet = try TestFleet(app: Self.peer)
        #expect(try await fleet.run().outcomes == ["app02 changed", "app01 changed"])
        #expect(try await fleet.run().outcome == .unchanged)
    }

    @Test("what the host says of itself is not enough: its peer cannot reach it")
    func peerFails() async throws {
        let fleet = try TestFleet(app: Self.peer)
        fleet["app01"].change { $0.refusing = [Self.app02] }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 failed", "app01 not-attempted"])
        #expect(report["app02"]?.ending.reason?.contains("gate tcp 80 asked by app01: Connection refused") == true)
        #expect(report.outcome.exitCode == 3)
    }

    @Test("a host whose peer does not serve as others see it is refused")
    func peerOfTheOther() async throws {
        let fleet = try await TestFleet(app: Self.peer).converged()
        fleet["app01"].change { $0.refusing = [Self.app02] }
        drift(fleet, "app01")
        let report = try await fleet.run(Selection(hosts: ["app01"]))
        #expect(report.outcomes == ["app01 refused"])
        #expect(report["app01"]?.ending.reason?.contains("app02 is unhealthy (gate tcp 80 asked by app01") == true)
        #expect(report.outcome.exitCode == 6)
        #expect(fleet.log.steps.isEmpty)
    }

    @Test("with no peer to be reached nobody is asked, so that the loss of a zone stops no repair")
    func peerIsDown() async throws {
        let fleet = try TestFleet(app: Self.peer)
        fleet.takeDown("app01")
        #expect(try await fleet.run().outcomes == ["app02 changed", "app01 unreachable"])
    }

    @Test("the controller asks over a session of its own, which only such gates open")
    func controller() async throws {
        let fleet = try TestFleet(app: Self.controller)
        fleet.controller.change { $0.refusing = [Self.app02] }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 failed", "app01 not-attempted"])
        #expect(report["app02"]?.ending.reason?.contains("asked by the controller: Connection refused") == true)
        fleet.controller.change { $0.refusing = [] }
        #expect(try await fleet.run().outcome.exitCode == 0)
        #expect(fleet.log.all.filter { $0 == .connected("controller") }.count == 2)
        #expect(fleet.log.all.filter { $0 == .closed("controller") }.count == 2)

        let other = try TestFleet(app: Self.peer)
        _ = try await other.run()
        #expect(!other.log.all.contains(.connected("controller")))
    }

    @Test("a plan says what will be asked, by whom and when")
    func planned() async throws {
        let plan = try await TestFleet(app: Self.peer + "  - tcp: 81\n    scope: role\n    vantage: controller\n")
            .run(changes: false)
        let gates = try #require(plan["app02"]).gates
        #expect(gates.map(\.label) == ["unit app.service", "tcp 80", "tcp 81"])
        #expect(
            gates.map(\.circumstances) == [
                nil, "asked by another member", "of the whole role, asked by the controller",
            ])
    }

    // MARK: The whole role

    @Test("after the last host; that it does not hold is a failure")
    func roleAfterTheLast() async throws {
        let fleet = try TestFleet(app: Self.role)
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 changed", "app01 failed"])
        #expect(
            report["app01"]?.ending.reason?.hasPrefix(
                "after the last host of app was changed: gate of the role, command done cluster of app02: status 1")
                == true)
        // Nothing is left to do, and nothing is fine.
        let again = try await fleet.run()
        #expect(again.outcomes == ["app02 failed", "app01 unchanged"])
        for host in ["app01", "app02"] as [HostName] { fleet[host].change { $0.done = ["cluster"] } }
        #expect(try await fleet.run().outcome == .unchanged)
    }

    @Test("before the first, if every member serves")
    func roleBeforeTheFirst() async throws {
        let fleet = try TestFleet(app: Self.role)
        _ = try await fleet.run()
        drift(fleet, "app01", "app02")
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 refused", "app01 refused"])
        #expect(report["app02"]?.ending.reason?.hasSuffix("to change it all the same: --allow interrupt-app") == true)
        #expect(fleet.log.steps.isEmpty)
        let plan = try await fleet.run(changes: false)
        #expect(plan["app02"]?.notes.contains { $0.contains("apply would refuse it") } == true)
        let allowed = try await fleet.run(allowed: ["interrupt-app"])
        #expect(allowed.outcomes == ["app02 changed", "app01 failed"])
    }

    @Test("what comes after a role whose gates do not hold is not begun")
    func consumers() async throws {
        let provider = TestFleet.provider + "\n  - command: done cluster\n    scope: role\n" + Self.options
        let report = try await TestFleet(provider: provider).run(Selection(all: true))
        #expect(
            report.outcomes == [
                "provider02 changed", "provider01 failed", "app02 not-attempted", "app01 not-attempted",
            ])
    }
}

@Suite("Points of no return")
struct PermissionTests {
    private static let app = TestFleet.app.replacing(
        "run: migrate it", with: "run: migrate it\n    confirm: migrate-schema")

    @Test("are refused before anything is changed on any host of the role; other roles go on")
    func refused() async throws {
        let fleet = try TestFleet(app: Self.app)
        let report = try await fleet.run(Selection(all: true))
        #expect(
            report.outcomes == ["provider02 changed", "provider01 changed", "app02 refused", "app01 refused"])
        #expect(
            report["app02"]?.ending.reason?.contains("command:migrate of app02 needs --allow migrate-schema") == true)
        #expect(report.outcome.exitCode == 6)
        #expect(!fleet.log.touches.contains { $0.contains("app0") })
    }

    @Test("are shown by the plan, and done when they are allowed by name")
    func allowed() async throws {
        let fleet = try TestFleet(app: Self.app)
        let plan = try await fleet.run(changes: false)
        #expect(plan.outcome == .wouldChange)
        let confirms = try #require(plan["app02"]).changes.compactMap(\.change.confirm)
        #expect(confirms == ["migrate-schema"])
        #expect(plan["app02"]?.notes.contains { $0.contains("apply would refuse it") } == true)
        #expect(try await fleet.run(allowed: ["migrate-schema"]).outcomes == ["app02 changed", "app01 changed"])
        // What is done needs no permission.
        #expect(try await fleet.run().outcome == .unchanged)
    }

    @Test("a name that nothing has is refused with the nearest")
    func unknownName() async throws {
        let fleet = try TestFleet(app: Self.app)
        let mistake = await #expect(throws: Diagnostics.self) { try await fleet.run(allowed: ["migrate-shema"]) }
        #expect(mistake?.all.first?.remedy == "did you mean \"migrate-schema\"?")
        #expect(fleet.log.all.isEmpty)
    }

    @Test("a role of one member that serves is changed only when its interruption is allowed")
    func interruption() async throws {
        let inventory = TestFleet.inventory.replacing("[app01, app02]", with: "[app01]")
        let fleet = try await TestFleet(inventory: inventory).converged()
        fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
        let refused = try await fleet.run()
        #expect(refused.outcomes == ["app01 refused"])
        #expect(refused["app01"]?.ending.reason?.hasSuffix("--allow interrupt-app") == true)
        #expect(fleet.log.steps.isEmpty)
        let report = try await fleet.run(allowed: ["interrupt-app"])
        #expect(report.outcomes == ["app01 changed"])
        #expect(report["app01"]?.notes.contains("nothing served meanwhile, as --allow interrupt-app says") == true)
    }

    @Test("a secret that was rotated meanwhile is told at the end, of runs that changed something")
    func rotation() async throws {
        let fleet = try TestFleet()
        fleet.rotations.withLock { $0 = ["rotated"] }
        #expect(try await fleet.run().notes == ["rotated"])
        #expect(try await fleet.run().notes.isEmpty)
    }
}
