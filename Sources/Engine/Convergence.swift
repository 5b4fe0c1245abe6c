internal import Model
internal import Planning
internal import Resources

/// Brings one host to what its role says: plan, do, look again, until looking finds nothing to do.
struct Convergence: Sendable {
    let member: Member
    /// All members of the role, in rolling order.
    let members: [Member]
    let context: RunContext

    struct Result: Sendable {
        var ending: Ending
        /// What was done, also of a group that was cut short.
        var done: [PlannedChange]
        var tail: String?
    }

    func execute() async -> Result {
        var work = Work()
        do throws(HostFailure) {
            while let admitted = try await nextGroups(after: work.done) {
                for group in admitted.groups { try await carryOut(group, &work) }
                context.progress(.step(member.host, "looking again"))
                await member.observe()
                await observePeers(after: admitted)
            }
            return Result(ending: Ending(work.done.isEmpty ? .unchanged : .changed), done: work.done)
        } catch {
            let done = work.done + (await finished(of: work.begun))
            return Result(ending: error.ending, done: done, tail: error.tail)
        }
    }

    /// What binds all members is decided from all of them, and what was done here shows on the others too: a broker that was
    /// stopped is a member that is gone.
    private func observePeers(after admitted: Approval.Admitted) async {
        let shared = Set(await member.declared?.resources.filter { $0.resource is any RoleResource }.map(\.id) ?? [])
        guard admitted.groups.contains(where: { $0.changes.contains { shared.contains($0.resource) } }) else { return }
        for peer in members where peer.host != member.host { await peer.observe() }
    }

    private struct Work {
        var done: [PlannedChange] = []
        /// The group whose first step was begun and whose last one has not ended.
        var begun: StepGroup?
        var steps = 0
    }

    // MARK: Planning

    /// What is to be done now; `nil` = nothing is left.
    private func nextGroups(after done: [PlannedChange]) async throws(HostFailure) -> Approval.Admitted? {
        let plan = try await plan()
        let admitted: Approval.Admitted
        do throws(Approval.Objection) {
            admitted = try context.approval.admit(plan)
        } catch {
            throw HostFailure(.refused, "\(error.resource) \(error.reason)", remedy: "run plan again")
        }
        if let forbidden = plan.groups.flatMap(\.changes).first(where: context.permits.forbids) {
            throw HostFailure(
                .refused, "\(forbidden.resource) needs --allow \(forbidden.confirm?.rawValue ?? "")",
                remedy: "it became necessary during the run; nothing of it was done")
        }
        if let obstacle = plan.obstacle { throw obstacle.failure }
        let changes = plan.groups.flatMap(\.changes)
        if let again = changes.first(where: { change in done.contains { $0.isSame(as: change) } }) {
            throw HostFailure(
                .failed, "\(again.resource) still differs after its \(again.action.rawValue)\(again.keys)")
        }
        if changes.isEmpty, let rest = plan.changes.first {
            let after = rest.knownAfter.map { "\($0.resource) of \($0.host)" } ?? "its steps"
            throw HostFailure(.failed, "\(rest.resource) waits for \(after), which nothing here does")
        }
        return admitted.groups.isEmpty ? nil : admitted
    }

    private func plan() async throws(HostFailure) -> HostPlan {
        await context.prover.prove(members)
        if let trouble = await member.trouble { throw trouble }
        var views: [MemberView] = []
        for member in members { views.append(await member.view) }
        let host = member.host
        guard let plan = context.planner.plan(member.role, members: views, changing: { $0 == host })[host] else {
            throw HostFailure(.unreachable, "\(host) was not seen")
        }
        return plan
    }

    /// Of a group that was cut short, what is right now: kinds make several changes in one step, so only looking tells.
    private func finished(of group: StepGroup?) async -> [PlannedChange] {
        guard let group, await member.trouble == nil else { return [] }
        await member.observe()
        guard let plan = try? await plan(), plan.obstacle == nil else { return [] }
        let open = Set(plan.changes.filter(\.isExpected).map(\.resource))
        return group.changes.filter { !open.contains($0.resource) }
    }

    // MARK: Doing

    private func carryOut(_ group: StepGroup, _ work: inout Work) async throws(HostFailure) {
        if let order = group.reboot, let step = group.steps.first {
            work.begun = group
            work.steps += 1
            try await Rebooter(member: member, context: context).execute(order, step, number: work.steps)
            work.begun = nil
            work.done += group.changes
            return
        }
        for step in group.steps {
            if context.interruption.isRequested {
                throw HostFailure(.interrupted, "interrupted before: \(step.summary)")
            }
            work.begun = group
            work.steps += 1
            var step = step
            if work.steps == 1, let ledger = await missingLedger() {
                step.script = ledger.prelude + step.script
            }
            try await perform(step, number: work.steps)
        }
        work.begun = nil
        work.done += group.changes
    }

    private func perform(_ step: HostStep, number: Int) async throws(HostFailure) {
        context.progress(.step(member.host, step.summary))
        context.journal.stepBegins(member.host, step.summary)
        let input = try await context.binder.bytes(of: step, on: member, members: members)
        let lines = LineSplitter(masker: context.masker) { [progress = context.progress, host = member.host] in
            progress(.output(host, $0))
        }
        let answer: HostAnswer
        do throws(HostFailure) {
            answer = try await member.run(step, input: input, name: "\(context.run)-\(number)") { lines.take($0) }
            lines.finish()
        } catch {
            lines.finish()
            throw error.during(step.summary)
        }
        context.journal.stepEnded(member.host, step.summary, status: answer.status)
        guard answer.status == 0 else {
            let text = answer.errorText.isEmpty ? answer.outputText : answer.outputText + answer.errorText
            let tail = context.masker.mask(text)
            let isBusy = answer.status == HostStep.busyStatus
            throw HostFailure(
                isBusy ? .refused : .failed, "\(step.summary): " + describe(answer, masked: tail), tail: tail)
        }
    }

    private func describe(_ answer: HostAnswer, masked tail: String) -> String {
        let last = tail.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) }
        let status = answer.status == 137 ? "killed at its time limit" : "exit status \(answer.status)"
        return last.map { "\($0) (\(status))" } ?? status
    }

    /// What the ledger shall say, if it does not yet.
    private func missingLedger() async -> Ledger? {
        await member.view.view?.missingLedger(with: context.binder.book)
    }

    /// Writes down what we manage here now, where the first step has not, and marks files that were read whole. It comes
    /// after everything else; its failure leaves the host as it shall be.
    func writeRecords() async -> HostFailure? {
        do throws(HostFailure) {
            if let wanted = await missingLedger() {
                try await perform(wanted.step, number: 0)
            }
            if let view = await member.view.view {
                let marks = FileMarks.unmarked(view.desired.resources.map(\.resource), view.answers, on: view.facts)
                if marks.missing > 0 { try await perform(FileMarks.step(marking: marks.all), number: 0) }
            }
            return nil
        } catch {
            return error
        }
    }
}

extension HostPlan.Obstacle {
    var failure: HostFailure {
        HostFailure(cause == .refused ? .refused : .failed, "\(resource): \(reason)")
    }
}

extension HostFailure {
    /// With the step that was under way, if it is not named yet.
    fileprivate func during(_ step: String) -> HostFailure {
        if reason.contains(step) { return self }
        var failure = self
        failure.reason = "\(step): \(reason)"
        return failure
    }
}

extension PlannedChange {
    fileprivate func isSame(as other: PlannedChange) -> Bool {
        resource == other.resource && action == other.action
    }
    fileprivate var keys: String {
        differences.isEmpty ? "" : " in " + differences.map(\.key).joined(separator: ", ")
    }
}
