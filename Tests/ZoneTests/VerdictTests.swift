import Model
import Testing
import Zone

@Suite("Verdict")
struct VerdictTests {
    static func answer(_ texts: [HostName: [String]]) throws -> ZoneAnswer {
        ZoneAnswer(replies: try texts.mapValues { .addresses(try $0.map(address), alias: nil) })
    }

    @Test("members are placed by subnet")
    func places() throws {
        let inventory = try inventory(server: nil)
        let answer = try Self.answer([
            "backend01": ["10.1.191.255"], "backend02": ["10.1.192.0"], "keystone01": ["10.1.128.1"],
        ])
        let verdict = ZoneVerdict.judge(answer, in: inventory)
        #expect(
            try verdict.result.get()["backend01"]
                == PlacedHost(host: "backend01", address: address("10.1.191.255"), availabilityZone: "eu-west-2a"))
        #expect(try verdict.result.get()["backend02"]?.availabilityZone == "eu-west-2c")
        #expect(verdict.undivided.isEmpty)
    }

    @Test("each refusal has its reason")
    func refusals() throws {
        let inventory = try inventory(
            server: nil,
            roles: [
                ("a", ["public", "nowhere", "many"]), ("b", ["gone", "bare", "alias", "ill", "late", "good"]),
                ("c", ["twin1", "twin2"]),
            ])
        var answer = try Self.answer([
            "public": ["203.0.113.5", "10.1.128.1"], "nowhere": ["10.1.64.1"], "many": ["10.1.128.9", "10.1.128.8"],
            "good": ["10.1.128.2"], "twin1": ["10.1.128.3"], "twin2": ["10.1.128.3"],
        ])
        answer.replies["gone"] = .noSuchName
        answer.replies["bare"] = .noAddress
        answer.replies["alias"] = .danglingAlias("x.example.org")
        answer.replies["ill"] = .failed(.serverFailure)
        answer.replies["late"] = .failed(.timedOut(after: .milliseconds(1500)))
        let verdict = ZoneVerdict.judge(answer, in: inventory)
        #expect(
            try verdict.problems == [
                .outsideNetwork("public", address("203.0.113.5")), .noAvailabilityZone("nowhere", address("10.1.64.1")),
                .manyAddresses("many", [address("10.1.128.8"), address("10.1.128.9")]), .noSuchName("gone"),
                .noAddress("bare"),
                .danglingAlias("alias", to: "x.example.org"), .failed("ill", .serverFailure),
                .failed("late", .timedOut(after: .milliseconds(1500))),
                .sharedAddress(["twin1", "twin2"], address("10.1.128.3")),
            ])
        #expect(verdict.placed.keys.sorted() == ["good"])
        #expect(verdict.problems.filter(\.isAbsence) == [.noSuchName("gone")])
        guard case .failure(let diagnostics) = verdict.result else {
            Issue.record("accepted")
            return
        }
        #expect(
            diagnostics.all[0].description
                == "inventory.yaml:10:1: public.prod-ha.cso.ss is 203.0.113.5, outside of the fleet's network 10.1.0.0/16; "
                + "the query left the VPC: name the VPC's resolver as the zone's `server` in the inventory")
        #expect(diagnostics.all[7].message == "late.prod-ha.cso.ss: no answer within 1.5 s")
        #expect(diagnostics.all.allSatisfy { $0.remedy != nil && $0.location != nil })
    }

    @Test("the same address twice in one answer is one address")
    func repeated() throws {
        let verdict = ZoneVerdict.judge(
            try Self.answer(["backend01": ["10.1.128.1", "10.1.128.1"]]), in: try inventory(server: nil))
        #expect(verdict.problems.isEmpty)
    }

    @Test("a role that lies in one availability zone is named")
    func undivided() throws {
        let verdict = ZoneVerdict.judge(
            try Self.answer(["backend01": ["10.1.128.1"], "backend02": ["10.1.128.2"], "keystone01": ["10.1.128.3"]]),
            in: try inventory(server: nil))
        #expect(verdict.undivided.map(\.role) == ["backend"] && verdict.undivided.map(\.zone) == ["eu-west-2a"])
        #expect(verdict.problems.isEmpty)
    }
}
