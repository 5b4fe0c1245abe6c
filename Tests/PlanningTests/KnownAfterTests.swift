import Compile
import Model
import Resources
import Testing

@testable import Planning

@Suite("What is known later")
struct KnownAfterTests {
    private let seen = Seen().package("nginx", installed: false)

    private func later(_ plan: HostPlan, _ resource: ResourceID) throws -> PlannedChange {
        try #require(plan.changes.first { $0.resource == resource })
    }

    @Test("nothing behind what may alter anything is called unchanged")
    func unchanged() throws {
        let reload = Notification(.reload, "nginx.service")
        let plan = RolePlanner().plan(
            [try Declared.package("nginx"), try Declared.file("/a", notifies: [reload])], seen.file("/a"))
        let change = try later(plan, "file:/a")
        #expect(
            change.knownAfter == .init(host: "backend01", resource: "package:nginx", possible: [.create, .update]))
        #expect(!change.isExpected)
        #expect(change.notifies == [reload])
        let owed = try later(plan, "service:nginx.service")
        #expect(owed.knownAfter?.possible == [.reload])
        #expect(!owed.isExpected)
        #expect(plan.groups.map { $0.changes.map(\.resource) } == [["package:nginx"]])
    }

    struct Case: Sendable {
        var resource: DeclaredResource
        var seen: Seen
        var possible: Set<ChangeAction>

        init(_ resource: DeclaredResource, _ seen: Seen, _ possible: Set<ChangeAction>) {
            self.resource = resource
            self.seen = seen
            self.possible = possible
        }
    }

    static func cases() throws -> [Case] {
        [
            Case(try Declared.file("/a"), Seen().nothing(at: "/a"), [.create, .update]),
            Case(try Declared.file("/a"), Seen().file("/a", "old"), [.create, .update]),
            Case(try Declared.noFile("/a"), Seen().file("/a"), [.remove]),
            Case(try Declared.noFile("/a"), Seen().nothing(at: "/a"), [.remove]),
            Case(try Declared.command("make", unless: "t"), Seen().script("t", 1), [.run, .update]),
            Case(try Declared.command("make", unless: "t"), Seen().script("t", 0), [.run, .update]),
            Case(try Declared.service("a.service"), Seen().unit("a.service", "active"), [.create, .update]),
        ]
    }

    @Test("names every action that it may become", arguments: try cases())
    func possible(of one: Case) throws {
        let plan = RolePlanner().plan(
            [try Declared.package("nginx"), one.resource], one.seen.package("nginx", installed: false))
        let change = try later(plan, one.resource.id)
        #expect(change.knownAfter?.possible == one.possible)
        #expect(one.possible.contains(change.action))
    }

    @Test("what cannot be seen yet is waited for, with what it may owe, and never called right")
    func unknown() throws {
        let restart = Notification(.restart, "app.service")
        let resources = [
            try Declared.package("nginx"), try Declared.command("make", unless: "t", notifies: [restart]),
            try Declared.noFile("/gone"),
        ]
        // The guard needs a program that the package brings.
        let plan = RolePlanner().plan(resources, seen.script("t", 127))
        #expect(plan.obstacle == nil)
        let change = try later(plan, "command:make")
        #expect(change.knownAfter?.possible == [.run, .update])
        #expect(change.notifies == [restart])
        #expect(change.isExpected)
        #expect(try later(plan, "file:/gone").knownAfter?.possible == [.remove])
        #expect(plan.changes.contains { $0.resource == "service:app.service" && $0.action == .restart })
    }

    @Test("the first that may alter anything is what all the rest waits for")
    func first() throws {
        let resources = [
            try Declared.package("nginx"), try Declared.command("make", unless: "t"), try Declared.file("/a"),
        ]
        let plan = RolePlanner().plan(resources, seen.script("t", 1).nothing(at: "/a"))
        #expect(plan.lines == ["create package:nginx", "? run command:make", "? create file:/a"])
        #expect(Set(plan.changes.compactMap(\.knownAfter?.resource)) == ["package:nginx"])
    }

    @Test("what is made of a file is known after the file, what comes after it too; of other files it is not")
    func inputs() throws {
        let command = try Declared.command("make", unless: "t", inputs: ["/a"])
        let resources = [try Declared.file("/a"), command, try Declared.file("/b")]
        let marks = try #require(command.resource.probes(on: Seen.facts).last)
        let done = Seen().script("t", 0).with(marks, .present(["changed": .list([])])).file("/b")
        let plan = RolePlanner().plan(resources, done.file("/a", "old\n"))
        #expect(plan.lines == ["update file:/a", "? run command:make", "? create file:/b"])
        #expect(plan.changes.map(\.isExpected) == [true, false, false])
        #expect(plan.changes.compactMap(\.knownAfter?.resource) == ["file:/a", "command:make"])
        #expect(plan.groups.flatMap(\.changes).map(\.resource) == ["file:/a"])
        #expect(RolePlanner().plan(resources, done.file("/a")).isEmpty)
        // Changed by hand and right again: it was made of what is there now.
        let changed = done.file("/a").with(marks, .present(["changed": .list(["/a"])]))
        #expect(RolePlanner().plan(resources, changed).lines == ["update command:make", "? create file:/b"])
    }

    @Test("what comes before is known")
    func before() throws {
        let resources = [try Declared.file("/a"), try Declared.command("make", unless: "t")]
        let plan = RolePlanner().plan(resources, Seen().nothing(at: "/a").script("t", 1))
        #expect(plan.lines == ["create file:/a", "run command:make"])
    }
}
