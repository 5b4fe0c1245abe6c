internal import Synchronization
internal import Transport

/// One command on a connection. Ends with its connection at the latest.
final class SSHChannel: ByteChannel {
    private let connection: SSHConnection
    private let id: Int
    // Which stream is asked first changes with each answer, so that an endless output cannot hide the errors.
    private let preferred = Atomic<Int32>(0)

    init(connection: SSHConnection, id: Int) {
        self.connection = connection
        self.id = id
    }

    func send(_ bytes: [UInt8], by deadline: Deadline) async throws(ChannelError) {
        try await connection.send(bytes, to: id, by: deadline)
    }

    func receive(by deadline: Deadline) async throws(ChannelError) -> ChannelEvent {
        let stream = preferred.load(ordering: .relaxed)
        let event = try await connection.receive(from: id, preferring: stream, by: deadline)
        switch event {
        case .output: preferred.store(1, ordering: .relaxed)
        case .errorOutput: preferred.store(0, ordering: .relaxed)
        case .end: break
        }
        return event
    }

    func finishSending(by deadline: Deadline) async throws(ChannelError) {
        try await connection.finishSending(to: id, by: deadline)
    }

    /// Of the whole connection: the socket is the only thing that can be ended from outside.
    func shutdown() { connection.shutdown() }

    func close() async { await connection.closeChannel(id) }
}
