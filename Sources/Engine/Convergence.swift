internal import Model
internal import Planning
internal import Resources

/// Brings one host to what its role says: plan, do, look again, until looking finds nothing to do.
struct Convergence: Sendable {
    let member: Member
    let planner: RolePlanner
    let approval: Approval
    let binder: InputBinder
    let masker: Masker
    let run: RunID
    let progress: ProgressSink
    let interruption: Interruption
    let journal: RunJournal
    /// All members of the role, in rolling order.
    let members: [Member]

    struct Result: Sendable {
        var ending: Ending
        var done: [PlannedChange]
        var tail: String?
    }

    func execute() async -> Result {
        var done: [PlannedChange] = []
        var step = 0
        do throws(HostFailure) {
            while true {
                let plan = try await plan()
                if let stranger = approval.stranger(in: plan) {
                    throw HostFailure(
                        .refused, "\(stranger.resource) now needs \(stranger.action.rawValue), which the plan did not show",
                        remedy: "run plan again")
                }
                guard !plan.groups.isEmpty else {
                    if let obstacle = plan.obstacle { throw obstacle.failure }
                    if let rest = plan.changes.first {
                        let after = rest.knownAfter.map { "\($0.resource) of \($0.host)" } ?? "its steps"
                        throw HostFailure(.failed, "\(rest.resource) waits for \(after), which nothing here does")
                    }
                    break
                }
                for group in plan.groups {
                    if let again = group.changes.first(where: { change in done.contains { $0.isSame(as: change) } }) {
                        throw HostFailure(
                            .failed, "\(again.resource) still differs after its \(again.action.rawValue)\(again.keys)")
                    }
                    for action in group.steps {
                        if interruption.isRequested { throw HostFailure(.interrupted, "interrupted before: \(action.summary)") }
                        step += 1
                        try await perform(action, number: step)
                    }
                    done += group.changes
                }
                progress(.step(member.host, "looking again"))
                await member.observe()
            }
            try await writeLedger()
            return Result(ending: Ending(done.isEmpty ? .unchanged : .changed), done: done)
        } catch {
            return Result(ending: error.ending, done: done, tail: error.tail)
        }
    }

    private func plan() async throws(HostFailure) -> HostPlan {
        if let trouble = await member.trouble { throw trouble }
        var views: [MemberView] = []
        for member in members { views.append(await member.view) }
        let host = member.host
        guard let plan = planner.plan(member.role, members: views, changing: { $0 == host })[host] else {
            throw HostFailure(.unreachable, "\(host) was not seen")
        }
        return plan
    }

    private func perform(_ step: HostStep, number: Int) async throws(HostFailure) {
        progress(.step(member.host, step.summary))
        journal.stepBegins(member.host, step.summary)
        let input = try await binder.bytes(of: step, members: members)
        let lines = LineSplitter(masker: masker) { [progress, host = member.host] in progress(.output(host, $0)) }
        let answer = try await member.run(step, input: input, name: "\(run)-\(number)") { lines.take($0) }
        lines.finish()
        journal.stepEnded(member.host, step.summary, status: answer.status)
        guard answer.status == 0 else {
            let tail = masker.mask(answer.errorText.isEmpty ? answer.outputText : answer.outputText + answer.errorText)
            throw HostFailure(.failed, "\(step.summary): " + describe(answer, masked: tail), tail: tail)
        }
    }

    private func describe(_ answer: HostAnswer, masked tail: String) -> String {
        let last = tail.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) }
        let status = answer.status == 137 ? "killed at its time limit" : "exit status \(answer.status)"
        return last.map { "\($0) (\(status))" } ?? status
    }

    private func writeLedger() async throws(HostFailure) {
        guard let view = await member.view.view, let ledger = view.ledger else { return }
        let declared = Set(view.desired.resources.map(\.id))
        // What was once managed stays listed until it is gone, so that it is reported and never forgotten.
        let wanted = ledger.union(declared)
        guard wanted != ledger else { return }
        try await perform(Ledger.step(writing: wanted), number: 0)
    }
}

extension HostPlan.Obstacle {
    var failure: HostFailure {
        HostFailure(cause == .refused ? .refused : .failed, "\(resource): \(reason)")
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
