import Model
import Testing

@testable import Rollout

/// Every health that a member can show.
private let healths: [Health] = [.healthy, .unhealthy("dead"), .unknown("cut")]

@Suite struct RolloutTests {
    /// Walks every run of two and three members: each health of each member at each look, each result of each change.
    @Test(arguments: [2, 3]) func `rule holds at every change of every possible run`(count: Int) {
        let members = (1...count).map { HostName("backend0\($0)") }
        var runs = 0
        for selection in subsets(of: members) {
            walk(Rollout(members: members, changing: selection), .begin, members, selection, failed: false, depth: 0) {
                runs += 1
            }
        }
        #expect(runs > (count == 2 ? 50 : 5000))
    }

    private func walk(
        _ rollout: Rollout, _ event: Rollout.Event, _ members: [HostName], _ selection: Set<HostName>, failed: Bool,
        depth: Int, _ ended: () -> Void
    ) {
        var rollout = rollout
        #expect(depth < 2 * members.count + 2, "every run ends")
        switch rollout.handle(event) {
        case .finish:
            #expect(Set(rollout.endings.keys) == selection, "every selected member has an ending, no other has one")
            ended()
        case .look:
            #expect(!failed, "after a failure nothing further is touched")
            for health in assignments(members) {
                check(rollout, health, members, selection, depth, ended)
            }
        case .change:
            Issue.record("a change without a look right before it")
        }
    }

    private func check(
        _ rollout: Rollout, _ health: [HostName: Health], _ members: [HostName], _ selection: Set<HostName>,
        _ depth: Int, _ ended: () -> Void
    ) {
        var rollout = rollout
        switch rollout.handle(.seen(health)) {
        case .look: Issue.record("looked twice")
        case .finish:
            // Refusing is right only where the rule forbids every remaining host.
            let open = selection.filter { rollout.endings[$0]?.outcome == .refused }
            #expect(!open.isEmpty)
            for host in open { #expect(!isAllowed(host, health, members)) }
            ended()
        case .change(let hosts, _):
            #expect(hosts.count == 1)
            let host = hosts[0]
            #expect(selection.contains(host))
            #expect(isAllowed(host, health, members))
            let hasUnhealthy = selection.subtracting(rollout.endings.keys).contains { health[$0] == .unhealthy("dead") }
            #expect(!hasUnhealthy || health[host] == .unhealthy("dead"), "an unhealthy host comes first")
            for outcome in [Outcome.changed, .failed, .unreachable, .refused, .locked] {
                let failed = outcome != .changed
                walk(
                    rollout, .changed([host: Ending(outcome)]), members, selection, failed: failed, depth: depth + 2,
                    ended)
            }
        }
    }

    /// The rule, written once more from design.md, in other words than the code's.
    private func isAllowed(_ host: HostName, _ health: [HostName: Health], _ members: [HostName]) -> Bool {
        health[host] == .unhealthy("dead") || members.contains { $0 != host && health[$0] == .healthy }
    }

    private func assignments(_ members: [HostName]) -> [[HostName: Health]] {
        members.reduce([[:]]) { partial, host in
            partial.flatMap { assignment in
                healths.map { assignment.merging([host: $0]) { $1 } }
            }
        }
    }

    private func subsets(of members: [HostName]) -> [Set<HostName>] {
        (0..<(1 << members.count)).map { bits in
            Set(members.indices.filter { bits >> $0 & 1 == 1 }.map { members[$0] })
        }
    }

    @Test func `total outage is repaired one at a time in rolling order`() {
        var rollout = Rollout(members: ["b2", "b1"], changing: ["b1", "b2"])
        #expect(rollout.handle(.begin) == .look)
        let dead: [HostName: Health] = ["b1": .unhealthy("x"), "b2": .unhealthy("y")]
        #expect(rollout.handle(.seen(dead)) == .change(["b2"], .nobodyServes(reason: "y")))
        #expect(rollout.handle(.changed(["b2": Ending(.changed)])) == .look)
        #expect(
            rollout.handle(.seen(["b1": .unhealthy("x"), "b2": .healthy]))
                == .change(["b1"], .unhealthy(reason: "x", meanwhile: "b2")))
        #expect(rollout.handle(.changed(["b1": Ending(.changed)])) == .finish)
    }

    @Test func `a member that is not selected still counts as a peer`() {
        var rollout = Rollout(members: ["b2", "b1"], changing: ["b2"])
        _ = rollout.handle(.begin)
        #expect(rollout.handle(.seen(["b1": .healthy, "b2": .healthy])) == .change(["b2"], .served(by: "b1")))
    }

    @Test func `the only healthy member is refused and the reason names the peer`() throws {
        var rollout = Rollout(members: ["b2", "b1"], changing: ["b2"])
        _ = rollout.handle(.begin)
        #expect(rollout.handle(.seen(["b1": .unknown("timed out"), "b2": .healthy])) == .finish)
        let ending = try #require(rollout.endings["b2"])
        #expect(ending.outcome == .refused)
        #expect(ending.reason?.contains("b1 counts as down (timed out)") == true)
    }

    @Test func `an interruption leaves the rest not attempted`() {
        var rollout = Rollout(members: ["b2", "b1"], changing: ["b1", "b2"])
        _ = rollout.handle(.begin)
        #expect(rollout.handle(.interrupted) == .finish)
        #expect(rollout.endings.values.allSatisfy { $0.outcome == .notAttempted })
    }
}

@Suite("What an operator may allow") struct InterruptionTests {
    private func endings(
        _ members: [HostName], _ health: [HostName: Health], isAllowed: Bool, trouble: String? = nil
    ) -> (Rollout.Action, [HostName: Ending]) {
        var rollout = Rollout(
            members: members, changing: Set(members),
            interruption: .init(name: "interrupt-db", isAllowed: isAllowed))
        _ = rollout.handle(.begin)
        let action = rollout.handle(.seen(health, trouble: trouble))
        return (action, rollout.endings)
    }

    @Test("a role of one member, whether it serves or cannot be told", arguments: [Health.healthy, .unknown("cut")])
    func onlyMember(health: Health) {
        let (action, refused) = endings(["db01"], ["db01": health], isAllowed: false)
        #expect(action == .finish)
        #expect(refused["db01"]?.reason?.hasSuffix("--allow interrupt-db") == true)
        #expect(endings(["db01"], ["db01": health], isAllowed: true).0 == .change(["db01"], .allowed("interrupt-db")))
    }

    @Test("never the last one of several that serves")
    func lastOfTwo() {
        let health: [HostName: Health] = ["db01": .healthy, "db02": .unknown("cut")]
        var rollout = Rollout(
            members: ["db01", "db02"], changing: ["db01"], interruption: .init(name: "interrupt-db", isAllowed: true))
        _ = rollout.handle(.begin)
        #expect(rollout.handle(.seen(health)) == .finish)
        #expect(rollout.endings["db01"]?.outcome == .refused)
    }

    @Test("the last one that serves, when all others had their turn and wait for it, and that only if allowed")
    func lastThatOthersWaitFor() {
        for isAllowed in [false, true] {
            var rollout = Rollout(
                members: ["db01", "db02", "db03"], changing: ["db01", "db02", "db03"],
                interruption: .init(name: "interrupt-db", isAllowed: isAllowed))
            _ = rollout.handle(.begin)
            let waits = Health.unhealthy("waits")
            _ = rollout.handle(.seen(["db01": .healthy, "db02": .healthy, "db03": .healthy]))
            _ = rollout.handle(.changed(["db01": Ending(.changed)]))
            // One has not had its turn: it is not the last.
            #expect(
                rollout.handle(.seen(["db01": waits, "db02": .healthy, "db03": .healthy]))
                    == .change(["db02"], .served(by: "db03")))
            _ = rollout.handle(.changed(["db02": Ending(.changed)]))
            let action = rollout.handle(.seen(["db01": waits, "db02": waits, "db03": .healthy]))
            #expect(action == (isAllowed ? .change(["db03"], .allowed("interrupt-db")) : .finish))
        }
    }

    @Test("a gate of the whole role holds back a complete role, and no other")
    func wholeRole() {
        let members: [HostName] = ["db01", "db02"]
        let complete: [HostName: Health] = ["db01": .healthy, "db02": .healthy]
        let (action, refused) = endings(members, complete, isAllowed: false, trouble: "split")
        #expect(action == .finish)
        #expect(refused.values.allSatisfy { $0.outcome == .refused && $0.reason?.contains("split") == true })
        #expect(
            endings(members, complete, isAllowed: true, trouble: "split").0 == .change(["db01"], .served(by: "db02")))
        let partly: [HostName: Health] = ["db01": .healthy, "db02": .unhealthy("dead")]
        guard case .change(["db02"], _) = endings(members, partly, isAllowed: false, trouble: "split").0 else {
            Issue.record("a broken member is what most often breaks the role")
            return
        }
    }
}
