import Testing

@testable import Resources

/// What is done with a broker's node, for everything that it and the other members can say. `a`, `b`, `c` are declared, `x` is
/// nobody's.
@Suite struct MembershipTests {
    typealias Sight = Membership.Sight
    typealias Deeds = Membership.Deeds

    private static func up(_ members: String, sees: String? = nil, blank: Bool = false) -> Sight {
        .running(members: set(members), running: set(sees ?? members), isBlank: blank)
    }
    private static func set(_ letters: String) -> Set<String> { Set(letters.map(String.init)) }

    /// Everything that a member can say of itself, as far as decisions can depend on it.
    private static func sights(of node: String, with peers: [String]) -> [Sight] {
        var sights: [Sight] = [.unseen, .unknown("r"), .none]
        var clusters = [node, node + "x"]
        for count in 1...peers.count {
            clusters.append(node + peers.prefix(count).joined())
            clusters.append(node + peers.prefix(count).joined() + "x")
        }
        if peers.count > 1 { clusters.append(node + peers[1]) }
        for cluster in clusters {
            sights.append(.stopped(record: set(cluster)))
            sights.append(.applicationStopped(record: set(cluster)))
            sights.append(up(cluster))
            if cluster.count > 1 {
                // It sees nobody, or not the last.
                sights.append(up(cluster, sees: node))
                if cluster.count > 2 { sights.append(up(cluster, sees: String(cluster.dropLast()))) }
                sights.append(.waiting(members: set(cluster), away: set(cluster).subtracting([node])))
            } else {
                sights.append(up(cluster, blank: true))
            }
        }
        return sights
    }

    private static func verdict(_ own: Sight, _ peers: [(node: String, sight: Sight)]) -> Membership.Verdict {
        Membership(node: "a", own: own, peers: peers).verdict
    }

    // MARK: Rules that hold whatever is said

    /// All combinations of two and of three members.
    private static let situations: [(own: Sight, peers: [(node: String, sight: Sight)])] = {
        var situations: [(own: Sight, peers: [(node: String, sight: Sight)])] = []
        for own in sights(of: "a", with: ["b"]) {
            for b in sights(of: "b", with: ["a"]) { situations.append((own, [("b", b)])) }
        }
        for own in sights(of: "a", with: ["b", "c"]) {
            for b in sights(of: "b", with: ["a", "c"]) {
                for c in sights(of: "c", with: ["a", "b"]) { situations.append((own, [("b", b), ("c", c)])) }
            }
        }
        return situations
    }()

    private static func members(_ sight: Sight?) -> Set<String>? {
        if case .running(let members, _, _)? = sight { members } else { nil }
    }

    @Test func everySituationIsTried() { #expect(Self.situations.count > 15_000) }

    @Test func dataIsNeverLostByItself() {
        for (own, peers) in Self.situations {
            guard case .change(let deeds) = Self.verdict(own, peers) else { continue }
            let told = "\(own) \(peers)"
            let isEmpty =
                switch own {
                case .none, .running(_, _, isBlank: true): true
                default: false
                }
            // Joining empties a node: only one without data joins, or one whose data was set aside for it.
            if deeds.joins != nil { #expect(isEmpty || deeds.setsAside, "\(told)") }
            // Neither is done to a node that has its place.
            if deeds.setsAside || deeds.forgetsOn != nil {
                for peer in peers {
                    guard case .running(let members, let seen, _) = peer.sight, deeds.setsAside else { continue }
                    #expect(!members.contains("a") || !seen.contains("a"), "\(told)")
                }
            }
            if deeds.setsAside {
                let listed = peers.contains { Self.members($0.sight)?.contains("a") == true }
                #expect(!listed, "\(told)")
            }
        }
    }

    @Test func onlyTheEntryOfANodeThatIsGoneIsForgotten() {
        for (own, peers) in Self.situations {
            guard case .change(let deeds) = Self.verdict(own, peers), let witness = deeds.forgetsOn else { continue }
            guard case .running(let members, let seen, _)? = peers.first(where: { $0.node == witness })?.sight else {
                Issue.record("\(witness) does not run: \(own) \(peers)")
                continue
            }
            #expect(members.contains("a") && !seen.contains("a"), "\(own) \(peers)")
            #expect(own == .none || own == Self.up("a", blank: true), "\(own) \(peers)")
            #expect(deeds.joins != nil && !deeds.setsAside)
            for peer in peers {
                if case .running(_, let seen, _) = peer.sight { #expect(!seen.contains("a"), "\(own) \(peers)") }
            }
        }
    }

    @Test func whoJoinsJoinsOneThatRuns() {
        for (own, peers) in Self.situations {
            guard case .change(let deeds) = Self.verdict(own, peers), let peer = deeds.joins else { continue }
            #expect(Self.members(peers.first { $0.node == peer }?.sight) != nil, "\(own) \(peers)")
        }
    }

    /// Without data a node begins a new cluster: only if every other member is proved to have none, or there is one to join.
    @Test func noSecondClusterIsBegunBesideOneThatIsNotSeen() {
        for (own, peers) in Self.situations where own == .none {
            guard case .change(let deeds) = Self.verdict(own, peers), deeds.joins == nil else { continue }
            #expect(peers.allSatisfy { $0.sight == .none }, "\(peers)")
        }
    }

    @Test func whatIsNotKnownOfItselfIsNotTouched() {
        for (own, peers) in Self.situations {
            switch own {
            case .unseen, .unknown:
                guard case .unknown = Self.verdict(own, peers) else {
                    Issue.record("\(own) \(peers)")
                    continue
                }
            default: continue
            }
        }
    }

    @Test func membersThatAgreeAndSeeEachOtherAreSettled() {
        for (own, peers) in Self.situations {
            guard case .running(let members, let seen, _) = own, members == seen, members.count > 1 else { continue }
            let isComplete = peers.allSatisfy { peer in
                if case .running(members, members, _) = peer.sight { members.contains(peer.node) } else { false }
            }
            if isComplete { #expect(Self.verdict(own, peers) == .settled, "\(own) \(peers)") }
        }
    }

    /// Done, and looked at again: what a deed leads to needs nothing more.
    @Test func aDeedIsDoneOnce() {
        for (own, peers) in Self.situations {
            guard case .change(let deeds) = Self.verdict(own, peers), let peer = deeds.joins,
                let cluster = Self.members(peers.first(where: { $0.node == peer })?.sight)
            else { continue }
            let whole = cluster.union(["a"])
            let after = peers.map { each -> (node: String, sight: Sight) in
                guard case .running(cluster, let seen, let isBlank) = each.sight else { return each }
                return (each.node, .running(members: whole, running: seen.union(["a"]), isBlank: isBlank))
            }
            let seen = whole.filter { node in
                node == "a" || after.contains { if case .running = $0.sight { $0.node == node } else { false } }
            }
            let now = Self.verdict(.running(members: whole, running: seen, isBlank: false), after)
            if case .change = now { Issue.record("\(own) \(peers): \(deeds), then \(now)") }
        }
    }

    // MARK: The table

    struct Row: Sendable {
        var own: Sight
        var peer: Sight
        /// `=` settled, `?` unknown, `!` refused, `>` after the peer, else what is done.
        var outcome: String
    }

    static let table: [Row] = [
        // A bare host: the first of all, or there is one to go to.
        Row(own: .none, peer: .none, outcome: "start"),
        Row(own: .none, peer: .unseen, outcome: "!b could not be asked"),
        Row(own: .none, peer: .unknown("r"), outcome: "?b: r"),
        Row(own: .none, peer: up("b"), outcome: "start, join b"),
        Row(own: .none, peer: up("b", blank: true), outcome: "start, join b"),
        Row(own: .none, peer: up("ab", sees: "b"), outcome: "forget on b, start, join b"),
        Row(own: .none, peer: up("ab"), outcome: "!b sees it running"),
        Row(own: .none, peer: .stopped(record: ["a", "b"]), outcome: ">b"),
        Row(own: .none, peer: .stopped(record: ["b"]), outcome: ">b"),
        Row(own: .none, peer: .waiting(members: ["a", "b"], away: ["a"]), outcome: ">b"),
        // It stands still with its data.
        Row(own: .stopped(record: ["a", "b"]), peer: up("ab", sees: "b"), outcome: "start"),
        Row(own: .stopped(record: ["a", "b"]), peer: .unseen, outcome: "start"),
        Row(own: .stopped(record: ["a", "b"]), peer: .none, outcome: "start"),
        Row(own: .stopped(record: ["a", "b"]), peer: up("b"), outcome: "set aside, start, join b"),
        Row(own: .stopped(record: ["a"]), peer: up("ab", sees: "b"), outcome: "!b lists it as a member, but its data"),
        Row(own: .stopped(record: ["a"]), peer: up("b"), outcome: "start"),
        Row(own: .stopped(record: ["a", "x"]), peer: up("b"), outcome: "!its data is that of another cluster: a, x"),
        Row(own: .stopped(record: ["b"]), peer: up("b"), outcome: "!its data is that of a cluster without it"),
        Row(own: .applicationStopped(record: ["a", "b"]), peer: up("ab", sees: "b"), outcome: "start application"),
        Row(own: .applicationStopped(record: ["a", "b"]), peer: up("b"), outcome: "set aside, start, join b"),
        // It was started before the one that it needs.
        Row(own: .waiting(members: ["a", "b"], away: ["b"]), peer: .stopped(record: ["a", "b"]), outcome: "="),
        Row(own: .waiting(members: ["a", "b"], away: ["b"]), peer: .unseen, outcome: "="),
        Row(
            own: .waiting(members: ["a", "b"], away: ["b"]), peer: up("ab", sees: "b"),
            outcome: "!it waits for b, which runs"),
        Row(own: .waiting(members: ["a", "b"], away: ["b"]), peer: up("b"), outcome: "set aside, start, join b"),
        Row(
            own: .waiting(members: ["a", "b"], away: ["b"]), peer: .none, outcome: "!it waits for b, whose data is gone"
        ),
        Row(
            own: .waiting(members: ["a", "x"], away: ["x"]), peer: .none, outcome: "!it waits for x, which no inventory"
        ),
        // It runs alone.
        Row(own: up("a"), peer: .none, outcome: "="),
        Row(own: up("a", blank: true), peer: .none, outcome: "="),
        Row(own: up("a"), peer: .unseen, outcome: "="),
        Row(own: up("a", blank: true), peer: .unseen, outcome: "!it is blank and alone; b could not be asked"),
        Row(own: up("a", blank: true), peer: .unknown("r"), outcome: "?b: r"),
        Row(own: up("a", blank: true), peer: .stopped(record: ["a", "b"]), outcome: "!it is blank and alone, and b"),
        Row(own: up("a", blank: true), peer: .stopped(record: ["b"]), outcome: "="),
        Row(own: up("a", blank: true), peer: up("b"), outcome: "join b"),
        Row(own: up("a", blank: true), peer: up("b", blank: true), outcome: "="),
        Row(own: up("a"), peer: up("b", blank: true), outcome: "="),
        Row(own: up("a"), peer: up("b"), outcome: "!two clusters with data"),
        Row(own: up("a"), peer: up("bx"), outcome: "!two clusters with data"),
        Row(own: up("a", blank: true), peer: up("bx"), outcome: "join b"),
        Row(own: up("a", blank: true), peer: up("ab", sees: "b"), outcome: "forget on b, join b"),
        Row(own: up("a"), peer: up("ab", sees: "b"), outcome: "!it has data of its own, and b lists it"),
        Row(own: up("a", blank: true), peer: up("ab"), outcome: "!b sees it running"),
        // It is in a cluster.
        Row(own: up("ab"), peer: up("ab"), outcome: "="),
        Row(own: up("abx"), peer: up("abx"), outcome: "="),
        Row(own: up("ab", sees: "a"), peer: .unseen, outcome: "="),
        Row(own: up("ab", sees: "a"), peer: .none, outcome: "="),
        Row(own: up("ab", sees: "a"), peer: .stopped(record: ["a", "b"]), outcome: "="),
        Row(own: up("ab", sees: "a"), peer: up("b", blank: true), outcome: "="),
        Row(own: up("ab", sees: "a"), peer: up("b"), outcome: "="),
        Row(own: up("ab", sees: "a"), peer: up("ab", sees: "b"), outcome: "!it and b run and do not reach each other"),
        Row(own: up("ab", sees: "a"), peer: up("bx"), outcome: "!b is in another cluster"),
        Row(own: up("ax"), peer: up("b"), outcome: "!it is in another cluster, with x"),
        Row(own: up("ax"), peer: up("bx"), outcome: "!it is in another cluster, with x"),
        Row(own: up("ax"), peer: .none, outcome: "="),
        Row(own: up("abx"), peer: up("ab"), outcome: "!the members are a, b, x as seen here"),
    ]

    @Test(arguments: table) func theTable(row: Row) {
        let said = Self.words(Self.verdict(row.own, [("b", row.peer)]))
        let isLong = "!?".contains(row.outcome.first ?? " ")
        #expect(isLong ? said.hasPrefix(row.outcome) : said == row.outcome, "\(row.own) and \(row.peer): \(said)")
    }

    /// A new cookie reaches one member after the other: the first waits for those that have the old one still.
    @Test func whoHasTheNewCookieWaitsForTheOthers() {
        var membership = Membership(
            node: "a", own: .waiting(members: ["a", "b"], away: ["b"]), peers: [("b", Self.up("ab", sees: "b"))])
        guard case .refused = membership.verdict else {
            Issue.record("with one cookie they should reach each other")
            return
        }
        membership.strangers = ["b"]
        #expect(membership.verdict == .settled)
    }

    /// Of two that are blank and apart the one with the smaller name keeps still, whoever comes first: else both would wait,
    /// or both would join.
    @Test func oneOfTwoBlankNodesJoins() {
        let blank: (String) -> Sight = { Self.up($0, blank: true) }
        #expect(
            Membership(node: "b", own: blank("b"), peers: [("a", blank("a"))]).verdict == .change(Deeds(joins: "a")))
        #expect(Membership(node: "a", own: blank("a"), peers: [("b", blank("b"))]).verdict == .settled)
    }

    private static func words(_ verdict: Membership.Verdict) -> String {
        switch verdict {
        case .settled: return "="
        case .after(let peer): return ">" + peer
        case .refused(let reason): return "!" + reason
        case .unknown(let reason): return "?" + reason
        case .change(let deeds):
            let words: [String?] = [
                deeds.forgetsOn.map { "forget on \($0)" }, deeds.setsAside ? "set aside" : nil,
                deeds.starts ? "start" : nil, deeds.startsApplication ? "start application" : nil,
                deeds.joins.map { "join \($0)" },
            ]
            return words.compactMap(\.self).joined(separator: ", ")
        }
    }
}
