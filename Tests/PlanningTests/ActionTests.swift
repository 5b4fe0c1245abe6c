import Compile
import Model
import Resources
import Testing

@testable import Planning

@Suite("A plan of one host")
struct ActionTests {
    private static let path = ProbeRequest(PathBatch.name, "/a")

    struct Case: Sendable {
        var resource: DeclaredResource
        var seen: Seen
        var change: String?
        var step: String?

        init(_ resource: DeclaredResource, _ seen: Seen, _ change: String? = nil, _ step: String? = nil) {
            self.resource = resource
            self.seen = seen
            self.change = change
            self.step = step
        }
    }

    static func cases() throws -> [Case] {
        let file = try Declared.file("/a")
        let strict = try Declared.file("/a", mode: 0o600)
        let noFile = try Declared.noFile("/a")
        let package = try Declared.package("nginx")
        let noPackage = try Declared.package("nginx", absent: true)
        let service = try Declared.service("a.service")
        let command = try Declared.command("make", unless: "t")
        return [
            Case(file, Seen().nothing(at: "/a"), "create file:/a", "write /a"),
            Case(file, Seen().file("/a", "old"), "update file:/a", "write /a"),
            Case(file, Seen().file("/a")),
            Case(strict, Seen().file("/a"), "update file:/a", "set owner and mode of /a"),
            Case(noFile, Seen().file("/a"), "remove file:/a", "remove /a"),
            Case(noFile, Seen().nothing(at: "/a")),
            Case(package, Seen().package("nginx", installed: false), "create package:nginx", "install nginx"),
            Case(package, Seen().package("nginx", installed: true)),
            Case(noPackage, Seen().package("nginx", installed: true), "remove package:nginx", "remove nginx"),
            Case(noPackage, Seen().package("nginx", installed: false)),
            Case(service, Seen().unit("a.service", "inactive"), "update service:a.service", "start a.service"),
            Case(service, Seen().unit("a.service", "active")),
            Case(command, Seen().script("t", 1), "run command:make", "run make"),
            Case(command, Seen().script("t", 0)),
        ]
    }

    @Test("calls every difference by what will be done about it", arguments: try cases())
    func actions(of one: Case) {
        let plan = RolePlanner().plan([one.resource], one.seen)
        #expect(plan.lines == (one.change.map { [$0] } ?? []))
        #expect(plan.steps.map(\.summary) == (one.step.map { [$0] } ?? []))
        #expect(plan.obstacle == nil)
        #expect(plan.isEmpty == (one.change == nil))
        #expect(plan.canBeChanged == (one.change != nil))
    }

    @Test("shows each key that differs with both values, and no other")
    func differences() throws {
        let seen = Seen().file("/a", "old\n", mode: "0600")
        let plan = RolePlanner().plan([try Declared.file("/a", mode: 0o644)], seen)
        #expect(
            plan.changes[0].differences == [
                Difference(
                    key: "content", observed: .text(Digest.sha256(Array("old\n".utf8))),
                    desired: .text(Digest.sha256(Array("new\n".utf8)))),
                Difference(key: "mode", observed: "0600", desired: "0644"),
            ])
    }

    @Test(
        "of a sensitive file shows that it differs, never a value, digest or length",
        arguments: [
            Seen().file("/a", "old-canary", mode: "0644"), Seen().nothing(at: "/a"),
            Seen().with(
                ProbeRequest(PathBatch.name, "/a"), .present(["type": "file", "mode": "0644", "size": 99_999_999])
            ).unknown(ProbeRequest(DigestBatch.name, "/a"), "not a regular file of at most 16 MB"),
        ])
    func sensitive(seen: Seen) throws {
        let content = Content([.secret("passwords.db", .raw)])
        let book = SecretBook(values: ["passwords.db": Secret("new-canary")])
        let plan = RolePlanner(book: book).plan([try Declared.file("/a", content)], seen)
        let change = try #require(plan.changes.first)
        #expect(change.isSensitive)
        let shown = change.differences.filter { !$0.isSensitive }.map(\.key)
        #expect(Set(shown).isSubset(of: ["type", "mode"]))
        #expect(change.differences.contains { $0.key == "content" && $0.isSensitive })
    }

    @Test("of a sensitive file that shall go shows no digest either")
    func sensitiveRemoval() {
        let digest = Observation.present(["type": "file", "content": "abcd", "mode": "0600"])
        guard
            case .differs(.remove, let differences) = Comparison.verdict(
                observed: digest, desired: nil, isSensitive: true)
        else {
            Issue.record("no removal")
            return
        }
        #expect(differences.filter { !$0.isSensitive }.map(\.key) == ["type", "mode"])
    }

    @Test("what could not be seen is an obstacle: nothing of the host is executed, and all of it is shown")
    func unknown() throws {
        let resources = [
            try Declared.file("/before"), try Declared.file("/a"), try Declared.file("/after"),
        ]
        let seen = Seen().nothing(at: "/before").unknown(Self.path, "permission denied").nothing(at: "/after")
        let plan = RolePlanner().plan(resources, seen)
        #expect(
            plan.obstacle == HostPlan.Obstacle(resource: "file:/a", cause: .unknown, reason: "permission denied"))
        #expect(plan.lines == ["create file:/before", "create file:/after"])
        #expect(plan.groups.isEmpty)
        #expect(!plan.canBeChanged)
        #expect(!plan.isEmpty)
    }

    @Test("the first of several obstacles is the one that is told")
    func firstObstacle() throws {
        let resources = [try Declared.file("/a"), try Declared.file("/b")]
        #expect(RolePlanner().plan(resources, Seen()).obstacle?.resource == "file:/a")
    }

    @Test("a secret that is missing or does not fit its sink stands in the way before anything is done")
    func binding() throws {
        let fits = try Declared.file("/a", Content([.secret("passwords.db", .ini)]))
        let book = SecretBook(values: ["passwords.db": Secret("two\nlines")])
        for (planner, word) in [(RolePlanner(), "was not fetched"), (RolePlanner(book: book), "cannot express")] {
            // Behind a package that may alter anything: no package can put a secret right.
            let plan = planner.plan(
                [try Declared.package("nginx"), fits], Seen().package("nginx", installed: false).nothing(at: "/a"))
            #expect(plan.obstacle?.resource == "file:/a")
            #expect(plan.obstacle?.reason.contains(word) == true)
            #expect(plan.groups.isEmpty)
        }
    }
}
