import Compile
import Model
import Resources
import Testing

@testable import Planning

@Suite("Restarts and reloads that are owed")
struct OwedTests {
    private let reload = Notification(.reload, "app.service")
    private let restart = Notification(.restart, "app.service")
    private let running = Seen().unit("app.service", "active")

    private func planned(_ plan: HostPlan) -> [String] { plan.lines.filter { $0.contains("service:") } }

    @Test("a note on the host is settled, and nothing else is done")
    func note() throws {
        let plan = RolePlanner().plan(
            [try Declared.service("app.service")], Seen(owed: [reload]).unit("app.service", "active"))
        #expect(plan.lines == ["reload service:app.service"])
        #expect(plan.steps.map(\.summary) == ["reload app.service"])
    }

    @Test("a change owes; the note is made in the step of the change, before it, and settled when nothing else is left")
    func change() throws {
        let resources = [try Declared.file("/a", notifies: [restart]), try Declared.service("app.service")]
        let plan = RolePlanner().plan(resources, running.file("/a", "old\n"))
        #expect(plan.lines == ["update file:/a", "restart service:app.service"])
        #expect(plan.steps.map(\.summary) == ["write /a"])
        let script = try #require(plan.steps.first).script.text
        #expect(script.hasPrefix(OwedNotes.prelude(for: [restart]).text))
        #expect(script.contains("/owed/restart:app.service"))
    }

    @Test("each change notes what it owes in its own step, or the first of a transaction for all")
    func group() throws {
        let other = Notification(.reload, "other.service")
        let resources = [
            try Declared.file("/a"), try Declared.file("/b", notifies: [restart]),
            try Declared.file("/c", notifies: [other]),
        ]
        let new = RolePlanner().plan(resources, Seen().nothing(at: "/a").nothing(at: "/b").nothing(at: "/c"))
        #expect(new.steps.count == 1)
        #expect(new.steps.first?.script.text.hasPrefix(OwedNotes.prelude(for: [other, restart]).text) == true)
        // Removals are steps of their own.
        let absent = [
            try Declared.file("/a"), try Declared.noFile("/b", notifies: [restart]),
            try Declared.file("/c", notifies: [other]),
        ]
        let plan = RolePlanner().plan(absent, Seen().nothing(at: "/a").file("/b", "old\n").nothing(at: "/c"))
        let scripts = plan.steps.map(\.script.text)
        try #require(scripts.count == 3)
        #expect(!scripts[0].contains("/owed/"))
        #expect(scripts[1].hasPrefix(OwedNotes.prelude(for: [restart]).text))
        #expect(scripts[2].hasPrefix(OwedNotes.prelude(for: [other]).text))

        let packages = [
            try Declared.package("aa", notifies: [other]), try Declared.package("bb", notifies: [restart, other]),
        ]
        let both = RolePlanner().plan(packages, Seen().package("aa", installed: false).package("bb", installed: false))
        #expect(both.steps.count == 1)
        #expect(both.steps.first?.script.text.hasPrefix(OwedNotes.prelude(for: [other, restart]).text) == true)
    }

    @Test("a restart does what a reload does: only one of them is done, and both notes go")
    func supersedes() throws {
        let plan = RolePlanner().plan(
            [try Declared.service("app.service")], Seen(owed: [reload, restart]).unit("app.service", "active"))
        #expect(plan.lines == ["restart service:app.service"])
        let script = try #require(plan.steps.first).script.text
        #expect(script.contains("restart:app.service") && script.contains("reload:app.service"))
    }

    @Test("a fresh start reads every file: the restart is not expected any more, only possible")
    func freshStart() throws {
        let resources = [try Declared.file("/a", notifies: [restart]), try Declared.service("app.service")]
        let plan = RolePlanner().plan(resources, Seen().nothing(at: "/a").unit("app.service", "inactive"))
        #expect(
            plan.lines == ["create file:/a", "update service:app.service", "? restart service:app.service"])
        #expect(plan.changes.last?.isExpected == false)
    }

    @Test("so does a start that a note waits for")
    func freshStartSettlesNote() throws {
        let plan = RolePlanner().plan(
            [try Declared.service("app.service")], Seen(owed: [restart]).unit("app.service", "inactive"))
        #expect(plan.lines == ["update service:app.service", "? restart service:app.service"])
        #expect(plan.changes.last?.knownAfter?.resource == "service:app.service")
        #expect(plan.steps.map(\.summary) == ["start app.service"])
    }

    @Test("a unit that shall not run is not restarted; its note goes")
    func stopped() throws {
        let plan = RolePlanner().plan(
            [try Declared.service("app.service", running: false)],
            Seen(owed: [restart]).unit("app.service", "inactive", enabled: false))
        let script = try #require(plan.steps.first).script.text
        #expect(!script.contains("systemctl restart"))
        #expect(script.contains("rm -f"))
    }

    @Test("with an obstacle nothing is settled; the note stays")
    func obstacle() throws {
        let plan = RolePlanner().plan(
            [try Declared.file("/a"), try Declared.service("app.service")],
            Seen(owed: [restart]).unit("app.service", "active"))
        #expect(plan.obstacle != nil)
        #expect(planned(plan) == ["restart service:app.service"])
        #expect(plan.groups.isEmpty)
    }

    @Test("what is owed and cannot be read stops the host: a restart could be lost")
    func unreadable() throws {
        let seen = Seen().nothing(at: "/a").unknown(OwedNotes.request, "Input/output error")
        let plan = RolePlanner().plan([try Declared.file("/a")], seen)
        #expect(plan.obstacle?.reason == "Input/output error")
        #expect(plan.groups.isEmpty)
    }

    @Test("a change that is only possible owes nothing yet, and what it would owe is shown as possible")
    func possible() throws {
        let resources = [try Declared.package("nginx"), try Declared.file("/a", notifies: [reload])]
        let plan = RolePlanner().plan(resources, Seen().package("nginx", installed: false).file("/a"))
        #expect(planned(plan) == ["? reload service:app.service"])
        #expect(plan.changes.last?.knownAfter?.resource == "file:/a")
    }
}
