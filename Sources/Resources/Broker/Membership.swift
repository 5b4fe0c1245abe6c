internal import Model

/// Whether a broker's node is where it belongs, decided from what it says of itself and what the other declared members say.
/// Nothing in here knows hosts, answers or scripts.
///
/// The two ways to lose data are to join with a node that has some, since joining empties it, and to forget a member that
/// is only away. So a node joins by itself only when it is proved blank; forgetting and setting data aside need an
/// operator's word; and what could not be seen is never taken for not being there.
struct Membership {
    /// What is known of one declared member.
    enum Sight: Sendable, Hashable {
        /// Its host could not be asked.
        case unseen
        case unknown(String)
        /// Proved: nothing lives, and there is no data.
        case none
        /// There is data, of a cluster of these nodes by its own record, and nothing lives.
        case stopped(record: Set<String>)
        /// The Erlang node lives, its application was stopped.
        case applicationStopped(record: Set<String>)
        /// It boots and cannot go on without these others.
        case waiting(members: Set<String>, away: Set<String>)
        case running(members: Set<String>, running: Set<String>, isBlank: Bool)

        /// The cluster that it takes itself for a part of.
        fileprivate var cluster: Set<String>? {
            switch self {
            case .unseen, .unknown, .none: nil
            case .stopped(let record), .applicationStopped(let record): record
            case .waiting(let members, _), .running(let members, _, _): members
            }
        }
    }

    /// What is done, in this order.
    struct Deeds: Sendable, Hashable {
        /// The member whose cluster still lists this node, which has to be taken off that list.
        var forgetsOn: String?
        /// The data is moved away; the node stops for it.
        var setsAside = false
        var starts = false
        var startsApplication = false
        /// The member whose cluster is joined; a node that starts without data finds it by itself.
        var joins: String?
    }

    enum Verdict: Sendable, Hashable {
        case settled
        case change(Deeds)
        /// This member has to come first.
        case after(String)
        case refused(String)
        case unknown(String)
    }

    let node: String
    let own: Sight
    /// The other declared members, in a fixed order.
    let peers: [(node: String, sight: Sight)]
    /// Peers in whose cookie files something else stands than in this node's: one of the two is put right in its own turn.
    var strangers: Set<String> = []

    private var declared: Set<String> { Set(peers.map(\.node)).union([node]) }

    /// The peers that run, with the cluster that each sees.
    private var running: [(node: String, members: Set<String>, running: Set<String>, isBlank: Bool)] {
        peers.compactMap { peer in
            guard case .running(let members, let running, let isBlank) = peer.sight else { return nil }
            return (peer.node, members, running, isBlank)
        }
    }

    var verdict: Verdict {
        switch own {
        case .unseen: .unknown("it could not be asked")
        case .unknown(let reason): .unknown(reason)
        case .none: withoutData
        case .stopped(let record): stopped(record, Deeds(starts: true))
        case .applicationStopped(let record): stopped(record, Deeds(startsApplication: true))
        case .waiting(let members, let away): waiting(members, for: away)
        case .running(let members, let seen, let isBlank):
            members == [node] ? alone(isBlank: isBlank) : inCluster(members, seen)
        }
    }

    // MARK: Without data

    private var withoutData: Verdict {
        guard let peer = running.first else { return firstOfAll }
        if let disagreement { return .refused(disagreement) }
        guard peer.members.contains(node) else { return .change(Deeds(starts: true, joins: peer.node)) }
        if let witness = running.first(where: { $0.running.contains(node) }) { return .refused(doubled(witness.node)) }
        return .change(Deeds(forgetsOn: peer.node, starts: true, joins: peer.node))
    }

    /// Nobody runs. Whoever starts without data now begins a new cluster.
    private var firstOfAll: Verdict {
        for peer in peers {
            switch peer.sight {
            case .unseen:
                return .refused("\(peer.node) could not be asked and may have the cluster that this one belongs to")
            case .unknown(let reason): return .unknown("\(peer.node): \(reason)")
            case .stopped, .applicationStopped, .waiting: return .after(peer.node)
            case .none, .running: continue
            }
        }
        return .change(Deeds(starts: true))
    }

    // MARK: With data, not running

    private func stopped(_ record: Set<String>, _ start: Deeds) -> Verdict {
        guard record.contains(node) else {
            return .refused("its data is that of a cluster without it: \(list(record))")
        }
        guard let peer = running.first else { return .change(start) }
        if let disagreement { return .refused(disagreement) }
        let isListed = running.contains { $0.members.contains(node) }
        let knowsThem = running.contains { record.contains($0.node) }
        if isListed {
            if let witness = running.first(where: { $0.running.contains(node) }) {
                return .refused(doubled(witness.node))
            }
            return knowsThem
                ? .change(start)
                : .refused(
                    "\(peer.node) lists it as a member, but its data is that of another cluster (\(list(record))); "
                        + "move /var/lib/rabbitmq/mnesia/\(node) away by hand if it is not needed")
        }
        if knowsThem { return .change(Deeds(setsAside: true, starts: true, joins: peer.node)) }
        if record == [node] { return .change(start) }
        return .refused("its data is that of another cluster: \(list(record))")
    }

    private func waiting(_ members: Set<String>, for away: Set<String>) -> Verdict {
        if running.contains(where: { away.contains($0.node) && strangers.contains($0.node) }) { return .settled }
        if let peer = running.first(where: { away.contains($0.node) }) {
            if !running.contains(where: { $0.members.contains(node) }) {
                return .change(Deeds(setsAside: true, starts: true, joins: peer.node))
            }
            return .refused(
                "it waits for \(peer.node), which runs: they do not reach each other. Either has another cookie, or the "
                    + "network between them is closed (ports 4369 and 25672)")
        }
        let lost = peers.first { away.contains($0.node) && $0.sight == .none }
        if let lost {
            return .refused(
                "it waits for \(lost.node), whose data is gone and which ran when this one stopped; only an operator can "
                    + "say that what it had in advance is lost (rabbitmqctl force_boot)")
        }
        if away.isDisjoint(with: declared) {
            return .refused("it waits for \(list(away)), which no inventory declares")
        }
        return .settled
    }

    // MARK: Running

    private func alone(isBlank: Bool) -> Verdict {
        guard let peer = running.first else { return aloneWithoutRunningPeer(isBlank: isBlank) }
        if let disagreement { return .refused(disagreement) }
        if let witness = running.first(where: { $0.running.contains(node) }) { return .refused(doubled(witness.node)) }
        if let witness = running.first(where: { $0.members.contains(node) }) {
            guard isBlank else {
                return .refused(
                    "it has data of its own, and \(witness.node) lists it as a member that it is no more; nothing of it "
                        + "is touched. Save what is needed, then empty it by hand")
            }
            return .change(Deeds(forgetsOn: witness.node, joins: witness.node))
        }
        let settled = running.filter { $0.members.count > 1 || !$0.isBlank }
        if isBlank {
            if let base = settled.first { return .change(Deeds(joins: base.node)) }
            let first = running.map(\.node).min() ?? peer.node
            return node < first ? .settled : .change(Deeds(joins: first))
        }
        guard let other = settled.first else { return .settled }
        return .refused(
            "two clusters with data: it has some and stands alone, and so has \(other.node). Joining would empty this "
                + "one; save what is needed, then empty one of them by hand")
    }

    private func aloneWithoutRunningPeer(isBlank: Bool) -> Verdict {
        guard isBlank else { return .settled }
        for peer in peers {
            switch peer.sight {
            case .unseen:
                return .refused("it is blank and alone; \(peer.node) could not be asked and may have the cluster")
            case .unknown(let reason): return .unknown("\(peer.node): \(reason)")
            case .stopped, .applicationStopped, .waiting:
                if peer.sight.cluster?.contains(node) == true {
                    return .refused(
                        "it is blank and alone, and \(peer.node), which does not run, has the data of a cluster with it; "
                            + "stop this one, and start \(peer.node) first")
                }
            case .none, .running: continue
            }
        }
        return .settled
    }

    private func inCluster(_ members: Set<String>, _ seen: Set<String>) -> Verdict {
        for peer in running where peer.members != members {
            switch (members.contains(peer.node), peer.members.contains(node)) {
            // It has lost its place, or never had one; that is put right in its own turn.
            case (true, false) where peer.members == [peer.node]: continue
            case (false, false) where !members.isDisjoint(with: declared.subtracting([node])): continue
            case (false, false):
                return .refused(
                    "it is in another cluster, with \(list(members.subtracting([node]))); joining \(peer.node) would "
                        + "take it out of that one and empty it")
            case (true, false): return .refused("\(peer.node) is in another cluster, with \(list(peer.members))")
            default:
                return .refused(
                    "the members are \(list(members)) as seen here, and \(list(peer.members)) as seen from \(peer.node)"
                )
            }
        }
        if let deaf = running.first(where: { members.contains($0.node) && !seen.contains($0.node) }),
            deaf.members.contains(node)
        {
            return .refused(
                "it and \(deaf.node) run and do not reach each other: another cookie, or a closed network")
        }
        return .settled
    }

    // MARK: Words

    /// Running peers that are not of one cluster: with whom to go is nobody's guess.
    private var disagreement: String? {
        let groups = running.filter { $0.members.count > 1 }
        guard let first = groups.first, let other = groups.first(where: { $0.members != first.members }) else {
            return nil
        }
        return "the members are \(list(first.members)) as seen from \(first.node), and \(list(other.members)) as seen "
            + "from \(other.node)"
    }

    private func doubled(_ witness: String) -> String {
        "\(witness) sees it running as a member, which the node of this host is not: another machine has its name"
    }

    private func list(_ nodes: Set<String>) -> String { nodes.sorted().joined(separator: ", ") }
}
