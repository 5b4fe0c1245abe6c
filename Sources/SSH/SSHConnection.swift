internal import CLibSSH2
package import Model
internal import Transport
package import Trust

/// An authenticated SSH connection to a host that was trusted.
///
/// Every libssh2 call happens in this actor, so that only one is under way at a time, and no lock is held while a call
/// waits for the socket: a sender that waits for the window lets a receiver work. What libssh2 does not allow is a second
/// packet while one is half in the socket; `perform` sees to that.
package actor SSHConnection {
    package nonisolated let endpoint: SSHEndpoint
    nonisolated let socket: SessionSocket
    nonisolated let received = ReceiveCount()
    let proxy: ProxyProcess?

    /// `nil` once closed.
    var session: Session?
    var channels: [Int: OpaquePointer] = [:]
    var channelCount = 0
    /// libssh2 keeps the state of an opening channel in the session, so only one may be opening. Others wait for at most
    /// that one's deadline.
    var isOpeningChannel = false
    var openingQueue: [CheckedContinuation<Void, Never>] = []
    var offeredKey: HostKey?

    private var tickets: UInt64 = 0
    /// The call whose packet is half in the socket.
    private var halfSent: UInt64?
    /// That call gave up: nothing more can be sent on this connection.
    private var isBroken = false
    private var waiting = 0

    init(_ endpoint: SSHEndpoint, _ socket: SessionSocket, _ proxy: ProxyProcess?) {
        self.endpoint = endpoint
        self.socket = socket
        self.proxy = proxy
        session = Session(socket, received: received)
    }

    /// The key that the host proved to hold.
    package var hostKey: HostKey? { offeredKey }
    /// As `ssh-keygen -l` prints it: `SHA256:...`.
    package var hostKeyFingerprint: String? { offeredKey?.fingerprint }
    package nonisolated var peerAddress: Address { endpoint.address }

    /// What was agreed on in the key exchange.
    package var algorithms: SSHAlgorithms? {
        session.map { session in
            SSHAlgorithms(
                keyExchange: session.method(LIBSSH2_METHOD_KEX), hostKey: session.method(LIBSSH2_METHOD_HOSTKEY),
                cipher: session.method(LIBSSH2_METHOD_CRYPT_CS), mac: session.method(LIBSSH2_METHOD_MAC_CS))
        }
    }

    /// Ends every wait in the connection at once, from any thread. Frees nothing: the owner still calls `close`.
    package nonisolated func shutdown() { socket.shutDown() }

    /// Says goodbye if that takes no waiting, and frees everything. Idempotent.
    package func close() async {
        guard let session else { return }
        if !isBroken, halfSent == nil, !socket.isShutDown, session.wire.endOfStream == nil {
            // One attempt: without it sshd logs a lost connection.
            libssh2_session_disconnect_ex(session.raw, SSH_DISCONNECT_BY_APPLICATION, "done", "")
        }
        self.session = nil
        channels = [:]
        socket.shutDown()
        // A wait that is still in place would find a stranger under the descriptor's number.
        while waiting > 0 {
            Reactor.shared.nudge(socket.descriptor)
            await Task.yield()
        }
        withExtendedLifetime(session) {}
        await proxy?.stop()
    }

    // MARK: - Calls into libssh2

    /// Why a call did not come to its end.
    enum Interruption: Error {
        case timedOut, wasShutDown
        /// An earlier call gave up in the middle of a packet.
        case isBroken
    }

    /// Makes one libssh2 call until it no longer answers EAGAIN, waiting in between for what libssh2 waits for. `body` is
    /// called with the same arguments each time, as libssh2 demands. An EAGAIN comes back only when the wire wants a
    /// signature.
    func attempt(by deadline: Deadline, _ body: (Session) -> Int) async -> Result<Int, Interruption> {
        tickets += 1
        let ticket = tickets
        while true {
            guard let session else { return .failure(.wasShutDown) }
            if isBroken { return .failure(.isBroken) }
            if let holder = halfSent, holder != ticket {
                // Its call is woken by the same readiness.
                if let interruption = await wait(for: .write, by: deadline) { return .failure(interruption) }
                continue
            }
            let before = received.value
            let code = body(session)
            let after = received.value
            // What this call took from the socket may be what another waits for.
            if after != before, waiting > 0 { Reactor.shared.nudge(socket.descriptor) }
            if halfSent == ticket { halfSent = nil }
            guard code == Library.wouldBlock else { return .success(code) }
            if session.wire.toSign != nil, session.wire.signature == nil { return .success(code) }
            let isSending = session.isHalfSent
            if isSending { halfSent = ticket }
            if let interruption = await wait(for: isSending ? .write : .read, by: deadline, since: after) {
                if isSending { isBroken = true }
                return .failure(interruption)
            }
        }
    }

    private func wait(
        for interest: Reactor.Interest, by deadline: Deadline, since count: UInt64? = nil
    ) async -> Interruption? {
        waiting += 1
        defer { waiting -= 1 }
        let isMoot: (@Sendable () -> Bool)?
        if interest == .read, let count {
            let received = received
            isMoot = { received.value != count }
        } else {
            isMoot = nil
        }
        switch await Reactor.shared.wait(socket.descriptor, for: interest, until: deadline, unless: isMoot) {
        case .ready: return nil
        case .deadlinePassed: return socket.isShutDown ? .wasShutDown : .timedOut
        case .cancelled: return .wasShutDown
        }
    }

    /// `attempt` with interruptions as this module's error. A negative result is still the caller's to judge.
    func checked(
        _ phase: SSHError.Phase, by deadline: Deadline, _ body: (Session) -> Int
    ) async throws(SSHError) -> Int {
        switch await attempt(by: deadline, body) {
        case .success(let code):
            if code < 0, code != Library.wouldBlock, socket.isShutDown {
                throw .wasShutDown(peer: endpoint.label, phase: phase)
            }
            return code
        case .failure(let interruption): throw error(interruption, phase, deadline)
        }
    }

    static let brokenReason = "an earlier message was given up half-way"

    func error(_ interruption: Interruption, _ phase: SSHError.Phase, _ deadline: Deadline) -> SSHError {
        switch interruption {
        case .timedOut: .timedOut(peer: endpoint.label, phase: phase, after: deadline.allowance)
        case .wasShutDown: .wasShutDown(peer: endpoint.label, phase: phase)
        case .isBroken: .cut(peer: endpoint.label, phase: phase, reason: Self.brokenReason)
        }
    }
}
