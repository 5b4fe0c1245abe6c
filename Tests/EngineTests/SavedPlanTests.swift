import Engine
import Model
import Planning
import Records
import Report
import Resources
import Testing

@Suite("A saved plan")
struct SavedPlanTests {
    private static let drifted = Array("first line\nby hand\n".utf8)

    /// A converged fleet with one file changed by hand on app01.
    private func drifted() async throws -> TestFleet {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.files["/etc/app.conf"]?.content = Self.drifted }
        return fleet
    }

    @Test("is applied without a question, to what it names, and again it finds nothing to do")
    func applied() async throws {
        let fleet = try await drifted()
        let (plan, shown) = try await fleet.plan()
        #expect(shown.outcome == .wouldChange)
        #expect(fleet.log.touches.isEmpty)
        let report = try await fleet.apply(plan)
        #expect(report.outcomes == ["app02 unchanged", "app01 changed"])
        #expect(fleet.log.steps == ["app01: write /etc/app.conf", "app01: reload app.service"])
        fleet.log.clear()
        let again = try await fleet.apply(plan)
        #expect(again.outcome == .unchanged)
        #expect(again.notes.contains("app01: file:/etc/app.conf no longer needs update, which the plan has"))
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("brings bare hosts up: what was only known after something else becomes what the plan says that it may")
    func bare() async throws {
        let fleet = try TestFleet()
        let (plan, _) = try await fleet.plan(Selection(all: true))
        let report = try await fleet.apply(plan)
        #expect(report.outcomes == TestFleet.order.map { "\($0) changed" })
        #expect(try await fleet.run(Selection(all: true)).outcome == .unchanged)
    }

    struct Drift: Sendable, CustomTestStringConvertible {
        var name: String
        /// In the reason or in the notes.
        var word: String
        var drift: @Sendable (TestFleet) throws -> Void
        var testDescription: String { name }
    }

    @Test(
        "is refused when something else would be done, which is named; nothing is touched",
        arguments: [
            Drift(name: "another content by hand", word: "file:/etc/app.conf now has content") { fleet in
                fleet["app01"].change { $0.files["/etc/app.conf"]?.content = Array("again".utf8) }
            },
            Drift(name: "one difference more", word: "file:/etc/app.conf now needs create, where the plan says update")
            {
                fleet in fleet["app01"].change { $0.files["/etc/app.conf"] = nil }
            },
            Drift(
                name: "another resource", word: "file:/etc/secret.conf now needs update, which the plan does not have"
            ) {
                fleet in fleet["app01"].change { $0.files["/etc/secret.conf"]?.mode = "0644" }
            },
            Drift(name: "another host", word: "file:/etc/app.conf of app02 now needs create") { fleet in
                fleet["app02"].change { $0.files["/etc/app.conf"] = nil }
            },
            Drift(name: "a restart that is owed", word: "now needs restart, where the plan says reload") { fleet in
                fleet["app01"].change { $0.notes = ["restart:app.service"] }
            },
            Drift(name: "an edited recipe", word: "since the plan, roles/app/role.yaml was changed") { fleet in
                try fleet.edit(TestFleet.app.replacing("second line", with: "third line"), "Roles/app/role.yaml")
            },
            Drift(name: "another notification", word: "file:/etc/app.conf is asked for otherwise than in the plan") {
                fleet in
                try fleet.edit(
                    TestFleet.app.replacing("notify: [reload app.service]", with: "notify: [restart app.service]"),
                    "Roles/app/role.yaml")
            },
            Drift(name: "a gate that is gone", word: "the gates of app02") { fleet in
                try fleet.edit(TestFleet.app.replacing("successes: 2", with: "successes: 1"), "Roles/app/role.yaml")
            },
            Drift(name: "a rotated secret", word: "secret passwords was rotated from version version-1 to version-2") {
                fleet in fleet.rotate("canary-second", to: "version-2")
            },
            Drift(name: "another address", word: "app01 has the address 10.1.128.99 now") { fleet in
                fleet.move("app01", to: try #require(Address("10.1.128.99")))
            },
            Drift(name: "another machine", word: "app02 is another machine now") { fleet in
                fleet["app02"].replace("SHA256:second")
            },
        ])
    func stale(drift: Drift) async throws {
        let fleet = try await drifted()
        let (plan, _) = try await fleet.plan()
        try drift.drift(fleet)
        let report = try await fleet.apply(plan)
        #expect(report.outcome == .refused)
        #expect(report.outcome.exitCode == 6)
        #expect(fleet.log.touches.isEmpty)
        let told = report.notes + report.hosts.compactMap(\.ending.reason)
        #expect(told.contains { $0.contains(drift.word) }, "\(told)")
        #expect(told.contains { $0.contains("the plan is stale: ") })
    }

    @Test(
        "is done when nothing else would be done",
        arguments: [
            Drift(name: "a comment in the recipe", word: "") { fleet in
                try fleet.edit(TestFleet.app + "\n# nothing\n", "Roles/app/role.yaml")
            },
            Drift(name: "a resource of another role", word: "") { fleet in
                fleet["provider01"].change { $0.files = [:] }
            },
            Drift(name: "a new version with the same values", word: "") { fleet in
                fleet.rotate("canary-password", to: "version-2")
            },
        ])
    func still(drift: Drift) async throws {
        let fleet = try await drifted()
        let (plan, _) = try await fleet.plan()
        try drift.drift(fleet)
        let report = try await fleet.apply(plan)
        #expect(report.outcome == .changed, "\(report.notes) \(report.hosts.compactMap(\.ending.reason))")
    }

    @Test("that writes a secret is refused once the secret was rotated, also where nothing else has changed")
    func rotated() async throws {
        let fleet = try await TestFleet().converged()
        fleet["app01"].change { $0.files["/etc/secret.conf"]?.content = Array("by hand".utf8) }
        let (plan, _) = try await fleet.plan()
        fleet.rotate("canary-password", to: "version-2")
        let report = try await fleet.apply(plan)
        #expect(report.outcome == .refused)
        #expect(
            report["app01"]?.ending.reason?.contains(
                "would be made with version version-2 of secret passwords, where the plan says version-1") == true)
        #expect(fleet.log.touches.isEmpty)
    }

    @Test("made by another version of the program is refused")
    func version() async throws {
        let fleet = try await drifted()
        var (plan, _) = try await fleet.plan()
        plan.origin.tool = "9.9.9"
        let report = try await fleet.apply(plan)
        #expect(report.outcome == .refused)
        #expect(report["app01"]?.ending.reason?.contains("made by version 9.9.9") == true)
    }

    @Test("that becomes stale under the locks is refused there, with nothing done")
    func underLock() async throws {
        let fleet = try await drifted()
        let (plan, _) = try await fleet.plan()
        fleet["app02"].hook { hooks in
            hooks.lock = { state throws(HostFailure) in
                state.files["/etc/app.conf"] = nil
                return nil
            }
        }
        let report = try await fleet.apply(plan)
        #expect(report.outcome == .refused)
        #expect(fleet.log.steps.isEmpty)
    }

    @Test("holds no secret, no digest and no length of one, whatever hosts say")
    func canary() async throws {
        let fleet = try await TestFleet().converged()
        let planted = Array("canary-by-hand".utf8)
        fleet["app01"].change { state in
            state.files["/etc/secret.conf"]?.content = planted
            state.files["/etc/app.conf"]?.content = Array("canary-password\n".utf8)
        }
        let (plan, _) = try await fleet.plan()
        let text = String(decoding: PlanFile.encoded(plan), as: UTF8.self)
        #expect(text.contains("/etc/secret.conf"))
        for hidden in ["canary-password", "canary-by-hand"] {
            #expect(!text.contains(hidden))
            #expect(!text.contains(Digest.sha256(Array(hidden.utf8))))
        }
        let report = try await fleet.apply(plan)
        #expect(report.outcome == .changed)
    }
}
