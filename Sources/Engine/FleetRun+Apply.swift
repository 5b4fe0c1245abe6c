internal import Model
internal import Planning
internal import Records
internal import Report
internal import Resources

extension FleetRun {
    /// Locks all members of every role that is touched, carries the roles out one after another, and reports.
    func apply(_ plans: [RolePlan], _ hosts: [HostReport], _ attempt: Attempt) async -> RunReport {
        let touched = attempt.roles.filter { role in
            plans.first { $0.role == role }?.hosts.contains(where: \.canBeChanged) == true
        }
        let journal: RunJournal
        do throws(RecordError) {
            journal = RunJournal(try Journal(run: attempt.run, in: request.controller.stateFolder))
        } catch {
            return report(ending(hosts, Ending(.failed, "\(error); \(error.remedy)")), attempt)
        }
        journal.begins("apply", hosts: hosts.map(\.host), owner: request.controller.owner)
        if let refusal = await lock(touched, attempt) {
            journal.ends(refusal.outcome)
            return report(ending(hosts, refusal), attempt)
        }
        // Between the plan and the locks another run may have worked here.
        await observe(attempt)
        let approval = Approval(plans)
        let current = await plan(attempt)
        guard approval.covers(current) else {
            journal.ends(.refused)
            return report(ending(hosts, Ending(.refused, "the host changed after the plan was made; run it again")), attempt)
        }
        let context = RunContext(
            run: attempt.run, planner: RolePlanner(book: attempt.book), approval: approval,
            binder: InputBinder(book: attempt.book), masker: attempt.masker, progress: progress,
            interruption: interruption, journal: journal)
        let results = await roll(touched, current, attempt, context)
        let final = merge(results, into: hosts)
        journal.ends(Outcome.worst(of: final.map(\.ending.outcome)))
        for member in attempt.all.reversed() { await member.releaseLock() }
        return report(final, attempt)
    }

    /// Roles that provide for others come first; a role whose provider failed is not attempted.
    private func roll(
        _ touched: [RoleName], _ plans: [RolePlan], _ attempt: Attempt, _ context: RunContext
    ) async -> [HostName: RoleRun.HostResult] {
        var results: [HostName: RoleRun.HostResult] = [:]
        var failed: Set<RoleName> = []
        for role in fleet.providersFirst(touched) {
            let plan = plans.first { $0.role == role }
            let changing = Set(plan?.hosts.filter(\.canBeChanged).map(\.host) ?? [])
            if let provider = fleet.after(role).first(where: failed.contains) {
                for host in changing {
                    results[host] = .init(ending: Ending(.notAttempted, "\(provider), which \(role) needs, did not converge"))
                }
                failed.insert(role)
                continue
            }
            let roleRun = RoleRun(
                role: role, members: attempt.members[role] ?? [], changing: changing, atOnce: fleet.changesAtOnce(role),
                context: context)
            let outcome = await roleRun.execute()
            results.merge(outcome) { _, new in new }
            if outcome.values.contains(where: { $0.ending.outcome != .changed && $0.ending.outcome != .unchanged }) {
                failed.insert(role)
            }
        }
        return results
    }

    /// Takes the locks in name order, so that two runs that meet cannot each hold what the other wants. Members that cannot be
    /// reached cannot be locked; they count as down and are named in the report.
    private func lock(_ roles: [RoleName], _ attempt: Attempt) async -> Ending? {
        let ticket = LockTicket(
            owner: request.controller.owner, controller: request.controller.hostname, run: attempt.run,
            since: Timestamp.now)
        let members = roles.flatMap { attempt.members[$0] ?? [] }.sorted { $0.host < $1.host }
        var taken: [Member] = []
        for member in members where await member.trouble == nil {
            progress(.step(member.host, "taking the lock"))
            do throws(HostFailure) {
                let holder = try await member.takeLock(ticket) { progress(.step(member.host, $0)) }
                guard let holder else {
                    taken.append(member)
                    try await sweep(member)
                    continue
                }
                for member in taken.reversed() { await member.releaseLock() }
                return Ending(.locked, "\(member.host) is locked by \(holder)")
            } catch {
                for member in taken.reversed() { await member.releaseLock() }
                return Ending(error.outcome, "\(member.host): \(error.ending.reason ?? "no lock")")
            }
        }
        return nil
    }

    /// Half-written siblings that a dead run left behind.
    private func sweep(_ member: Member) async throws(HostFailure) {
        guard let desired = await member.declared else { return }
        let paths = desired.resources.flatMap(\.resource.managedPaths).map { $0 + ".cso-tmp" }
        guard !paths.isEmpty else { return }
        let answer = try await member.ask([HostQuestion("rm -f -- \(words: paths)")], for: "the sweep")[0]
        if answer.status != 0 { throw HostFailure(.failed, "cannot sweep leftovers: \(answer.errorText)") }
    }

    private func ending(_ hosts: [HostReport], _ ending: Ending) -> [HostReport] {
        hosts.map { host in
            guard host.ending.outcome == .wouldChange else { return host }
            var host = host
            host.ending = ending
            host.changes = []
            return host
        }
    }

    private func merge(_ results: [HostName: RoleRun.HostResult], into hosts: [HostReport]) -> [HostReport] {
        hosts.map { host in
            guard let result = results[host.host] else { return host }
            var host = host
            let planned = host.changes
            host.ending = result.ending
            host.tail = result.tail
            host.seconds = result.seconds
            if let note = result.note { host.notes.append(note) }
            // Only what was done; with the text diff that the plan had.
            host.changes = result.done.map { done in
                ReportedChange(
                    done, diff: planned.first { $0.change.resource == done.resource && $0.change.action == done.action }?.diff)
            }
            return host
        }
    }
}
