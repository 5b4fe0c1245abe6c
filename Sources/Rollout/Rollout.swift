package import Model

/// Decides which host of a role is changed next, and whether it may be. Event in, action out; no clock, no network.
///
/// The rule: a host may be changed iff it is observed unhealthy, or another member of its role is healthy now. For this
/// test an unknown host counts as healthy, and an unknown or unreachable peer as down. It is asked anew before every
/// change, on health that was observed right before; after a failure nothing further is touched.
///
/// A role whose members all serve is not begun with while a gate of the whole role does not hold: what binds them is broken
/// already. That, a role of one member that serves, and the last member that serves when all others were changed and wait for
/// it (another Erlang cookie: nodes with the old and with the new one cannot meet), an operator can allow by name.
package struct Rollout: Sendable {
    package enum Action: Sendable, Hashable {
        /// Observe the health of all members now and answer with ``Event/seen(_:)``.
        case look
        /// Change these hosts (one, unless the role says otherwise), ask their gates, answer with ``Event/changed(_:)``.
        case change([HostName], Permission)
        /// Nothing further; ``endings`` is complete.
        case finish
    }

    package enum Event: Sendable {
        case begin
        /// Members that are missing count as unknown. `trouble`: which gate of the whole role does not hold.
        case seen([HostName: Health], trouble: String? = nil)
        /// `changed` or `unchanged` = converged and gates green; anything else ends the rollout.
        case changed([HostName: Ending])
        case interrupted
    }

    /// Why a host may be changed.
    package enum Permission: Sendable, Hashable {
        /// It does not serve, and this peer does.
        case unhealthy(reason: String, meanwhile: HostName)
        /// This peer serves meanwhile.
        case served(by: HostName)
        /// No member serves: first installation or total outage.
        case nobodyServes(reason: String)
        /// The role promises no service.
        case promisesNothing
        /// An operator allowed it, although nothing serves meanwhile.
        case allowed(PermissionName)
    }

    /// What an operator may allow, and whether that was done.
    package struct Interruption: Sendable, Hashable {
        package var name: PermissionName
        package var isAllowed: Bool

        package init(name: PermissionName, isAllowed: Bool) {
            self.name = name
            self.isAllowed = isAllowed
        }
    }

    private let members: [HostName]
    private let atOnce: Bool
    private let interruption: Interruption?
    private var hasBegun = false
    private var remaining: [HostName]
    private var isOver = false
    package private(set) var endings: [HostName: Ending] = [:]

    /// - Parameters:
    ///   - members: all members of the role, in rolling order.
    ///   - changing: those that have something to do and were selected.
    ///   - atOnce: the role declares no gate and no service, and asks for all members to be changed together.
    package init(
        members: [HostName], changing: Set<HostName>, atOnce: Bool = false, interruption: Interruption? = nil
    ) {
        self.interruption = interruption
        self.members = members
        self.atOnce = atOnce
        remaining = members.filter(changing.contains)
    }

    package mutating func handle(_ event: Event) -> Action {
        guard !isOver else { return .finish }
        switch event {
        case .begin: return remaining.isEmpty ? finish() : .look
        case .seen(let health, let trouble): return choose(health, trouble)
        case .changed(let results): return record(results)
        case .interrupted:
            for host in remaining { endings[host] = Ending(.notAttempted, "interrupted") }
            remaining = []
            return finish()
        }
    }

    private mutating func choose(_ health: [HostName: Health], _ trouble: String?) -> Action {
        if atOnce { return .change(remaining, .promisesNothing) }
        let isComplete = members.allSatisfy { health[$0]?.isHealthy == true }
        if let trouble, !hasBegun, isComplete, interruption?.isAllowed != true {
            let reason = "every member serves, but \(trouble)" + remedy
            return refuse(remaining.map { ($0, reason) })
        }
        let unhealthyFirst = remaining.filter { health[$0]?.isUnhealthy == true } + remaining
        for host in unhealthyFirst {
            if let permission = permission(for: host, health) {
                hasBegun = true
                return .change([host], permission)
            }
        }
        return refuse(remaining.map { ($0, refusal(of: $0, health)) })
    }

    private mutating func refuse(_ reasons: [(HostName, String)]) -> Action {
        for (host, reason) in reasons { endings[host] = Ending(.refused, reason) }
        remaining = []
        return finish()
    }

    private var remedy: String {
        interruption.map { "; to change it all the same: --allow \($0.name)" } ?? ""
    }

    private func permission(for host: HostName, _ health: [HostName: Health]) -> Permission? {
        let peer = members.first { $0 != host && health[$0]?.isHealthy == true }
        return switch (health[host], peer) {
        case (.unhealthy(let reason)?, let peer?): .unhealthy(reason: reason, meanwhile: peer)
        case (.unhealthy(let reason)?, nil): .nobodyServes(reason: reason)
        case (_, let peer?): .served(by: peer)
        // Of several members one that is down is repaired first; an only one has nobody to wait for.
        case (_, nil): isLast(host) && interruption?.isAllowed == true ? interruption.map { .allowed($0.name) } : nil
        }
    }

    /// All others had their turn in this run and wait for this one, or there are none.
    private func isLast(_ host: HostName) -> Bool {
        members.allSatisfy { member in
            member == host || endings[member].map { $0.outcome == .changed || $0.outcome == .unchanged } ?? false
        }
    }

    private func refusal(of host: HostName, _ health: [HostName: Health]) -> String {
        let state =
            if case .healthy? = health[host] { "it is the only member that serves" } else {
                "its own health is unknown"
            }
        let others = members.filter { $0 != host }.map { "\($0) \(describe(health[$0]))" }
        return "\(state); "
            + (others.isEmpty ? "the role has no other member" + remedy : others.joined(separator: ", "))
    }

    private mutating func record(_ results: [HostName: Ending]) -> Action {
        endings.merge(results) { _, new in new }
        remaining.removeAll { results[$0] != nil }
        let failure = members.first { host in
            results[host].map { $0.outcome != .changed && $0.outcome != .unchanged } ?? false
        }
        if let failure, let ending = results[failure] {
            for host in remaining {
                endings[host] = Ending(.notAttempted, "\(failure) \(ending.outcome.word)")
            }
            remaining = []
        }
        return remaining.isEmpty ? finish() : .look
    }

    private mutating func finish() -> Action {
        isOver = true
        return .finish
    }

    private func describe(_ health: Health?) -> String {
        switch health {
        case .healthy?: "is healthy"
        case .unhealthy(let reason)?: "is unhealthy (\(reason))"
        case .unknown(let reason)?: "counts as down (\(reason))"
        case nil: "counts as down (not observed)"
        }
    }
}
