import Engine
import Model
import Report
import Resources
import Testing

@Suite("A role of three members, and roles without order")
struct ThreeMembersTests {
    private static let inventory = TestFleet.inventory.replacing("[app01, app02]", with: "[app01, app02, app03]")

    @Test("one after another; what one has made is carried to both others")
    func first() async throws {
        let fleet = try TestFleet(inventory: Self.inventory)
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 changed", "app01 changed", "app03 changed"])
        let hosts = fleet.log.steps.map { $0.prefix { $0 != ":" } }
        #expect(
            hosts
                == hosts.sorted {
                    ["app02": 0, "app01": 1, "app03": 2][$0, default: 3]
                        < ["app02": 0, "app01": 1, "app03": 2][$1, default: 3]
                })
        #expect(fleet.log.steps.contains("app03: copy /etc/key from app02"))
        for name in ["app01", "app02", "app03"] as [HostName] {
            #expect(fleet[name].state.files["/etc/key"]?.content == Array("key of app02".utf8))
        }
        fleet.log.clear()
        #expect(try await fleet.run().outcome == .unchanged)
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("different keys are refused by name, and nobody is changed")
    func disagreement() async throws {
        let fleet = try await TestFleet(inventory: Self.inventory).converged()
        fleet["app03"].change { $0.files["/etc/key"]?.content = Array("another".utf8) }
        let report = try await fleet.run()
        #expect(report.outcome.exitCode == 6)
        #expect(
            report.hosts.allSatisfy { $0.ending.outcome == .refused && $0.ending.reason?.contains("app03") == true })
        #expect(fleet.log.steps.isEmpty)
    }

    @Test("with two down the third, which serves, is left alone")
    func twoDown() async throws {
        let fleet = try await TestFleet(inventory: Self.inventory).converged()
        fleet.takeDown("app01")
        fleet.takeDown("app02")
        fleet["app03"].change { $0.files["/etc/app.conf"] = nil }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 unreachable", "app01 unreachable", "app03 refused"])
        #expect(fleet.log.steps.isEmpty)
    }

    @Test("members of a role that promises no service may be changed together; one that fails does not stop its peers")
    func atOnce() async throws {
        let app = """
            role: app
            description: Files only.
            members_at_once: all
            resources:
              - file: /etc/a
                content: "a"
            """
        let fleet = try TestFleet(app: app)
        fleet["app02"].hook { $0.beforeStep = { summary, _ in summary == "write /etc/a" ? .failing : nil } }
        let report = try await fleet.run()
        #expect(report.outcomes == ["app02 failed", "app01 changed"])
    }
}
