internal import CLibSSH2
package import Transport
package import Trust

extension SSHConnection {
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
}
