internal import Model
internal import Planning
internal import Resources
internal import Transport

/// Reboots a host and waits until it is back: its session is lost on the way and opened anew, with the same strictness.
///
/// Only another boot id proves a reboot. Until the deadline every failure to reach the host counts as "still booting", but
/// a host key that is not the known one ends the wait.
struct Rebooter: Sendable {
    let member: Member
    let context: RunContext

    func execute(_ order: RebootOrder, _ step: HostStep, number: Int) async throws(HostFailure) {
        if let refusal = member.whyNotRebooted { throw HostFailure(.refused, refusal) }
        context.progress(.step(member.host, step.summary))
        context.journal.stepBegins(member.host, step.summary)
        let start = ContinuousClock.now
        try await request(step, number: number)
        await member.close()
        let link = try await comeBack(order, since: start)
        try await member.relink(link) { [progress = context.progress, host = member.host] in progress(.step(host, $0)) }
        let struck = try await member.run(
            OwedNotes.strikeOffReboot, input: [], name: "\(context.run)-\(number)-done", output: { _ in })
        context.journal.stepEnded(member.host, step.summary, status: struck.status)
        guard struck.status == 0 else {
            throw HostFailure(.failed, "it was rebooted, but its note cannot be struck off: \(struck.errorText)")
        }
    }

    /// An answer that does not come is one that the reboot was quicker than.
    private func request(_ step: HostStep, number: Int) async throws(HostFailure) {
        do throws(HostFailure) {
            let answer = try await member.run(step, input: [], name: "\(context.run)-\(number)", output: { _ in })
            guard answer.status == 0 else {
                context.journal.stepEnded(member.host, step.summary, status: answer.status)
                let words = context.masker.mask(answer.outputText + answer.errorText)
                throw HostFailure(.failed, "\(step.summary): \(words)", tail: words)
            }
        } catch {
            guard error.outcome == .unreachable else { throw error }
        }
    }

    private func comeBack(
        _ order: RebootOrder, since start: ContinuousClock.Instant
    ) async throws(HostFailure) -> any HostLink {
        var last = "it was not asked again"
        var answersAsBefore = false
        while start.duration(to: .now) < order.deadline {
            if context.interruption.isRequested {
                throw HostFailure(
                    .interrupted, "interrupted while it was being rebooted",
                    remedy: "the next run sees by its boot id whether it was")
            }
            try? await Task.sleep(for: .seconds(1))
            do throws(HostFailure) {
                let link = try await member.connectAnew()
                answersAsBefore = link.facts.bootID == order.bootID
                if !answersAsBefore, try await hasBooted(link) { return link }
                last = answersAsBefore ? "its boot id is the same" : "it has not finished booting"
                await link.close()
            } catch {
                if error.outcome == .refused { throw error }
                answersAsBefore = false
                last = error.reason
            }
            let seconds = start.duration(to: .now).components.seconds
            context.progress(.step(member.host, "rebooting, \(seconds) s: \(last)"))
        }
        let limit = order.deadline.components.seconds
        throw answersAsBefore
            ? HostFailure(
                .failed, "it did not reboot within \(limit) s: its boot id is the same as before",
                remedy: "the reboot stays owed; `journalctl -b` on the host says what kept it")
            : HostFailure(
                .unreachable, "it did not come back within \(limit) s of its reboot: \(last)",
                remedy: "look at its console; the next run sees by its boot id whether it was rebooted")
    }

    /// systemd has started all that it starts at a boot, well or badly: what is bad, looking again finds.
    private func hasBooted(_ link: any HostLink) async throws(HostFailure) -> Bool {
        let question = HostQuestion("timeout -s KILL 10 systemctl is-system-running")
        let answers = try await link.ask([question], by: Deadline("the end of its boot", in: .seconds(15)))
        let word = answers.first?.outputText.split(separator: "\n").first ?? ""
        return ["running", "degraded", "maintenance"].contains(word)
    }
}
