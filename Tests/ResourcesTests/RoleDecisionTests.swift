import Model
import Resources
import Testing

@Suite struct RoleDecisionTests {
    private typealias Seen = [(host: HostName, observation: Observation?)]
    private let done = Observation.present(["done": true])

    private func once(_ seenFrom: String) throws -> OnceResource {
        try OnceResource(
            Fields("make keys", ["run": .text("x"), "evidence": .text("y"), "seen_from": .text(seenFrom)]))
    }

    @Test(arguments: ["members", "leader"]) func whatWasDoneIsNotDoneAgain(seenFrom: String) throws {
        let once = try once(seenFrom)
        let seen: Seen = [("a", done), ("b", .absent)]
        #expect(once.decision(on: "a", seen: seen) == .nothing)
        #expect(once.decision(on: "b", seen: seen) == .nothing)
    }

    @Test(arguments: ["members", "leader"]) func theLeaderDoesIt(seenFrom: String) throws {
        let once = try once(seenFrom)
        let seen: Seen = [("a", .absent), ("b", .absent)]
        guard case .change(.run, _, nil, nil) = once.decision(on: "a", seen: seen) else {
            Issue.record("the leader does not run it")
            return
        }
        #expect(once.decision(on: "b", seen: seen) == .knownAfter(host: "a", after: "once:make keys", possible: [.run]))
    }

    @Test func evidenceOfAnyMemberCounts() throws {
        let elsewhere: Seen = [("a", .absent), ("b", done)]
        #expect(try once("members").decision(on: "a", seen: elsewhere) == .nothing)
        #expect(try once("leader").decision(on: "a", seen: elsewhere) == .nothing)
        // A member that is down may have done it.
        let silent: Seen = [("a", .absent), ("b", nil)]
        guard case .refused(let reason) = try once("members").decision(on: "a", seen: silent) else {
            Issue.record("done although b could not be asked")
            return
        }
        #expect(reason.hasPrefix("b could not be asked"))
        #expect(try once("leader").decision(on: "a", seen: silent) != .refused(reason: reason))
        #expect(
            try once("members").decision(on: "a", seen: [("a", .absent), ("b", .unknown(reason: "r"))])
                == .unknown(reason: "b: r"))
        #expect(
            try once("leader").decision(on: "a", seen: [("a", nil), ("b", nil)])
                == .refused(reason: "no member could be asked"))
        // The first that could be asked leads.
        guard
            case .change(.run, _, nil, nil) = try once("leader").decision(on: "b", seen: [("a", nil), ("b", .absent)])
        else {
            Issue.record("nobody leads")
            return
        }
    }

    private func transfer(_ fields: [String: FieldValue] = [:]) throws -> TransferResource {
        try TransferResource(Fields("/etc/key", ["mode": .mode(0o600), "owner": .text("root")].merging(fields) { $1 }))
    }
    private func holds(_ digest: String, mode: String = "0600") -> Observation {
        .present(["type": "file", "content": .text(digest), "mode": .text(mode), "owner": "root", "group": "root"])
    }

    @Test func theFileComesFromAMemberThatHasIt() throws {
        let transfer = try transfer()
        let seen: Seen = [("a", .absent), ("b", holds("d")), ("c", holds("d", mode: "0644"))]
        guard case .change(.transfer, let differences, "b", nil) = transfer.decision(on: "a", seen: seen) else {
            Issue.record("no transfer")
            return
        }
        #expect(differences.first { $0.key == "content" }?.isSensitive == true)
        #expect(transfer.decision(on: "b", seen: seen) == .nothing)
        #expect(
            transfer.decision(on: "c", seen: seen)
                == .change(
                    .update, differences: [Difference(key: "mode", observed: "0644", desired: "0600")], from: nil))
        let change = Change(
            resource: transfer, action: .transfer, observed: .absent, differences: differences, source: "b")
        let steps = TransferResource.steps(for: [change], on: .test())
        #expect(steps.map(\.summary) == ["copy /etc/key from b"])
        #expect(steps[0].input == .framed([Content([.peerFile("b", path: "/etc/key")])]))
    }

    @Test func membersThatDisagreeOrCannotBeAskedAreNamed() throws {
        let transfer = try transfer(["made_by": .text("make keys")])
        guard case .refused(let reason) = transfer.decision(on: "a", seen: [("a", holds("1")), ("b", holds("2"))])
        else {
            Issue.record("one of two different keys was taken")
            return
        }
        #expect(reason.hasPrefix("a, b have different ones"))
        #expect(
            transfer.decision(on: "a", seen: [("a", .absent), ("b", nil)])
                == .refused(reason: "b could not be asked and may have it"))
        #expect(
            transfer.decision(on: "a", seen: [("a", holds("1")), ("b", .unknown(reason: "r"))])
                == .unknown(reason: "b: r"))
    }

    @Test func whatNobodyHasIsKnownAfterItWasMade() throws {
        let seen: Seen = [("a", .absent), ("b", .absent)]
        let made = try transfer(["made_by": .text("make keys")])
        #expect(
            made.decision(on: "a", seen: seen) == .knownAfter(host: "a", after: "once:make keys", possible: [.update]))
        #expect(
            made.decision(on: "b", seen: seen) == .knownAfter(host: "a", after: "once:make keys", possible: [.transfer])
        )
        guard case .refused = try transfer().decision(on: "b", seen: seen) else {
            Issue.record("nothing makes it, and nobody says so")
            return
        }
    }
}
