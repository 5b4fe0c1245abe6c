internal import Synchronization

/// The operator's wish to stop: after the current step, so that nothing is left half-way.
package final class Interruption: Sendable {
    private let requested = Atomic(false)
    package init() {}
    package func request() { requested.store(true, ordering: .releasing) }
    package var isRequested: Bool { requested.load(ordering: .acquiring) }
}
