internal import Compile
package import Model
package import Resources

/// Which secrets have to be tried, and on which host.
package enum CredentialQuestions {
    /// `members` in rolling order. A resource that all members share is tried on the first that can; one that was tried since
    /// the last look is not tried again. `tryingAll`: whatever the hosts' marks say.
    package static func open(
        _ members: [MemberView], with book: SecretBook, tryingAll: Bool
    ) -> [HostName: [(id: ResourceID, proof: CredentialProof)]] {
        var open: [HostName: [(id: ResourceID, proof: CredentialProof)]] = [:]
        var settled = tryingAll ? [] : markedByAny(members, with: book)
        for member in members {
            for declared in member.view?.desired.resources ?? [] where declared.resource is any RoleResource {
                if member.view?.answers.holds(Credential.answer(of: declared.id)) == true {
                    settled.insert(declared.id)
                }
            }
        }
        for view in members.compactMap(\.view) {
            for declared in view.desired.resources {
                let id = declared.id
                guard let proof = declared.resource.proof(given: view.answers, on: view.facts),
                    !view.answers.holds(Credential.answer(of: id))
                else { continue }
                if declared.resource is any RoleResource {
                    if !settled.insert(id).inserted { continue }
                } else if !tryingAll, isMarked(proof, of: id, in: view, with: book) {
                    continue
                }
                open[view.host, default: []].append((id, proof))
            }
        }
        return open
    }

    private static func markedByAny(_ members: [MemberView], with book: SecretBook) -> Set<ResourceID> {
        var marked: Set<ResourceID> = []
        for view in members.compactMap(\.view) {
            for declared in view.desired.resources where declared.resource is any RoleResource {
                guard let proof = declared.resource.proof(given: view.answers, on: view.facts) else { continue }
                if isMarked(proof, of: declared.id, in: view, with: book) { marked.insert(declared.id) }
            }
        }
        return marked
    }

    private static func isMarked(
        _ proof: CredentialProof, of id: ResourceID, in view: HostView, with book: SecretBook
    ) -> Bool {
        (try? Credential.isMarked(proof, of: id, in: view.answers, with: book)) ?? false
    }
}
