internal import Synchronization

/// The operator's wish to stop: after the current step, so that nothing is left half-way.
package final class Interruption: Sendable {
    private let requested = Atomic(false)
    package init() {}
    package func request() { requested.store(true, ordering: .releasing) }
    package var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Does work that changes nothing: the wish cancels it, and its waits end at once.
    func cutting<Value: Sendable>(_ work: @escaping @Sendable () async -> Value) async -> Value {
        await withTaskGroup(of: Value?.self) { group in
            group.addTask { await work() }
            group.addTask {
                // A signal handler may do no more than set the flag, so somebody has to look.
                while !Task.isCancelled, !self.isRequested { try? await Task.sleep(for: .milliseconds(50)) }
                return nil
            }
            while true {
                let value = await group.next() ?? nil
                group.cancelAll()
                if let value { return value }
            }
        }
    }
}
