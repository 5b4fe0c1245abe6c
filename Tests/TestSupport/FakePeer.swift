internal import Glibc
internal import Transport

/// A TCP peer on 127.0.0.1 that behaves badly for as long as `body` runs.
package enum FakePeer {
    package enum Behaviour: Sendable {
        /// Says this, then nothing more, and keeps the connection.
        case sayAndHold(String)
        case sayAndClose(String)
        /// Passes on to a real server, but only so many bytes of what that says; then closes, or holds the rest back.
        case relay(toPort: Int, bytes: Int, thenHold: Bool)
    }

    package static func run<Result: Sendable>(
        _ behaviour: Behaviour, _ body: @Sendable (Int) async throws -> Result
    ) async throws -> Result {
        let listener = try Listener(backlog: 64)
        Descriptors.setNonBlocking(listener.descriptor)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await withDiscardingTaskGroup { peers in
                    while await ready(listener.descriptor, .read) {
                        let peer = accept(listener.descriptor, nil, nil)
                        guard peer >= 0 else { continue }
                        Descriptors.setNonBlocking(peer)
                        peers.addTask { await serve(peer, behaviour) }
                    }
                    Reactor.shared.forget(listener.descriptor)
                }
            }
            let result = try await body(listener.port)
            group.cancelAll()
            return result
        }
    }

    /// Until the task is cancelled.
    private static func ready(_ descriptor: Int32, _ interest: Reactor.Interest) async -> Bool {
        await Reactor.shared.wait(descriptor, for: interest, until: Deadline("test peer", in: .seconds(120))) == .ready
    }

    private static func serve(_ peer: Int32, _ behaviour: Behaviour) async {
        defer {
            Reactor.shared.forget(peer)
            close(peer)
        }
        switch behaviour {
        case .sayAndHold(let text):
            _ = await say(Array(text.utf8)[...], to: peer)
            await hold(peer)
        case .sayAndClose(let text): _ = await say(Array(text.utf8)[...], to: peer)
        case .relay(let port, let bytes, let thenHold): await relay(peer, port, bytes, thenHold)
        }
    }

    private static func relay(_ peer: Int32, _ port: Int, _ limit: Int, _ thenHold: Bool) async {
        let deadline = Deadline("relay", in: .seconds(5))
        guard let server = try? await StreamSocket.connect(to: TestSSHD.address, port: port, by: deadline) else {
            return
        }
        defer {
            Reactor.shared.forget(server)
            close(server)
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await copy(from: peer, to: server, limit: .max) }
            group.addTask { await copy(from: server, to: peer, limit: limit) }
            await group.next()
            if thenHold { await hold(peer) }
            group.cancelAll()
        }
    }

    private static func copy(from source: Int32, to sink: Int32, limit: Int) async {
        var left = limit
        var buffer = [UInt8](repeating: 0, count: 16384)
        while left > 0 {
            let count = recv(source, &buffer, min(buffer.count, left), 0)
            if count == 0 { return }
            if count > 0 {
                left -= count
                guard await say(buffer[..<count], to: sink) else { return }
            } else if errno != EAGAIN {
                return
            } else if await !ready(source, .read) {
                return
            }
        }
    }

    private static func say(_ bytes: ArraySlice<UInt8>, to peer: Int32) async -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(peer, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno != EAGAIN {
                return false
            } else if await !ready(peer, .write) {
                return false
            }
        }
        return true
    }

    /// Until the test is over. What the peer says is left unread.
    private static func hold(_ peer: Int32) async {
        try? await Task.sleep(for: .seconds(120))
    }
}
