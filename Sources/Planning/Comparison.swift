package import Model
package import Resources

/// Observed against desired state: the one place where a difference is decided.
package enum Comparison {
    /// Keys that tell nothing of a sensitive resource's value.
    private static let harmless: Set<String> = ["mode", "owner", "group", "type", "state"]

    package enum Verdict: Sendable, Hashable {
        case same
        case differs(ChangeAction, [Difference])
        case unknown(reason: String)
    }

    package static func verdict(
        observed: Observation, desired: State?, isSensitive: Bool, creation: ChangeAction = .create
    ) -> Verdict {
        switch (observed, desired) {
        case (.unknown(let reason), _): return .unknown(reason: reason)
        case (.absent, nil): return .same
        case (.present(let state), nil):
            return .differs(
                .remove,
                state.map {
                    Difference(
                        key: $0.key, observed: $0.value, desired: nil, isSensitive: hides($0.key, isSensitive))
                })
        case (.absent, let desired?):
            return .differs(
                creation,
                desired.map {
                    Difference(key: $0.key, observed: nil, desired: $0.value, isSensitive: hides($0.key, isSensitive))
                })
        case (.present(let state), let desired?):
            let differences = desired.compactMap { key, value -> Difference? in
                state[key] == value
                    ? nil
                    : Difference(
                        key: key, observed: state[key], desired: value, isSensitive: hides(key, isSensitive))
            }
            return differences.isEmpty ? .same : .differs(.update, differences)
        }
    }

    private static func hides(_ key: String, _ isSensitive: Bool) -> Bool { isSensitive && !harmless.contains(key) }
}
