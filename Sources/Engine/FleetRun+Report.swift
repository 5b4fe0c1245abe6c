internal import Compile
internal import Model
internal import Planning
internal import Report
internal import Resources

extension FleetRun {
    /// The hosts of a plan as they are shown: the selected ones, also those that could not be seen. Text diffs that were
    /// made before are kept; a report that is to be executed asks for no new ones.
    func describe(
        _ plans: [RolePlan], _ attempt: Attempt, keeping earlier: [HostReport]? = nil
    ) async -> [HostReport] {
        let outlook = earlier == nil ? await outlook(plans, attempt) : [:]
        let refusals = Dictionary(
            plans.compactMap { plan in permits.refusal(of: plan).map { (plan.role, $0) } },
            uniquingKeysWith: { first, _ in first })
        return await withTaskGroup(of: (Int, HostReport).self) { group in
            for (index, member) in attempt.all.enumerated() where covers(member) {
                let plan = plans.first { $0.role == member.role }?[member.host]
                let before = earlier?.first { $0.host == member.host }
                group.addTask {
                    var report = await describe(member, plan, attempt)
                    if let note = outlook[member.host] { report.notes.append(note) }
                    if let refusal = refusals[member.role], report.isWaiting {
                        if request.changesHosts {
                            report.ending = Ending(.refused, refusal)
                        } else {
                            report.notes.append("apply would refuse it: \(refusal)")
                        }
                    }
                    if let plan, report.ending.outcome != .unreachable {
                        report.changes =
                            if earlier != nil {
                                plan.changes.map { change in
                                    ReportedChange(change, diff: before?.diff(of: change))
                                }
                            } else {
                                await ContentDiffs(member: member, masker: attempt.masker, extent: request.diffs)
                                    .attached(to: plan.changes)
                            }
                    }
                    for index in report.changes.indices where !permits.forbids(report.changes[index].change) {
                        report.changes[index].change.confirm = nil
                    }
                    return (index, report)
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func describe(_ member: Member, _ plan: HostPlan?, _ attempt: Attempt) async -> HostReport {
        var report = HostReport(
            host: member.host, role: member.role, address: member.place.address, zone: member.place.availabilityZone,
            ending: Ending(.unchanged), seconds: await member.spent.inSeconds)
        if let trouble = await member.trouble {
            report.ending = trouble.ending
            return report
        }
        guard let plan else { return report }
        if let obstacle = plan.obstacle {
            report.ending = obstacle.failure.ending
            let count = plan.changes.filter(\.isExpected).count
            if count > 0 {
                report.notes.append(
                    "\(counted(count)) planned as well; nothing is done here before \(obstacle.resource) is right")
            }
        } else if plan.hasChanges {
            report.ending = Ending(.wouldChange)
        }
        if !request.changesHosts {
            for leftover in await member.leftovers {
                report.notes.append("\(leftover); apply waits for it and plans after it")
            }
        }
        if plan.hasChanges {
            report.gates = await member.declared?.gates.map { ReportedGate($0) } ?? []
            report.needs = fleet.needs(of: member.role)
        }
        if let trouble = await member.view.view?.trouble { report.notes.append("does not hold now: \(trouble)") }
        if case .unhealthy(let reason) = plan.health { report.notes.append("does not serve now: \(reason)") }
        report.notes += plan.notes
        for resource in plan.forgotten {
            report.notes.append("\(resource) was managed here and no recipe declares it any more")
        }
        return report
    }

    private func counted(_ count: Int) -> String { count == 1 ? "1 change is" : "\(count) changes are" }

    /// Ended before there was a plan.
    func interruptedReport(_ attempt: Attempt) async -> RunReport {
        var hosts: [HostReport] = []
        for member in attempt.all where covers(member) {
            hosts.append(
                HostReport(
                    host: member.host, role: member.role, address: member.place.address,
                    zone: member.place.availabilityZone,
                    ending: Ending(.interrupted, "interrupted before anything was changed"),
                    seconds: await member.spent.inSeconds))
        }
        return await report(hosts, attempt)
    }

    /// Hosts that nothing was done to: what was only planned is no change. Those that had something to do end like this.
    func withoutChanges(_ hosts: [HostReport], waiting ending: Ending?) -> [HostReport] {
        hosts.map { host in
            var host = host
            if host.isWaiting, let ending { host.ending = ending }
            host.changes = []
            return host
        }
    }

    /// A host with nothing to do that does not serve is not called fine: its gates get their deadline. Where another run is
    /// at work, or this one was stopped, what is seen now says nothing.
    func confirmHealth(_ hosts: [HostReport], _ attempt: Attempt) async -> [HostReport] {
        if hosts.contains(where: { [.locked, .refused, .interrupted].contains($0.ending.outcome) }) { return hosts }
        var hosts = hosts
        for (index, host) in hosts.enumerated() where host.ending.outcome == .unchanged && !interruption.isRequested {
            guard let member = attempt.all.first(where: { $0.host == host.host }), await !member.view.health.isHealthy
            else { continue }
            let keeper = GateKeeper(
                member: member, witnesses: attempt.witnesses(of: member.role), progress: attempt.progress,
                interruption: interruption)
            if let failure = await keeper.firstFailure() { hosts[index].ending = failure.ending }
        }
        for role in attempt.roles where !interruption.isRequested {
            let rows = hosts.indices.filter { hosts[$0].role == role }
            let members = attempt.members[role] ?? []
            // Where something was changed, they were asked after it.
            guard let first = rows.first, rows.allSatisfy({ hosts[$0].ending.outcome == .unchanged }),
                await RoleGateKeeper.trouble(of: members) != nil
            else { continue }
            let keeper = RoleGateKeeper(
                members: members, witnesses: attempt.witnesses(of: role), progress: attempt.progress,
                interruption: interruption)
            if let failure = await keeper.firstFailure(speaker: hosts[first].host) {
                hosts[first].ending = failure.ending
            }
        }
        return hosts
    }

    func report(_ hosts: [HostReport], _ attempt: Attempt, notes told: [String] = []) async -> RunReport {
        var outcome = Outcome.worst(of: hosts.map(\.ending.outcome))
        if interruption.isRequested, hosts.contains(where: { $0.ending.outcome == .notAttempted }) {
            outcome = .interrupted
        }
        var notes = told
        for member in attempt.all where !covers(member) {
            guard let trouble = await member.trouble else { continue }
            notes.append("\(member.host) is not in the selection; it counts as down: \(trouble.reason)")
        }
        if request.changesHosts, !interruption.isRequested, hosts.contains(where: { !$0.changes.isEmpty }) {
            notes += await outside.rotated(
                attempt.book, fleet.inventory.secretSources, request.controller.environment)
        }
        return RunReport(
            run: attempt.run, command: request.command, outcome: outcome,
            seconds: attempt.start.duration(to: .now).inSeconds,
            hosts: hosts.map { $0.masked(by: attempt.masker) }, notes: notes.map(attempt.masker.mask))
    }
}

extension HostReport {
    /// It has something to do, and nothing in the way.
    var isWaiting: Bool { ending.outcome == .wouldChange }

    func diff(of change: PlannedChange) -> String? {
        changes.first { $0.change.resource == change.resource && $0.change.action == change.action }?.diff
    }
}
