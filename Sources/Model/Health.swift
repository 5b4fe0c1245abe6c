/// Whether a host serves, as its gates and services say.
package enum Health: Sendable, Hashable {
    case healthy
    case unhealthy(String)
    case unknown(String)

    package var isHealthy: Bool { self == .healthy }
    package var isUnhealthy: Bool {
        if case .unhealthy = self { true } else { false }
    }
}
