package import Model

/// A wish that keys be rotated, once: from the set that all members had when the plan was made. As soon as one of them has
/// another set, what is left is to give that one to all.
package struct KeyRotation: Sendable, Hashable {
    package var purpose: KeystoneKeysResource.Purpose
    /// Path of each folder -> the keys that are to be rotated. A folder that is missing here is not rotated.
    var sets: [String: KeySet] = [:]

    package init(_ purpose: KeystoneKeysResource.Purpose) { self.purpose = purpose }

    package func concerns(_ resource: any ResourceKind) -> Bool {
        (resource as? KeystoneKeysResource)?.purpose == purpose
    }

    /// From what members show now.
    package mutating func begin(_ resource: any ResourceKind, seen: [(host: HostName, observation: Observation?)]) {
        guard let folder = resource as? KeystoneKeysResource, concerns(folder) else { return }
        let holders = folder.holders(seen)
        // Where they differ an earlier rotation is finished, and then it is enough.
        guard let first = holders.first, holders.count == seen.count, Set(holders.map(\.keys)).count == 1 else {
            return
        }
        sets[folder.path] = first.keys
    }
}

extension KeystoneKeysResource {
    /// All members must be there and have the same set: only then is the key that becomes the primary one known to all of
    /// them as the staged one, so that no token is ever refused. A rotation that was cut off before all had its keys is
    /// finished, and no other is made.
    package func decision(
        on host: HostName, seen: [(host: HostName, observation: Observation?)], rotating rotation: KeyRotation
    ) -> RoleDecision {
        let silent = seen.filter { $0.observation == nil }.map(\.host.rawValue)
        if !silent.isEmpty {
            return .refused(
                reason: "\(silent.joined(separator: ", ")) could not be asked: it would not have the new key, and its "
                    + "tokens and those of the others would not be valid on each other's hosts")
        }
        let holders = holders(seen)
        let isSettled = holders.count == seen.count && Set(holders.map(\.keys)).count == 1
        guard isSettled, let leader = seen.first?.host, let own = holders.first(where: { $0.host == host }),
            own.keys == rotation.sets[path], own.keys.isComplete
        else {
            if holders.isEmpty, !seen.contains(where: { if case .unknown? = $0.observation { true } else { false } }) {
                return .refused(reason: "no member has keys yet; apply makes them")
            }
            return decision(on: host, seen: seen)
        }
        let difference = Difference(
            key: "keys", observed: .text("primary \(own.keys.highest)"), desired: .text("primary \(own.keys.next)"))
        return host == leader
            ? .change(.update, differences: [difference], from: nil)
            : .change(.transfer, differences: [keys(from: own.keys)], from: leader)
    }
}

extension KeySet {
    /// The primary key after a rotation. One that was cut off before it staged a new key has promoted the old one already.
    fileprivate var next: Int { digests[0] == digests[highest] ? highest : highest + 1 }
}
