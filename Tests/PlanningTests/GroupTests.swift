import Compile
import Model
import Resources
import Testing

@testable import Planning

@Suite("Groups of steps")
struct GroupTests {
    @Test("neighbouring packages are one transaction, and none of them is known after another")
    func transaction() throws {
        let resources = try ["aa", "bb", "cc"].map { try Declared.package($0) }
        let seen = Seen().package("aa", installed: false).package("bb", installed: true)
            .package("cc", installed: false)
        let plan = RolePlanner().plan(resources, seen)
        #expect(plan.lines == ["create package:aa", "create package:cc"])
        #expect(plan.steps.map(\.summary) == ["install aa, cc"])
    }

    @Test("a package behind something else than a package is a transaction of its own, known later")
    func broken() throws {
        let resources = [try Declared.package("aa"), try Declared.file("/a"), try Declared.package("bb")]
        let seen = Seen().package("aa", installed: false).file("/a").package("bb", installed: false)
        let plan = RolePlanner().plan(resources, seen)
        #expect(plan.lines == ["create package:aa", "? create file:/a", "? create package:bb"])
        #expect(plan.groups.map { $0.changes.map(\.resource) } == [["package:aa"]])
    }

    @Test("hold exactly the changes that are known, in order, each once")
    func subset() throws {
        let resources = [
            try Declared.file("/a"), try Declared.file("/b"), try Declared.service("a.service"),
            try Declared.file("/c"),
        ]
        let seen = Seen().nothing(at: "/a").nothing(at: "/b").unit("a.service", "inactive").nothing(at: "/c")
        let plan = RolePlanner().plan(resources, seen)
        let groups: [[ResourceID]] = [["file:/a", "file:/b"], ["service:a.service"], ["file:/c"]]
        #expect(plan.groups.map { $0.changes.map(\.resource) } == groups)
        #expect(plan.groups.flatMap(\.changes) == plan.changes)
    }

    @Test("the same views give the same plan, however often it is made")
    func determinism() throws {
        let owed = ["c", "a", "b"].map { Notification(.restart, UnitName("\($0).service")) }
        let resources = [
            try Declared.file("/a", notifies: owed), try Declared.package("aa"),
            try Declared.file("/b", notifies: owed),
            try Declared.service("a.service"),
        ]
        let seen = Seen(owed: owed, ledger: ["file:/z", "file:/y", "package:x"]).nothing(at: "/a")
            .package("aa", installed: false).file("/b").unit("a.service", "inactive")
        let first = RolePlanner().plan(resources, seen)
        for _ in 0..<20 {
            let again = RolePlanner().plan(resources, seen)
            #expect(again.changes == first.changes)
            #expect(again.steps == first.steps)
            #expect(again.forgotten == first.forgotten)
        }
    }

    @Test("what the ledger knows and no recipe declares any more is told, and nothing is done about it")
    func forgotten() throws {
        let seen = Seen(ledger: ["file:/old", "file:/a", "package:gone"]).file("/a")
        let plan = RolePlanner().plan([try Declared.file("/a")], seen)
        #expect(plan.forgotten == ["file:/old", "package:gone"])
        #expect(plan.isEmpty)
    }

    @Test("a ledger that cannot be read forgets nothing and stops nothing")
    func unreadableLedger() throws {
        let seen = Seen().file("/a").unknown(Ledger.request, "Input/output error")
        let plan = RolePlanner().plan([try Declared.file("/a")], seen)
        #expect(plan.forgotten.isEmpty)
        #expect(plan.isEmpty)
    }
}
