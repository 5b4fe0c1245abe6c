internal import Model
internal import Planning
internal import Rollout

/// Carries out the rollout of one role: asks the pure ``Rollout`` what comes next, and does it.
struct RoleRun: Sendable {
    let role: RoleName
    /// All members, in rolling order.
    let members: [Member]
    let changing: Set<HostName>
    let atOnce: Bool
    let witnesses: Witnesses
    let context: RunContext

    struct HostResult: Sendable {
        var ending: Ending
        var done: [PlannedChange] = []
        var tail: String?
        var note: String?
        var seconds: Double = 0
    }

    func execute() async -> [HostName: HostResult] {
        var results: [HostName: HostResult] = [:]
        var lastChanged: HostName?
        var rollout = Rollout(
            members: members.map(\.host), changing: changing, atOnce: atOnce,
            interruption: context.permits.interruption(of: role))
        var action = rollout.handle(.begin)
        while true {
            switch action {
            case .finish:
                for (host, ending) in rollout.endings where results[host] == nil {
                    // Refused for its unknown health: that it was lost says more.
                    let lost = await members.first { $0.host == host }?.trouble
                    let isRefused = ending.outcome == .refused
                    results[host] = HostResult(ending: isRefused ? lost?.ending ?? ending : ending)
                }
                await askForTheRole(&results, lastChanged)
                return results
            case .look:
                if context.interruption.isRequested {
                    action = rollout.handle(.interrupted)
                    continue
                }
                let health = await look()
                action = rollout.handle(.seen(health, trouble: await RoleGateKeeper.trouble(of: members)))
            case .change(let hosts, let permission):
                let changed = await change(hosts, permission)
                results.merge(changed) { _, new in new }
                lastChanged = hosts.last ?? lastChanged
                action = rollout.handle(.changed(changed.mapValues(\.ending)))
            }
        }
    }

    /// The gates of the whole role, after the last host. That they do not hold is written where the last change was made;
    /// after a failure there is nothing more to learn from them.
    private func askForTheRole(_ results: inout [HostName: HostResult], _ lastChanged: HostName?) async {
        guard let lastChanged, results.values.allSatisfy({ [.changed, .unchanged].contains($0.ending.outcome) }) else {
            return
        }
        let keeper = RoleGateKeeper(
            members: members, witnesses: witnesses, progress: context.progress, interruption: context.interruption)
        guard let failure = await keeper.firstFailure(speaker: lastChanged) else { return }
        let ending = Ending(
            failure.outcome, "after the last host of \(role) was changed: \(failure.ending.reason ?? "")")
        results[lastChanged]?.ending = ending
        context.journal.ended(lastChanged, ending)
        context.progress(.ended(lastChanged, ending))
    }

    /// Observes all members now: a change is permitted on what is true at that moment, not on the plan's memory.
    private func look() async -> [HostName: Health] {
        await withTaskGroup { group in
            for member in members { group.addTask { await member.observeUnlessFresh() } }
        }
        await witnesses.ask(about: members)
        var health: [HostName: Health] = [:]
        for member in members { health[member.host] = await member.view.health }
        return health
    }

    /// Of a role whose members are changed all at once, so many are under way at a time: a hundred that install packages
    /// together would starve each other, their repository and this machine, and run into their deadlines.
    static let mostAtOnce = 16

    private func change(_ hosts: [HostName], _ permission: Rollout.Permission) async -> [HostName: HostResult] {
        await withTaskGroup(of: (HostName, HostResult).self) { group in
            var waiting = members.filter { hosts.contains($0.host) }[...]
            var results: [HostName: HostResult] = [:]
            func beginNext() {
                guard let member = waiting.popFirst() else { return }
                group.addTask { (member.host, await converge(member, permission)) }
            }
            for _ in 0..<Self.mostAtOnce { beginNext() }
            while let (host, result) = await group.next() {
                results[host] = result
                beginNext()
            }
            return results
        }
    }

    private func converge(_ member: Member, _ permission: Rollout.Permission) async -> HostResult {
        let start = ContinuousClock.now
        let convergence = Convergence(member: member, members: members, context: context)
        let converged = await convergence.execute()
        var result = HostResult(ending: converged.ending, done: converged.done, tail: converged.tail)
        result.note = permission.note
        if converged.ending.outcome == .changed || converged.ending.outcome == .unchanged {
            let unwritten = await convergence.writeRecords()
            let keeper = GateKeeper(
                member: member, witnesses: witnesses, progress: context.progress, interruption: context.interruption)
            if let failure = await keeper.firstFailure() {
                result.ending = failure.ending
            } else if let unwritten {
                result.ending = Ending(.failed, "all is as its role says, but: \(unwritten.ending.reason ?? "")")
                result.tail = unwritten.tail
            }
        }
        result.seconds = start.duration(to: .now).inSeconds
        context.journal.ended(member.host, result.ending)
        context.progress(.ended(member.host, result.ending))
        return result
    }
}

extension Rollout.Permission {
    /// Why the host was changed, where that is not the ordinary case.
    var note: String? {
        switch self {
        case .served, .promisesNothing: nil
        case .unhealthy(let reason, let peer): "changed first because it does not serve (\(reason)); \(peer) serves"
        case .nobodyServes(let reason):
            "no member of the role serves (\(reason)): first installation or total outage, repaired one at a time"
        case .allowed(let name): "nothing served meanwhile, as --allow \(name) says"
        }
    }
}

extension Duration {
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
