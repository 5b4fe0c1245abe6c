internal import Model
internal import Planning
internal import Resources

/// Tries secrets at the services that hold them, before a plan is made. Only where a host's mark does not say that the very
/// value was accepted: a run without a rotation asks nothing.
struct Prover: Sendable {
    let binder: InputBinder
    /// Marks are not relied on (`--verify-secrets`).
    let triesAll: Bool

    /// `members` of one role, in rolling order. What was said is among the members' answers then.
    func prove(_ members: [Member]) async {
        var views: [MemberView] = []
        for member in members { views.append(await member.view) }
        let open = CredentialQuestions.open(views, with: binder.book, tryingAll: triesAll)
        if open.isEmpty { return }
        await withTaskGroup { group in
            for member in members {
                guard let proofs = open[member.host] else { continue }
                group.addTask { await prove(proofs, on: member) }
            }
        }
    }

    private func prove(_ proofs: [(id: ResourceID, proof: CredentialProof)], on member: Member) async {
        let step = CredentialProofs.step(for: proofs)
        do throws(HostFailure) {
            let input = try await binder.bytes(of: step, on: member, members: [])
            try await member.tryCredentials(step, input: input, proofs)
        } catch {
            await member.couldNotTry(proofs.map(\.id), reason: binder.masker.mask(error.reason))
        }
    }
}
