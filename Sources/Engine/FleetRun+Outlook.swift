internal import Model
internal import Planning
internal import Rollout

extension FleetRun {
    /// What the rule of rolling says to a plan as things stand: why a host goes first or although nobody serves, and which
    /// host would be refused. Ordinary hosts have no word. It is asked anew before every change.
    func outlook(_ plans: [RolePlan], _ attempt: Attempt) async -> [HostName: String] {
        var notes: [HostName: String] = [:]
        for plan in plans {
            let changing = Set(plan.hosts.filter(\.canBeChanged).map(\.host))
            let members = attempt.members[plan.role] ?? []
            var health: [HostName: Health] = [:]
            for member in members { health[member.host] = await member.view.health }
            let trouble = await RoleGateKeeper.trouble(of: members)
            var rollout = Rollout(
                members: members.map(\.host), changing: changing, atOnce: fleet.changesAtOnce(plan.role),
                interruption: permits.interruption(of: plan.role))
            var action = rollout.handle(.begin)
            while action != .finish {
                switch action {
                case .look: action = rollout.handle(.seen(health, trouble: trouble))
                case .change(let hosts, let permission):
                    for host in hosts {
                        notes[host] = permission.outlook
                        // As it is meant to be when the next one's turn comes.
                        health[host] = .healthy
                    }
                    let done = hosts.map { ($0, Ending(.changed)) }
                    action = rollout.handle(.changed(Dictionary(done, uniquingKeysWith: { first, _ in first })))
                case .finish: break
                }
            }
            for (host, ending) in rollout.endings where ending.outcome == .refused {
                notes[host] = "apply would refuse it as things stand: \(ending.reason ?? "")"
            }
        }
        return notes
    }
}

extension Rollout.Permission {
    fileprivate var outlook: String? {
        switch self {
        case .served, .promisesNothing: nil
        case .unhealthy(_, let peer): "goes before the members that serve; \(peer) serves meanwhile"
        case .nobodyServes: "no member of the role serves: first installation or total outage, repaired one at a time"
        case .allowed(let name): "nothing serves meanwhile, as --allow \(name) says"
        }
    }
}
