internal import Compile
package import Model
internal import Planning
internal import Records
package import Report
internal import Resources
internal import Zone

/// One `plan` or `apply` from the first name to the last answer. The only place where all stages meet.
package struct FleetRun: Sendable {
    let fleet: Fleet
    let request: RunRequest
    let outside: Outside
    let progress: ProgressSink
    let interruption: Interruption

    package init(
        fleet: Fleet, request: RunRequest, outside: Outside, progress: @escaping ProgressSink,
        interruption: Interruption
    ) {
        self.fleet = fleet
        self.request = request
        self.outside = outside
        self.progress = progress
        self.interruption = interruption
    }

    /// Throws when configuration, zone or credentials are wrong; then no host was changed.
    package func execute() async throws(Diagnostics) -> RunReport {
        let start = ContinuousClock.now
        let run = outside.newRun()
        let roles = try request.selection.roles(in: fleet.inventory)
        progress(.phase("resolving"))
        let places = try await outside.resolve(fleet.hosts(of: roles), fleet.inventory)
        let secretNames = try fleet.secretNames(of: roles, places)

        // Secrets are fetched while hosts are connected and observed.
        async let fetched = outside.fetch(secretNames, fleet.inventory.secretSources, request.controller.environment)
        let members = await connect(roles, places)
        let book: SecretBook
        do throws(Diagnostics) {
            book = try await fetched.get()
        } catch {
            await close(members)
            throw error
        }
        let attempt = Attempt(
            run: run, roles: roles, members: members, book: book, start: start, masker: Masker(book))
        let report = await carryOut(attempt)
        await close(members)
        return report
    }

    /// What one run holds once everything is connected.
    struct Attempt: Sendable {
        let run: RunID
        let roles: [RoleName]
        /// In rolling order within each role.
        let members: [RoleName: [Member]]
        let book: SecretBook
        let start: ContinuousClock.Instant
        let masker: Masker

        var all: [Member] { roles.flatMap { members[$0] ?? [] } }
    }

    // MARK: Connecting

    private func connect(_ roles: [RoleName], _ places: [HostName: PlacedHost]) async -> [RoleName: [Member]] {
        let all = roles.flatMap { role in
            fleet.rollingOrder(of: role, places).map { (role, $0) }
        }
        let members = await withTaskGroup(of: Member.self) { group in
            for (role, place) in all {
                group.addTask {
                    progress(.step(place.host, "connecting"))
                    let member = await contact(place, role, places)
                    await member.observe()
                    progress(.step(place.host, "observed"))
                    return member
                }
            }
            return await group.reduce(into: [HostName: Member]()) { $0[$1.host] = $1 }
        }
        return all.reduce(into: [:]) { result, entry in
            if let member = members[entry.1.host] { result[entry.0, default: []].append(member) }
        }
    }

    private func contact(_ place: PlacedHost, _ role: RoleName, _ places: [HostName: PlacedHost]) async -> Member {
        do throws(HostFailure) {
            let link = try await outside.connect(place, fleet.inventory)
            do throws(HostFailure) {
                let desired = try fleet.compile(role, on: place.host, facts: link.facts, places)
                return Member(place, role: role, link: link, desired: desired, batches: fleet.batches)
            } catch {
                await link.close()
                throw error
            }
        } catch {
            progress(.ended(place.host, error.ending))
            return Member(place, role: role, failure: error, batches: fleet.batches)
        }
    }

    private func close(_ members: [RoleName: [Member]]) async {
        await withTaskGroup { group in
            for member in members.values.joined() { group.addTask { await member.close() } }
        }
    }

    // MARK: Planning

    private func carryOut(_ attempt: Attempt) async -> RunReport {
        var plans = await plan(attempt)
        var hosts = await describe(plans, attempt)
        guard request.changesHosts, plans.contains(where: { !$0.isEmpty }) else {
            if request.changesHosts { hosts = await confirmHealth(hosts, attempt) }
            return report(hosts, attempt)
        }
        guard hosts.contains(where: { $0.ending.outcome == .wouldChange }) else { return report(hosts, attempt) }
        if let confirm = request.confirm {
            // The operator thinks; meanwhile the world goes on. A plan that changed is shown again.
            while true {
                guard await confirm(hosts) else { return declined(hosts, attempt) }
                await observe(attempt)
                let again = await plan(attempt)
                let agreed = Approval(plans).covers(again)
                plans = again
                hosts = await describe(plans, attempt)
                if agreed { break }
            }
        }
        return await apply(plans, hosts, attempt)
    }

    func plan(_ attempt: Attempt) async -> [RolePlan] {
        let planner = RolePlanner(book: attempt.book)
        var plans: [RolePlan] = []
        for role in attempt.roles {
            var views: [MemberView] = []
            var selected: Set<HostName> = []
            for member in attempt.members[role] ?? [] {
                views.append(await member.view)
                if covers(member) { selected.insert(member.host) }
            }
            plans.append(planner.plan(role, members: views, changing: selected.contains))
        }
        return plans
    }

    func observe(_ attempt: Attempt) async {
        await withTaskGroup { group in
            for member in attempt.all { group.addTask { await member.observe() } }
        }
    }

    func covers(_ member: Member) -> Bool {
        request.selection.covers(member.host, role: member.role, zone: member.place.availabilityZone)
    }

    // MARK: Reporting

    /// The hosts of a plan as they are shown: selected ones, and those that could not be seen.
    func describe(_ plans: [RolePlan], _ attempt: Attempt) async -> [HostReport] {
        await withTaskGroup(of: (Int, HostReport).self) { group in
            for (index, member) in attempt.all.enumerated() where covers(member) {
                let plan = plans.first { $0.role == member.role }?[member.host]
                group.addTask { (index, await describe(member, plan, attempt)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private func describe(_ member: Member, _ plan: HostPlan?, _ attempt: Attempt) async -> HostReport {
        var report = HostReport(
            host: member.host, role: member.role, address: member.place.address, zone: member.place.availabilityZone,
            ending: Ending(.unchanged), seconds: attempt.start.duration(to: .now).inSeconds)
        if let trouble = await member.trouble {
            report.ending = trouble.ending
            return report
        }
        guard let plan else { return report }
        if let obstacle = plan.obstacle {
            report.ending = obstacle.failure.ending
        } else if plan.hasChanges {
            report.ending = Ending(.wouldChange)
        }
        report.changes = await ContentDiffs(member: member, masker: attempt.masker).attached(to: plan.changes)
        if case .unhealthy(let reason) = plan.health { report.notes.append("does not serve now: \(reason)") }
        for resource in plan.forgotten { report.notes.append("\(resource) was managed here and no recipe declares it any more") }
        return report
    }

    /// A host with nothing to do that does not serve is not called fine: its gates get their deadline.
    private func confirmHealth(_ hosts: [HostReport], _ attempt: Attempt) async -> [HostReport] {
        var hosts = hosts
        for (index, host) in hosts.enumerated() where host.ending.outcome == .unchanged {
            guard let member = attempt.all.first(where: { $0.host == host.host }), await !member.view.health.isHealthy
            else { continue }
            if let failure = await GateKeeper(member: member, progress: progress).firstFailure() {
                hosts[index].ending = failure.ending
            }
        }
        return hosts
    }

    private func declined(_ hosts: [HostReport], _ attempt: Attempt) -> RunReport {
        var hosts = hosts
        for index in hosts.indices where hosts[index].ending.outcome == .wouldChange {
            hosts[index].ending = Ending(.notAttempted, "not agreed to")
            hosts[index].changes = []
        }
        return report(hosts, attempt)
    }

    func report(_ hosts: [HostReport], _ attempt: Attempt) -> RunReport {
        RunReport(
            run: attempt.run, command: request.changesHosts ? "apply" : "plan",
            outcome: Outcome.worst(of: hosts.map(\.ending.outcome)),
            seconds: attempt.start.duration(to: .now).inSeconds, hosts: hosts)
    }
}
