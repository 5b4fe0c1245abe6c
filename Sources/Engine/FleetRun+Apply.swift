internal import Model
internal import Planning
internal import Records
internal import Report
internal import Resources

extension FleetRun {
    /// Locks all members of every role that has something to do, carries the roles out one after another, and gives the
    /// locks back. `plans` is what is to be done, `hosts` how it was shown;
    /// what was agreed to is the plans themselves, unless `approval` says it.
    func apply(
        _ plans: [RolePlan], _ hosts: [HostReport], _ attempt: Attempt, approval: Approval? = nil
    ) async -> [HostReport] {
        let journal: RunJournal
        do throws(RecordError) {
            journal = RunJournal(try Journal(run: attempt.run, in: request.controller.stateFolder), attempt.masker)
            try journal.begins("apply", hosts: hosts.map(\.host), owner: request.controller.owner)
        } catch {
            return withoutChanges(hosts, waiting: Ending(.failed, "\(error); \(error.remedy)"))
        }
        let touched = attempt.roles.filter { role in
            guard let plan = plans.first(where: { $0.role == role }), permits.refusal(of: plan) == nil else {
                return false
            }
            return plan.hosts.contains(where: \.hasChanges)
        }
        var final: [HostReport]
        if let refusal = await lock(touched, attempt) {
            final = withoutChanges(hosts, waiting: refusal)
        } else {
            final = await changeUnderLock(
                touched, approval: approval ?? Approval(plans, maskedBy: attempt.masker), hosts, attempt, journal)
        }
        journal.ends(Outcome.worst(of: final.map(\.ending.outcome)))
        for member in attempt.all.reversed() { await member.releaseLock() }
        if let trouble = journal.trouble, let first = final.indices.first {
            final[first].notes.append("the journal of this run is not complete: \(trouble)")
        }
        return final
    }

    private func changeUnderLock(
        _ touched: [RoleName], approval: Approval, _ shown: [HostReport], _ attempt: Attempt, _ journal: RunJournal
    ) async -> [HostReport] {
        // Between the plan and the locks another run may have worked here.
        await sweepAndObserve(attempt, locked: touched)
        let current = await plan(attempt)
        let hosts = await describe(current, attempt, keeping: shown)
        if let objection = approval.objections(to: current).first {
            return withoutChanges(hosts, waiting: Ending(.refused, "the plan is stale: \(objection); run it again"))
        }
        let prover = prover(attempt)
        let context = RunContext(
            run: attempt.run, planner: await planner(attempt), approval: approval,
            binder: prover.binder, prover: prover,
            masker: attempt.masker,
            progress: attempt.progress,
            interruption: interruption, journal: journal, permits: permits)
        let results = await roll(touched, current, hosts, attempt, context)
        return hosts.map { host in
            guard let result = results[host.host] else {
                return withoutChanges([host], waiting: Ending(.notAttempted, "not begun"))[0]
            }
            return host.ended(result)
        }
    }

    /// Roles that provide for others come first; a role whose provider did not converge is not attempted.
    private func roll(
        _ touched: [RoleName], _ plans: [RolePlan], _ hosts: [HostReport], _ attempt: Attempt, _ context: RunContext
    ) async -> [HostName: RoleRun.HostResult] {
        var results: [HostName: RoleRun.HostResult] = [:]
        var failed: Set<RoleName> = []
        for role in fleet.providersFirst(attempt.roles) {
            let plan = plans.first { $0.role == role }
            let changing = Set(plan?.hosts.filter(\.canBeChanged).map(\.host) ?? [])
            if let provider = fleet.after(role).first(where: failed.contains) {
                for host in changing {
                    results[host] = .init(
                        ending: Ending(.notAttempted, "\(provider), which \(role) needs, did not converge"))
                }
                failed.insert(role)
                continue
            }
            if touched.contains(role), !changing.isEmpty {
                let roleRun = RoleRun(
                    role: role, members: attempt.members[role] ?? [], changing: changing,
                    atOnce: fleet.changesAtOnce(role), witnesses: attempt.witnesses(of: role), context: context)
                results.merge(await roleRun.execute()) { _, new in new }
            }
            if await !stands(role, hosts, results, attempt) { failed.insert(role) }
        }
        return results
    }

    /// Whether others can rely on the role. A member that was down before the run is no reason against it while another
    /// one serves: else the loss of a zone would keep all of the other zone from being repaired.
    private func stands(
        _ role: RoleName, _ hosts: [HostReport], _ results: [HostName: RoleRun.HostResult], _ attempt: Attempt
    ) async -> Bool {
        for host in hosts where host.role == role {
            switch (results[host.host]?.ending ?? host.ending).outcome {
            case .unchanged, .changed: continue
            case .unreachable where results[host.host] == nil:
                var serves = false
                for member in attempt.members[role] ?? [] where await member.view.health.isHealthy { serves = true }
                if !serves { return false }
            default: return false
            }
        }
        return true
    }

    // MARK: Locks

    /// Takes the locks in name order, so that two runs that meet cannot each hold what the other wants. `nil` = all are
    /// held. A member that cannot be locked counts as down from here on, like one that could not be reached: it is named
    /// in the report, and whoever wants to change it needs the locks of its peers too.
    private func lock(_ roles: [RoleName], _ attempt: Attempt) async -> Ending? {
        let ticket = ticket(of: attempt.run)
        let members = roles.flatMap { attempt.members[$0] ?? [] }.sorted { $0.host < $1.host }
        for member in members where await member.trouble == nil {
            if interruption.isRequested { return Ending(.notAttempted, "interrupted") }
            attempt.progress(.step(member.host, "taking the lock"))
            do throws(HostFailure) {
                let holder = try await member.takeLock(ticket) { attempt.progress(.step(member.host, $0)) }
                if let holder { return Ending(.locked, "\(member.host) is locked by \(holder)") }
            } catch {
                await member.leaveOut(error)
                attempt.progress(.ended(member.host, error.ending))
            }
        }
        return nil
    }

    /// On all hosts at once.
    private func sweepAndObserve(_ attempt: Attempt, locked: [RoleName]) async {
        let lockedHosts = Set(locked.flatMap { attempt.members[$0] ?? [] }.map(\.host))
        await withTaskGroup { group in
            for member in attempt.all {
                group.addTask {
                    if lockedHosts.contains(member.host), await member.trouble == nil {
                        do throws(HostFailure) { try await sweep(member) } catch {
                            await member.leaveOut(error)
                            attempt.progress(.ended(member.host, error.ending))
                        }
                    }
                    await member.observe()
                }
            }
        }
    }

    /// Half-written siblings that a dead run left behind.
    private func sweep(_ member: Member) async throws(HostFailure) {
        guard let desired = await member.declared else { return }
        let paths = Set(desired.resources.flatMap { $0.resource.managedPaths + $0.resource.sharedPaths })
        guard !paths.isEmpty else { return }
        // A path may lie on a mount that does not answer.
        let question = HostQuestion("timeout -s KILL 20 rm -f -- \(words: paths.sorted().map { $0 + ".cso-tmp" })")
        let answer = try await member.ask([question], for: "the sweep")[0]
        if answer.status != 0 {
            throw HostFailure(.failed, "cannot remove what a dead run may have left: \(answer.errorText.trimmedLines)")
        }
    }
}

extension HostReport {
    /// After the host's turn: only what was done counts, with the text diff that the plan had.
    fileprivate func ended(_ result: RoleRun.HostResult) -> HostReport {
        var host = self
        host.ending = result.ending
        host.tail = result.tail
        host.seconds += result.seconds
        if let note = result.note { host.notes.append(note) }
        host.changes = result.done.map { ReportedChange($0, diff: diff(of: $0)) }
        return host
    }
}

extension String {
    /// Without the line breaks at its end.
    var trimmedLines: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
