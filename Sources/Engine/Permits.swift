internal import Model
internal import Planning
internal import Rollout

/// What the operator allowed by name, and what that leaves forbidden.
struct Permits: Sendable {
    let allowed: Set<PermissionName>

    func interruption(of role: RoleName) -> Rollout.Interruption {
        let name = PermissionName.interruption(of: role)
        return .init(name: name, isAllowed: allowed.contains(name))
    }

    func forbids(_ change: PlannedChange) -> Bool { change.confirm.map { !allowed.contains($0) } ?? false }

    /// Why no host of the role may be changed: what is sure to be done includes a point of no return that was not allowed.
    func refusal(of plan: RolePlan) -> String? {
        var wanted: [String] = []
        for host in plan.hosts {
            for change in host.changes where change.isExpected && forbids(change) {
                guard let name = change.confirm else { continue }
                wanted.append("\(change.resource) of \(host.host) needs --allow \(name)")
            }
        }
        return wanted.isEmpty ? nil : wanted.joined(separator: "; ")
    }

    /// A name that nothing is called is a slip that would be found only when it is too late.
    static func check(_ allowed: Set<PermissionName>, known: Set<PermissionName>) throws(Diagnostics) {
        let unknown = allowed.subtracting(known).sorted()
        guard !unknown.isEmpty else { return }
        throw Diagnostics(
            unknown.map { name in
                Diagnostic(
                    "nothing is called \"\(name)\" that --allow could name", at: nil,
                    remedy: Diagnostic.suggestion(for: name.rawValue, among: known.map(\.rawValue)))
            })
    }
}
