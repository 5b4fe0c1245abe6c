internal import Glibc
internal import Synchronization
internal import Transport

/// The descriptor of a session. Anyone may shut it down; only the owner closes it, after its last libssh2 call, because
/// the number may belong to another session a moment later.
final class SessionSocket: Sendable {
    let descriptor: Int32
    private struct State {
        var isOpen = true
        var isShutDown = false
    }
    // Guards the descriptor's number against shutdown(2) after close(2).
    private let state = Mutex(State())

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close() }

    var isShutDown: Bool { state.withLock { $0.isShutDown } }

    /// Ends every wait on it at once. Idempotent.
    func shutDown() {
        state.withLock { state in
            guard state.isOpen else { return }
            state.isShutDown = true
            shutdown(descriptor, Int32(SHUT_RDWR))
        }
    }

    func close() {
        state.withLock { state in
            guard state.isOpen else { return }
            state.isOpen = false
            state.isShutDown = true
            Reactor.shared.forget(descriptor)
            Glibc.close(descriptor)
        }
    }
}
