internal import Compile
internal import Model
internal import Planning
internal import Resources
internal import Transport

/// Asks the gates that a host is not asked itself: another member of its role asks, or the controller. What they find
/// becomes part of what is seen of the host, so that health means the same wherever it is asked for.
struct Witnesses: Sendable {
    /// All members of the role, in rolling order.
    let members: [Member]
    /// The controller's own session; `nil` if no gate of the run needs it.
    let controller: Result<any HostLink, HostFailure>?
    let batches: BatchCatalogue

    /// A gate of one host and who is asked about it.
    private struct Inquiry: Sendable {
        var subject: Member
        var gate: Gate
        /// `nil` = the controller.
        var witness: Member?
        /// A witness that does not serve itself may lack the means to ask.
        var isReliable = true
    }

    /// Asks everybody about these members. Costs nothing for roles without such gates, else one round trip.
    func ask(about subjects: [Member]) async {
        let inquiries = await inquiries(about: subjects)
        guard !inquiries.isEmpty else { return }
        let groups = Dictionary(grouping: inquiries) { $0.witness?.host }
        let found = await withTaskGroup(of: [(Inquiry, GateVerdict)].self) { group in
            for inquiries in groups.values { group.addTask { await verdicts(inquiries) } }
            return await group.reduce(into: []) { $0 += $1 }
        }
        for subject in subjects {
            var testimonies: [Gate: Testimony] = [:]
            for (inquiry, verdict) in found where inquiry.subject.host == subject.host {
                if case .unknown = verdict, !inquiry.isReliable { continue }
                testimonies[inquiry.gate] = Testimony(
                    witness: inquiry.witness?.host.rawValue ?? "the controller", verdict: verdict)
            }
            await subject.hear(testimonies)
        }
    }

    private func inquiries(about subjects: [Member]) async -> [Inquiry] {
        var inquiries: [Inquiry] = []
        for subject in subjects where await subject.trouble == nil {
            for gate in await subject.declared?.gates ?? [] {
                switch gate.vantage {
                case .own: continue
                case .controller: inquiries.append(Inquiry(subject: subject, gate: gate))
                case .peer:
                    // A peer that serves knows best; where none can be reached, nobody is asked.
                    var inquiry: Inquiry?
                    for peer in members where peer.host != subject.host {
                        guard await peer.trouble == nil else { continue }
                        let serves = await peer.view.health.isHealthy
                        if serves || inquiry == nil {
                            inquiry = Inquiry(subject: subject, gate: gate, witness: peer, isReliable: serves)
                        }
                        if serves { break }
                    }
                    if let inquiry { inquiries.append(inquiry) }
                }
            }
        }
        return inquiries
    }

    /// What one witness finds about all that it is asked.
    private func verdicts(_ inquiries: [Inquiry]) async -> [(Inquiry, GateVerdict)] {
        let requests = inquiries.map { GateProbe.request(for: $0.gate) }
        do throws(HostFailure) {
            let answers: ProbeAnswers
            if let witness = inquiries.first?.witness {
                guard let facts = await witness.facts else { return [] }
                let script = ObservationScript(requests: requests, on: facts, batches: batches)
                answers = script.parse(try await witness.ask(script.questions, for: "the gates of its peers"))
            } else {
                guard let controller else { return [] }
                let link = try controller.get()
                let script = ObservationScript(requests: requests, on: link.facts, batches: batches)
                let deadline = Deadline("the gates that the controller asks", in: .seconds(60))
                answers = script.parse(try await link.ask(script.questions, by: deadline))
            }
            return zip(inquiries, requests).map { ($0, GateProbe.verdict($0.gate, answers[$1])) }
        } catch {
            return inquiries.map { ($0, .unknown("it cannot be asked: \(error.reason)")) }
        }
    }
}
