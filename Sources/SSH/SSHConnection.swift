internal import CLibSSH2
package import Model
package import Transport
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
    private let proxy: ProxyProcess?

    /// `nil` once closed.
    var session: Session?
    var channels: [Int: OpaquePointer] = [:]
    var channelCount = 0
    /// libssh2 keeps the state of an opening channel in the session, so only one may be opening. Others wait for at most
    /// that one's deadline.
    var isOpeningChannel = false
    var openingQueue: [CheckedContinuation<Void, Never>] = []
    private var offeredKey: HostKey?

    private var tickets: UInt64 = 0
    /// The call whose packet is half in the socket.
    private var halfSent: UInt64?
    /// That call gave up: nothing more can be sent on this connection.
    private var isBroken = false
    private var waiting = 0

    private init(_ endpoint: SSHEndpoint, _ socket: SessionSocket, _ proxy: ProxyProcess?) {
        self.endpoint = endpoint
        self.socket = socket
        self.proxy = proxy
        session = Session(socket, received: received)
    }

    /// Connects, exchanges keys, trusts and logs in, all before the deadline. An error leaves nothing open.
    package static func open(
        to endpoint: SSHEndpoint, as login: SSHLogin, trusting knownHosts: KnownHosts, by deadline: Deadline
    ) async throws(SSHError) -> SSHConnection {
        // Before the network: with files that cannot be relied on there is no good end.
        let known: [KnownKey]
        do throws(TrustFault) { known = try knownHosts.keys(for: endpoint.identity) } catch {
            throw .knownHostsUnusable(peer: endpoint.label, error)
        }
        let connection: SSHConnection
        if let command = endpoint.proxy?.expanded(for: endpoint, user: login.user) {
            do throws(TransportError) {
                let (process, socket) = try ProxyProcess.start(command)
                connection = SSHConnection(endpoint, SessionSocket(socket), process)
            } catch {
                throw .proxyFailed(peer: endpoint.label, command: command, reason: error.description, output: "")
            }
        } else {
            connection = SSHConnection(endpoint, SessionSocket(try await connect(to: endpoint, by: deadline)), nil)
        }
        do throws(SSHError) {
            try await connection.shakeHands(knownAlgorithms: known.map(\.key.algorithm), by: deadline)
            try await connection.verifyHost(by: knownHosts)
            try await connection.logIn(login, by: deadline)
            return connection
        } catch {
            let explained = await connection.explained(error)
            await connection.close()
            throw explained
        }
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

    // MARK: - Phases of opening

    private static func connect(to endpoint: SSHEndpoint, by deadline: Deadline) async throws(SSHError) -> Int32 {
        do throws(TransportError) {
            return try await StreamSocket.connect(
                to: endpoint.address, port: endpoint.port, by: deadline.renamed(SSHError.Phase.connect.rawValue))
        } catch {
            throw SSHError(error, connectingTo: endpoint.label, deadline)
        }
    }

    private func shakeHands(knownAlgorithms: [String], by deadline: Deadline) async throws(SSHError) {
        guard let session else { throw .outOfMemory(peer: endpoint.label) }
        // Known types first, else a host that offers ECDSA before ed25519 would look as if its key had changed.
        var algorithms: [String] = []
        for algorithm in knownAlgorithms + [
            "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
            "ecdsa-sha2-nistp521", "ssh-rsa",
        ]
        where !algorithms.contains(algorithm) { algorithms.append(algorithm) }
        session.setPreferences(hostKeyAlgorithms: algorithms)

        let descriptor = socket.descriptor
        let result = await attempt(by: deadline) { Int(libssh2_session_handshake($0.raw, descriptor)) }
        let wire = session.wire
        switch result {
        case .success(0): return
        case .success where wire.hasBanner && wire.endOfStream == nil && wire.disconnectReason == nil:
            throw .keyExchangeFailed(peer: endpoint.label, reason: Library.lastError(session.raw))
        case .success where wire.hasBanner:
            throw .cut(peer: endpoint.label, phase: .keyExchange, reason: session.failureReason)
        case .success where wire.opening.isEmpty: throw .noBanner(peer: endpoint.label, .closed)
        case .success: throw .noBanner(peer: endpoint.label, .otherProtocol(wire.firstLine))
        case .failure(.timedOut) where wire.opening.isEmpty:
            throw .noBanner(peer: endpoint.label, .silent(deadline.allowance))
        case .failure(.timedOut) where !wire.hasBanner:
            throw .noBanner(peer: endpoint.label, .otherProtocol(wire.firstLine))
        case .failure(let interruption): throw error(interruption, .keyExchange, deadline)
        }
    }

    private func verifyHost(by knownHosts: KnownHosts) throws(SSHError) {
        var length = 0
        var type: Int32 = 0
        guard let session, let bytes = libssh2_session_hostkey(session.raw, &length, &type),
            let key = HostKey(blob: Array(UnsafeRawBufferPointer(start: bytes, count: length)))
        else { throw .keyExchangeFailed(peer: endpoint.label, reason: "the host key cannot be read") }
        offeredKey = key
        switch knownHosts.verdict(on: key, from: endpoint.identity) {
        case .matching: return
        case .changed(let known): throw .hostKeyChanged(peer: endpoint.label, offered: key, known: known)
        case .unknown: throw .hostKeyUnknown(peer: endpoint.label, offered: key)
        case .fault(let fault): throw .knownHostsUnusable(peer: endpoint.label, fault)
        }
    }

    private func logIn(_ login: SSHLogin, by deadline: Deadline) async throws(SSHError) {
        let code: Int
        switch login.identity {
        case .key(let key):
            let publicLine = key.publicKey.line
            code = try await checked(.login, by: deadline) {
                Login.send(login.user, key: key.bytes, publicLine: publicLine, passphrase: key.passphrase, on: $0.raw)
            }
        case .agent(let identity): code = try await logIn(login.user, identity, by: deadline)
        }
        guard code != 0 else { return }
        guard let session else { throw .wasShutDown(peer: endpoint.label, phase: .login) }
        if session.wire.endOfStream != nil || session.wire.disconnectReason != nil {
            throw .cut(peer: endpoint.label, phase: .login, reason: session.failureReason)
        }
        throw .loginRefused(peer: endpoint.label, user: login.user, key: login.publicKey)
    }

    private func logIn(
        _ user: String, _ identity: AgentIdentity, by deadline: Deadline
    ) async throws(SSHError) -> Int {
        while true {
            let code = try await checked(.login, by: deadline) {
                Login.send(user, publicKey: identity.publicKey, on: $0.raw)
            }
            guard code == Library.wouldBlock, let wire = session?.wire, let data = wire.toSign else { return code }
            do throws(AgentClient.Fault) {
                wire.signature = try await AgentClient(identity, by: deadline).sign(data)
            } catch {
                switch error {
                case .timedOut:
                    throw .agentFailed(
                        peer: endpoint.label, reason: "no answer within \(deadline.allowance.components.seconds) s")
                case .wasCancelled: throw .wasShutDown(peer: endpoint.label, phase: .login)
                case .failed(let reason): throw .agentFailed(peer: endpoint.label, reason: reason)
                }
            }
        }
    }

    /// A proxy command that ended is the reason for a connection that did.
    private func explained(_ error: SSHError) async -> SSHError {
        guard let proxy, case .noBanner(_, let fault) = error else { return error }
        if case .silent = fault { return error }
        let reason = await proxy.ending()
        var output = proxy.errorText
        if case .otherProtocol(let line) = fault { output = output.isEmpty ? line : "\(line); \(output)" }
        return .proxyFailed(peer: endpoint.label, command: proxy.command, reason: reason, output: output)
    }

    // MARK: - Calls into libssh2

    /// Why a call did not come to its end.
    enum Interruption: Error { case timedOut, wasShutDown }

    /// Makes one libssh2 call until it no longer answers EAGAIN, waiting in between for what libssh2 waits for. `body` is
    /// called with the same arguments each time, as libssh2 demands. An EAGAIN comes back only when the wire wants a
    /// signature.
    func attempt(by deadline: Deadline, _ body: (Session) -> Int) async -> Result<Int, Interruption> {
        tickets += 1
        let ticket = tickets
        while true {
            guard let session, !isBroken else { return .failure(.wasShutDown) }
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

    func error(_ interruption: Interruption, _ phase: SSHError.Phase, _ deadline: Deadline) -> SSHError {
        switch interruption {
        case .timedOut: .timedOut(peer: endpoint.label, phase: phase, after: deadline.allowance)
        case .wasShutDown: .wasShutDown(peer: endpoint.label, phase: phase)
        }
    }
}
