internal import Compile
internal import Model
internal import Resources

/// What is to be done about one resource of a host, and what is known of it only later.
enum Judgement {
    /// `possible` is always all that it may become once something before it was done.
    case right(possible: Set<ChangeAction>)
    case differs(
        ChangeAction, [Difference], from: HostName?, possible: Set<ChangeAction>, confirm: PermissionName? = nil)
    /// Known once something else was done.
    case later(
        PlannedChange.KnownAfter, ChangeAction, [Difference] = [], from: HostName? = nil, isExpected: Bool = true,
        confirm: PermissionName? = nil)
    /// It cannot be known or decided. Nothing of this host's doing helps if nothing is `possible`.
    case blocked(HostPlan.Obstacle.Cause, reason: String, possible: Set<ChangeAction>)

    /// The same, behind a change that may alter anything on the host: nothing is called right any more, and what could not
    /// be seen may be there then.
    func deferred(after influencer: ResourceID, on host: HostName) -> Judgement {
        func after(_ possible: Set<ChangeAction>) -> PlannedChange.KnownAfter {
            PlannedChange.KnownAfter(host: host, resource: influencer, possible: possible)
        }
        switch self {
        case .right(let possible):
            return .later(after(possible), Self.first(of: possible), isExpected: false)
        case .differs(let action, let differences, let source, let possible, let confirm):
            return .later(after(possible), action, differences, from: source, confirm: confirm)
        case .later(let later, let action, let differences, let source, let isExpected, let confirm):
            // Waiting for another host is the longer wait.
            let both = later.host == host ? after(later.possible) : later
            return .later(both, action, differences, from: source, isExpected: isExpected, confirm: confirm)
        case .blocked(_, _, let possible):
            // Not known to be right, so it is not shown as what may stay as it is.
            return possible.isEmpty ? self : .later(after(possible), Self.first(of: possible))
        }
    }

    var isRight: Bool {
        if case .right = self { true } else { false }
    }

    /// The one that is shown, always the same.
    static func first(of possible: Set<ChangeAction>) -> ChangeAction {
        possible.min { $0.rawValue < $1.rawValue } ?? .update
    }
}

extension DeclaredResource {
    func isInOneTransaction(with other: DeclaredResource) -> Bool {
        let kind = type(of: resource)
        return kind.isTransaction && ObjectIdentifier(kind) == ObjectIdentifier(type(of: other.resource))
    }
}
