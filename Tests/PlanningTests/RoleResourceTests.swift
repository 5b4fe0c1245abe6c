import Compile
import Model
import Resources
import Testing

@testable import Planning

@Suite("What is decided from all members")
struct RoleResourceTests {
    /// What each member shows of a script with this evidence: `nil` = cannot be asked.
    private func members(_ statuses: [Int?], _ resources: [DeclaredResource], _ seen: Seen = Seen()) -> [MemberView] {
        statuses.enumerated().map { index, status in
            let host = HostName("backend0\(index + 1)")
            guard let status else { return .notSeen(host, reason: "timed out") }
            return .seen(seen.script("made", status).view(host, resources))
        }
    }

    /// `plan` of each host that can be asked: its lines, or its obstacle's cause.
    private func outcome(_ plan: RolePlan) -> [String] {
        plan.hosts.map { host in
            let obstacle = host.obstacle.map { "\($0.cause)" }
            return "\(host.host): "
                + (obstacle ?? (host.lines.isEmpty ? "nothing" : host.lines.joined(separator: ", ")))
        }
    }

    struct OnceCase: Sendable {
        /// Of the evidence, at each member.
        var statuses: [Int?]
        var seenFrom = "members"
        var unseen: String?
        var outcome: [String]

        init(_ statuses: [Int?], _ seenFrom: String = "members", unseen: String? = nil, _ outcome: String...) {
            self.statuses = statuses
            self.seenFrom = seenFrom
            self.unseen = unseen
            self.outcome = outcome
        }
    }

    static let onceCases = [
        OnceCase([1, 1], "members", "backend01: run once:make", "backend02: nothing"),
        OnceCase([1, 1, 1], "members", "backend01: run once:make", "backend02: nothing", "backend03: nothing"),
        OnceCase([1, 0], "members", "backend01: nothing", "backend02: nothing"),
        OnceCase([0, 1, 1], "members", "backend01: nothing", "backend02: nothing", "backend03: nothing"),
        OnceCase([1, nil], "members", "backend01: refused"),
        OnceCase([nil, 1], "members", "backend02: refused"),
        OnceCase([nil, 0], "members", "backend02: nothing"),
        OnceCase([1, nil, 1], "members", "backend01: refused", "backend03: refused"),
        OnceCase([1, 2], "members", "backend01: unknown", "backend02: unknown"),
        OnceCase([0, 2], "members", "backend01: nothing", "backend02: nothing"),
        OnceCase([1, nil], "members", unseen: "run", "backend01: run once:make"),
        OnceCase([nil, 1], "members", unseen: "run", "backend02: run once:make"),
        OnceCase([nil, 1, 1], "members", unseen: "run", "backend02: run once:make", "backend03: nothing"),
        OnceCase([1, 2], "members", unseen: "run", "backend01: unknown", "backend02: unknown"),
        OnceCase([1, nil], "members", unseen: "refuse", "backend01: refused"),
        OnceCase([1, nil], "leader", "backend01: run once:make"),
        OnceCase([nil, 1], "leader", "backend02: run once:make"),
        OnceCase([0, 1], "leader", "backend01: nothing", "backend02: nothing"),
        // A bare member may not even be able to look.
        OnceCase([1, 0], "leader", "backend01: nothing", "backend02: nothing"),
        OnceCase([2, 0], "leader", "backend01: nothing", "backend02: nothing"),
        OnceCase([2, 1], "leader", "backend01: unknown", "backend02: unknown"),
    ]

    @Test(
        "once: by the leader alone, unless any member shows it; never where a silent member may have done it",
        arguments: onceCases)
    func once(_ one: OnceCase) throws {
        let resources = [try Declared.once("make", evidence: "made", seenFrom: one.seenFrom, unseen: one.unseen)]
        let plan = RolePlanner().plan("backend", members: members(one.statuses, resources))
        #expect(outcome(plan) == one.outcome)
    }

    @Test("once: a refusal names who is silent")
    func names() throws {
        let resources = [try Declared.once("make", evidence: "made")]
        let plan = RolePlanner().plan("backend", members: members([1, nil], resources))
        #expect(plan.hosts[0].obstacle?.reason.contains("backend02") == true)
    }

    @Test("the leader is one that is changed: nobody waits for a host that this run leaves alone")
    func leaderIsChanged() throws {
        let resources = [
            try Declared.once("make", evidence: "made"), try Declared.transfer("/key", madeBy: "make"),
        ]
        let seen = Seen().script("made", 1).nothing(at: "/key")
        let views = ["backend01", "backend02"].map { MemberView.seen(seen.view(HostName($0), resources)) }
        let plan = RolePlanner().plan("backend", members: views, changing: { $0 == "backend02" })
        #expect(plan.hosts.map(\.host) == ["backend02"])
        #expect(plan.hosts[0].lines == ["run once:make", "? update transfer:/key"])
        #expect(plan.hosts[0].obstacle == nil)
    }

    @Test("whoever waits for the leader is not begun if something stands in the leader's way")
    func leaderIsStuck() throws {
        let resources = [try Declared.file("/a"), try Declared.once("make", evidence: "made")]
        let broken = Seen().script("made", 1)
        let plan = RolePlanner().plan(
            "backend",
            members: [
                .seen(broken.view("backend01", resources)),
                .seen(broken.nothing(at: "/a").view("backend02", resources)),
            ])
        #expect(plan["backend01"]?.obstacle?.resource == "file:/a")
        #expect(plan["backend02"]?.obstacle?.reason.contains("backend01") == true)
    }

    @Test("the leader is the first to be changed: an unhealthy member before one that serves")
    func leaderIsUnhealthy() throws {
        let resources = [
            try Declared.once("make", evidence: "made"), try Declared.transfer("/key", madeBy: "make"),
            try Declared.service("app.service"),
        ]
        let seen = Seen().script("made", 1).nothing(at: "/key")
        let plan = RolePlanner().plan(
            "backend",
            members: [
                .seen(seen.unit("app.service", "active").view("backend01", resources)),
                .seen(seen.unit("app.service", "failed").view("backend02", resources)),
            ])
        #expect(plan.hosts.map(\.host) == ["backend02", "backend01"])
        #expect(plan.hosts[0].lines.first == "run once:make")
        #expect(plan.hosts[1].lines == ["? transfer transfer:/key"])
        #expect(plan.hosts[1].changes.first?.knownAfter?.host == "backend02")
    }

    // MARK: transfer

    /// Content at each member: `nil` = cannot be asked, empty = no file.
    private func holders(_ contents: [String?], _ resources: [DeclaredResource], _ seen: Seen = Seen()) -> [MemberView]
    {
        contents.enumerated().map { index, content in
            let host = HostName("backend0\(index + 1)")
            guard let content else { return .notSeen(host, reason: "timed out") }
            let shown = content.isEmpty ? seen.nothing(at: "/key") : seen.file("/key", content, mode: "0600")
            return .seen(shown.view(host, resources))
        }
    }

    struct TransferCase: Sendable {
        var contents: [String?]
        var outcome: [String]

        init(_ contents: [String?], _ outcome: String...) {
            self.contents = contents
            self.outcome = outcome
        }
    }

    static let transferCases = [
        TransferCase(["k", "k"], "backend01: nothing", "backend02: nothing"),
        TransferCase(["k", ""], "backend01: nothing", "backend02: transfer transfer:/key"),
        TransferCase(["", "k"], "backend01: transfer transfer:/key", "backend02: nothing"),
        TransferCase(
            ["", "k", ""], "backend01: transfer transfer:/key", "backend02: nothing",
            "backend03: transfer transfer:/key"),
        TransferCase(["k", "other"], "backend01: refused", "backend02: refused"),
        TransferCase(["k", "k", "other"], "backend01: refused", "backend02: refused", "backend03: refused"),
        TransferCase(["k", nil, ""], "backend01: nothing", "backend03: transfer transfer:/key"),
        TransferCase(["", nil], "backend01: refused"),
        TransferCase(["", ""], "backend01: refused", "backend02: refused"),
    ]

    @Test(
        "transfer: from the first that has it, to those that have not; never over a different one",
        arguments: transferCases)
    func transfer(_ one: TransferCase) throws {
        let resources = [try Declared.transfer("/key")]
        let plan = RolePlanner().plan("backend", members: holders(one.contents, resources))
        #expect(outcome(plan) == one.outcome)
    }

    @Test("transfer: shows where it comes from, and nothing of the bytes")
    func source() throws {
        let resources = [try Declared.transfer("/key")]
        let plan = RolePlanner().plan("backend", members: holders(["", "k"], resources))
        let change = try #require(plan["backend01"]?.changes.first)
        #expect(change.source == "backend02")
        #expect(change.isSensitive)
        #expect(!change.differences.contains { $0.key == "content" && !$0.isSensitive })
        #expect(
            plan["backend01"]?.steps.first?.input?.peerFiles == [PeerFile(host: "backend02", path: "/key")])
    }

    @Test("transfer of what a once makes: the leader makes it, the others wait for the leader")
    func made() throws {
        let restart = Notification(.restart, "app.service")
        let resources = [
            try Declared.once("make", evidence: "made"),
            try Declared.transfer("/key", madeBy: "make", notifies: [restart]),
        ]
        let plan = RolePlanner().plan(
            "backend", members: holders(["", "", ""], resources, Seen().script("made", 1)))
        #expect(
            plan["backend01"]?.lines == [
                "run once:make", "? update transfer:/key", "restart service:app.service",
            ])
        for follower in ["backend02", "backend03"] as [HostName] {
            let host = try #require(plan[follower])
            #expect(host.obstacle == nil)
            let change = try #require(host.changes.first)
            #expect(change.line == "? transfer transfer:/key")
            #expect(change.knownAfter?.host == "backend01")
            #expect(change.knownAfter?.resource == "once:make")
            #expect(change.knownAfter?.possible.contains(.transfer) == true)
        }
    }

    @Test("a follower whose own packages come first still waits for the leader")
    func behindPackages() throws {
        let resources = [
            try Declared.package("nginx"), try Declared.once("make", evidence: "made"),
            try Declared.transfer("/key", madeBy: "make"),
        ]
        let seen = Seen().package("nginx", installed: false).script("made", 1)
        let plan = RolePlanner().plan("backend", members: holders(["", ""], resources, seen))
        let change = plan["backend02"]?.changes.first { $0.resource == "transfer:/key" }
        #expect(change?.knownAfter?.host == "backend01")
    }

    @Test("members that are not changed are asked all the same, and have no plan")
    func peersCount() throws {
        let resources = [try Declared.transfer("/key")]
        let plan = RolePlanner().plan(
            "backend", members: holders(["k", ""], resources), changing: { $0 == "backend02" })
        #expect(outcome(plan) == ["backend02: transfer transfer:/key"])
    }
}
