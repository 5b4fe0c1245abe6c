internal import Compile
package import Model
package import Resources

/// Computes what must change on the members of a role from what all of them show. Pure: the same views give the same plan.
package struct RolePlanner: Sendable {
    private let book: SecretBook
    private let reboots: RebootPermission
    private let rotation: KeyRotation?

    package init(book: SecretBook, reboots: RebootPermission = .notGiven, rotation: KeyRotation? = nil) {
        self.book = book
        self.reboots = reboots
        self.rotation = rotation
    }

    /// `members` in the inventory's rolling order, all of them, also those that are not to be changed: peers count.
    ///
    /// The plan has its hosts in the order in which they are changed, an unhealthy one first, and the first of them is the
    /// leader: a leader that comes later, or that is not changed at all, would be waited for in vain.
    package func plan(_ role: RoleName, members: [MemberView], changing: (HostName) -> Bool = { _ in true }) -> RolePlan
    {
        let unhealthy = members.filter { changing($0.host) && $0.health.isUnhealthy }
        let order =
            unhealthy + members.filter { changing($0.host) && !$0.health.isUnhealthy }
            + members.filter { !changing($0.host) }
        var plan = RolePlan(role: role, hosts: [])
        for view in order.compactMap(\.view) where changing(view.host) {
            let host = HostPlanner(
                book: book, reboots: reboots, rotation: rotation, view: view, members: order, earlier: plan.hosts
            ).plan()
            plan.hosts.append(host)
        }
        return plan
    }
}
