internal import CLibSSH2
package import Transport

extension SSHConnection {
    /// Starts a command (RFC 4254 6.5) through the user's login shell. Input, output and errors are separate streams; no
    /// terminal, no environment.
    package func execute(_ command: String, by deadline: Deadline) async throws(SSHError) -> any ByteChannel {
        while isOpeningChannel { await withCheckedContinuation { openingQueue.append($0) } }
        isOpeningChannel = true
        defer {
            isOpeningChannel = false
            for waiter in openingQueue { waiter.resume() }
            openingQueue = []
        }
        var opened: OpaquePointer?
        let code = try await checked(.channel, by: deadline) { session in
            opened = libssh2_channel_open_ex(
                session.raw, "session", UInt32("session".utf8.count), 2 * 1024 * 1024,
                32768, nil, 0)
            return opened == nil ? Int(libssh2_session_last_errno(session.raw)) : 0
        }
        guard let channel = opened else { throw refusal(code) }
        channelCount += 1
        let id = channelCount
        channels[id] = channel
        let started = try await checked(.channel, by: deadline) { _ in
            Int(
                libssh2_channel_process_startup(
                    channel, "exec", UInt32("exec".utf8.count), command, UInt32(command.utf8.count)))
        }
        guard started == 0 else {
            let refusal = refusal(started)
            await closeChannel(id)
            throw refusal
        }
        return SSHChannel(connection: self, id: id)
    }

    private func refusal(_ code: Int) -> SSHError {
        guard let session else { return .wasShutDown(peer: endpoint.label, phase: .channel) }
        if session.wire.endOfStream != nil || session.wire.disconnectReason != nil {
            return .cut(peer: endpoint.label, phase: .channel, reason: session.failureReason)
        }
        return .channelRefused(peer: endpoint.label, reason: Library.lastError(session.raw))
    }

    func send(_ bytes: [UInt8], to id: Int, by deadline: Deadline) async throws(ChannelError) {
        let channel = try pointer(id)
        var sent = 0
        while sent < bytes.count {
            let start = sent
            sent += try await moved(by: deadline) { _ in
                bytes.withUnsafeBytes { buffer in
                    let rest = UnsafeRawBufferPointer(rebasing: buffer[start...])
                    let count = libssh2_channel_write_ex(
                        channel, 0, rest.baseAddress?.assumingMemoryBound(to: CChar.self), min(rest.count, 32768))
                    // 0 is a closed window without the word for it.
                    return count == 0 ? Library.wouldBlock : count
                }
            }
        }
    }

    func receive(from id: Int, preferring first: Int32, by deadline: Deadline) async throws(ChannelError)
        -> ChannelEvent
    {
        let channel = try pointer(id)
        var stream = first
        let received = received
        let count = try await moved(by: deadline) { session in
            var before: UInt64
            repeat {
                before = received.value
                for _ in 0..<2 {
                    let count = libssh2_channel_read_ex(
                        channel, stream, session.buffer.baseAddress?.assumingMemoryBound(to: CChar.self),
                        session.buffer.count)
                    if count > 0 || count < 0 && count != Library.wouldBlock { return count }
                    // A window adjustment is half sent: this very call must be made again.
                    if count != 0, session.isHalfSent { return count }
                    stream = SSH_EXTENDED_DATA_STDERR - stream
                }
                // Reading one stream queues what comes for the other. Packets that came after the first stream was
                // found empty may be for it, and the socket would not become ready again for them.
            } while received.value != before
            // Says no as long as anything of the channel is queued.
            return libssh2_channel_eof(channel) == 1 ? 0 : Library.wouldBlock
        }
        if count > 0, let session {
            let bytes = Array(UnsafeRawBufferPointer(rebasing: session.buffer[..<count]))
            return stream == 0 ? .output(bytes) : .errorOutput(bytes)
        }
        _ = try await moved(by: deadline) { _ in Int(libssh2_channel_wait_closed(channel)) }
        return .end(exitStatus(of: channel))
    }

    func finishSending(to id: Int, by deadline: Deadline) async throws(ChannelError) {
        let channel = try pointer(id)
        _ = try await moved(by: deadline) { _ in Int(libssh2_channel_send_eof(channel)) }
    }

    func closeChannel(_ id: Int) async {
        guard let channel = channels.removeValue(forKey: id), !socket.isShutDown else { return }
        // Waits for the host's own close. What is not freed in time is freed with the session.
        _ = await attempt(by: Deadline("close of the channel", in: .seconds(2))) { _ in
            Int(libssh2_channel_free(channel))
        }
    }

    private func pointer(_ id: Int) throws(ChannelError) -> OpaquePointer {
        guard let channel = channels[id] else { throw .wasShutDown }
        return channel
    }

    private func moved(by deadline: Deadline, _ body: (Session) -> Int) async throws(ChannelError) -> Int {
        switch await attempt(by: deadline, body) {
        case .success(let count) where count >= 0: return count
        case .success:
            if socket.isShutDown { throw .wasShutDown }
            throw .cut(session?.failureReason ?? "closed")
        case .failure(.timedOut): throw .timedOut(waitingFor: deadline.name, after: deadline.allowance)
        case .failure(.wasShutDown): throw .wasShutDown
        case .failure(.isBroken): throw .cut(Self.brokenReason)
        }
    }

    /// libssh2 cannot tell an exit status of 0 from a host that closed without saying; OpenSSH always says.
    private func exitStatus(of channel: OpaquePointer) -> ExitStatus {
        var name: UnsafeMutablePointer<CChar>?
        var length = 0
        libssh2_channel_get_exit_signal(channel, &name, &length, nil, nil, nil, nil)
        if let name, let session {
            defer { libssh2_free(session.raw, name) }
            return .signalled(String(decoding: UnsafeRawBufferPointer(start: name, count: length), as: UTF8.self))
        }
        return .exited(libssh2_channel_get_exit_status(channel))
    }
}
