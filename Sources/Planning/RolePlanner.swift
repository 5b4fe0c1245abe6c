internal import Compile
package import Model

/// Computes what must change on the members of a role from what all of them show. Pure: the same views give the same plan.
package struct RolePlanner: Sendable {
    private let book: SecretBook

    package init(book: SecretBook) { self.book = book }

    /// `members` in rolling order, all of them, also those that are not to be changed: peers count. What a host needs from
    /// one that comes before it is waited for only if that one is changed too.
    package func plan(_ role: RoleName, members: [MemberView], changing: (HostName) -> Bool = { _ in true }) -> RolePlan
    {
        var plan = RolePlan(role: role, hosts: [])
        for view in members.compactMap(\.view) where changing(view.host) {
            let host = HostPlanner(book: book, view: view, members: members, earlier: plan.hosts).plan()
            plan.hosts.append(host)
        }
        return plan
    }
}
