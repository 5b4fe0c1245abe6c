import Model
import Testing

@testable import Resources

/// What the kinds of the broker make of what all hosts show.
@Suite struct BrokerDecisionTests {
    private typealias Seen = [(host: HostName, observation: Observation?)]

    // MARK: Member

    private static func member(_ host: String, _ names: [String] = ["b01", "b02"]) throws -> RabbitMemberResource {
        try RabbitMemberResource(
            Fields(
                "ssp",
                [
                    "host": .text(host + ".example.test"), "members": .list(names.map { $0 + ".example.test" }),
                    "vhosts": .list(["/ssp"]),
                ]))
    }
    private static func node(_ host: String) -> String { "rabbit@\(host).example.test" }

    private static func up(_ host: String, _ members: [String], blank: Bool = false) -> Observation {
        .present([
            "data": .list([node(host)]), "live": .text(node(host)), "node": .text(node(host)), "state": "running",
            "members": .list(members.map(node)), "running": .list(members.map(node)), "partitions": .list([]),
            "alarms": .list([]), "blank": .flag(blank), "active": "active", "sub": "running", "enabled": "enabled",
        ])
    }
    private static let bare = Observation.present(["installed": false, "data": .list([]), "active": "inactive"])

    @Test func aBlankReplacementNeedsTheNameOfItsHost() throws {
        var witness = Self.up("b01", ["b01", "b02"])
        if case .present(var state) = witness {
            state["running"] = .list([Self.node("b01")])
            witness = .present(state)
        }
        let seen: Seen = [("b02", Self.bare), ("b01", witness)]
        let member = try Self.member("b02")
        guard case .change(.create, let differences, nil, "forget-b02") = member.decision(on: "b02", seen: seen) else {
            Issue.record("\(member.decision(on: "b02", seen: seen))")
            return
        }
        #expect(differences.map(\.key) == ["old entry", "enabled", "running", "cluster"])
        #expect(member.permissions.contains("forget-b02") && member.permissions.contains("reset-b01"))
        #expect(try Self.member("b01").decision(on: "b01", seen: seen) == .nothing)
        let step = RabbitMemberResource.steps(
            for: [Change(resource: member, action: .create, observed: Self.bare, differences: differences)], on: .test()
        )
        #expect(
            step.map(\.summary) == ["forget the old b02; start rabbitmq-server.service; join rabbit@b01.example.test"])
        // The record goes before the node that would vote under its name begins.
        let script = step[0].script.text
        let forget = try #require(script.firstRange(of: "ctl -n rabbit@b01.example.test forget_cluster_node"))
        let start = try #require(script.firstRange(of: "systemctl start --no-block"))
        #expect(forget.lowerBound < start.lowerBound)
        #expect(!script.contains("ctl reset |"))
    }

    @Test func dataOfItsOwnIsRefusedAndNothingOffered() throws {
        let seen: Seen = [("b02", Self.up("b02", ["b02"])), ("b01", Self.up("b01", ["b01"]))]
        guard case .refused(let reason) = try Self.member("b02").decision(on: "b02", seen: seen) else {
            Issue.record("two clusters with data")
            return
        }
        #expect(reason.hasPrefix("two clusters with data"))
    }

    @Test func nodesOfAnotherNameAreNamed() throws {
        for (name, part) in [
            ("rabbit@B02.example.test", "differs from rabbit@b02.example.test in capitals"),
            ("rabbit@b02", "under its own name it would begin without data"),
        ] {
            let strange = Observation.present(["data": .list([name]), "active": "inactive"])
            let seen: Seen = [("b02", strange), ("b01", Self.up("b01", ["b01"]))]
            guard case .unknown(let reason) = try Self.member("b02").decision(on: "b02", seen: seen) else {
                Issue.record("\(name) is taken for nothing")
                continue
            }
            #expect(reason.contains(part))
        }
    }

    @Test func anotherCookieIsNamed() throws {
        let deaf = Observation.present([
            "data": .list([Self.node("b02")]), "live": .text(Self.node("b02")), "refuses": true, "active": "active",
        ])
        let seen: Seen = [("b02", deaf), ("b01", Self.up("b01", ["b01", "b02"]))]
        guard case .unknown(let reason) = try Self.member("b02").decision(on: "b02", seen: seen) else {
            Issue.record("a node that refuses is taken for another")
            return
        }
        #expect(reason.contains("refuses the cookie"))
    }

    @Test func strangersAreReportedAndStay() throws {
        let seen: Seen = [
            ("b02", Self.up("b02", ["b01", "b02", "b09"])), ("b01", Self.up("b01", ["b01", "b02", "b09"])),
        ]
        let member = try Self.member("b02")
        #expect(member.decision(on: "b02", seen: seen) == .nothing)
        #expect(member.notes(on: "b02", seen: seen).first?.contains("rabbit@b09.example.test (running)") == true)
    }

    @Test func whoMustComeFirstIsWaitedFor() throws {
        let stopped = Observation.present([
            "data": .list([Self.node("b01")]), "record \(Self.node("b01"))": .list([Self.node("b01")]),
            "active": "inactive",
        ])
        let seen: Seen = [("b02", Self.bare), ("b01", stopped)]
        let member = try Self.member("b02")
        #expect(
            member.decision(on: "b02", seen: seen)
                == .knownAfter(host: "b01", after: member.id, possible: [.create, .update]))
    }

    // MARK: What the cluster holds

    private let vhost: RabbitVhostResource

    init() throws { vhost = try RabbitVhostResource(Fields("/ssp", ["queue_type": .text("classic")])) }

    private let there = Observation.present(["type": "virtual host"])

    @Test func theLeaderMakesIt() {
        let seen: Seen = [("a", .absent), ("b", .absent)]
        guard case .change(.create, _, nil, nil) = vhost.decision(on: "a", seen: seen) else {
            Issue.record("not made")
            return
        }
        #expect(
            vhost.decision(on: "b", seen: seen)
                == .knownAfter(host: "a", after: vhost.id, possible: [.create, .update]))
    }

    @Test func whoCannotSeeHasNothingToDo() {
        #expect(vhost.decision(on: "a", seen: [("a", .present(["broker": "waits"])), ("b", there)]) == .nothing)
        #expect(
            vhost.decision(on: "a", seen: [("a", .unknown(reason: "r")), ("b", .absent)]) == .unknown(reason: "r"))
        // The other is put right in its own turn, and does not wait for one that sees nothing.
        guard
            case .change(.create, _, nil, nil) = vhost.decision(
                on: "b", seen: [("a", .unknown(reason: "r")), ("b", .absent)])
        else {
            Issue.record("nobody makes it")
            return
        }
    }

    @Test func eachIsAskedWhetherItHasArrived() {
        #expect(vhost.decision(on: "b", seen: [("b", there), ("a", .absent)]) == .nothing)
        guard case .change = vhost.decision(on: "b", seen: [("b", .absent), ("a", there)]) else {
            Issue.record("a member that lacks it is called right")
            return
        }
    }

    @Test func guestIsRemovedWhereItIs() throws {
        let guest = try RabbitUserResource(Fields("guest", ["state": .text("absent")]))
        let found = Observation.present(["type": "user", "tags": .list(["administrator"])])
        guard case .change(.remove, _, nil, nil) = guest.decision(on: "a", seen: [("a", found), ("b", found)]) else {
            Issue.record("guest stays")
            return
        }
        #expect(guest.decision(on: "a", seen: [("a", .absent), ("b", .absent)]) == .nothing)
    }

    /// The mark of a password lies on a member that is down: the password is accepted, and that is enough.
    @Test func whatIsAcceptedIsNoReasonToChangeTheLastMember() throws {
        let content = Content([.secret("passwords.p", .raw)])
        let user = try RabbitUserResource(Fields("u", ["password": .content(content)]))
        let accepted = Observation.present([
            "type": "user", "tags": .list([]), "credential": Credential.unrecorded, "wanted credential": "passwords 1",
        ])
        let waits = Observation.present(["broker": "waits"])
        for peer in [nil, waits, .unknown(reason: "r")] {
            #expect(user.decision(on: "a", seen: [("a", accepted), ("b", peer)]) == .nothing)
        }
        var unasked = accepted
        if case .present(var state) = accepted {
            state.removeValue(forKey: "credential")
            unasked = .present(state)
        }
        guard case .change = user.decision(on: "a", seen: [("a", accepted), ("b", unasked)]) else {
            Issue.record("it would be tried in every run")
            return
        }
    }

    // MARK: Cookie

    private static func cookie(_ file: String, _ node: String) -> Observation {
        .present(["file": .text(file), "node": .text(node)])
    }

    /// On both members: file and node; on the first: whether it is changed, and the word for it.
    @Test(arguments: [
        ("right accepts", "right accepts", "nothing"), ("none none", "none none", "create"),
        ("none none", "right accepts", "create"), ("wrong none", "right accepts", "update"),
        // One member has strayed: it is stopped for the others' sake.
        ("wrong accepts", "right accepts", "update"), ("right refuses", "right accepts", "update"),
        // All of them have the old one: that is a full stop.
        ("wrong accepts", "wrong accepts", "update change-erlang-cookie"),
        ("right refuses", "wrong accepts", "update change-erlang-cookie"),
        ("wrong accepts", "right none", "update change-erlang-cookie"),
    ]) func theCookie(own: String, peer: String, outcome: String) throws {
        func seen(_ words: String) -> Observation {
            let parts = words.split(separator: " ").map(String.init)
            return Self.cookie(parts[0], parts[1])
        }
        let content = Content([.secret("rabbitmq.cookie", .raw)])
        let cookie = try RabbitCookieResource(Fields("ssp", ["content": .content(content)]))
        let decision = cookie.decision(on: "a", seen: [("a", seen(own)), ("b", seen(peer))])
        let said =
            switch decision {
            case .nothing: "nothing"
            case .change(let action, _, _, let confirm):
                action.rawValue + (confirm.map { " \($0)" } ?? "")
            default: "\(decision)"
            }
        #expect(said == outcome)
    }

    @Test(arguments: [
        ("abcDEF0123456789", true), ("ABCDEFGHIJKLMNOPQRST", false), ("ABCDEFGHIJKLMNOPQRSTU", true), ("a\n", false),
        ("", false), ("a b", false), (String(repeating: "a", count: 255), true),
        (String(repeating: "a", count: 256), false),
    ]) func cookiesThatNodesKeep(value: String, isRight: Bool) throws {
        let content = Content([.secret("rabbitmq.cookie", .raw)])
        let cookie = try RabbitCookieResource(Fields("ssp", ["content": .content(content)]))
        let book = SecretBook(values: ["rabbitmq.cookie": Secret(value)])
        #expect((cookie.objection(to: book) == nil) == isRight)
    }

    @Test(arguments: [
        ("p%40$(id)\"'\\@:/?#&é x", true), (" x", false), ("x ", false), ("x\ny", false), ("x\n", false), ("", false),
        ("\u{A0}x", false), ("x\t", false), ("a\tb", true),
    ]) func passwordsThatRabbitmqctlReads(value: String, isRight: Bool) throws {
        let content = Content([.secret("passwords.p", .raw)])
        let user = try RabbitUserResource(Fields("u", ["password": .content(content)]))
        #expect((user.objection(to: SecretBook(values: ["passwords.p": Secret(value)])) == nil) == isRight)
    }
}
