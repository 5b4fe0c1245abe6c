package import Model
package import RemoteProtocol
package import Transport

/// One channel to one host with the reader at its other end: questions, steps, supervised steps and the lock, one frame
/// at a time, whatever the transport.
///
/// Calls from several tasks wait for one another. After a thrown ``SessionError`` the session is dead and every later call
/// throws the same error. The owner calls ``close()`` once in the end, in either case.
package actor HostSession {
    /// The longest answer to one frame of questions, over both streams.
    package static let answerLimit = 32 << 20
    /// Three heartbeats.
    package static let silenceLimit = Duration.seconds(15)

    package nonisolated let facts: HostFacts
    /// What earlier sessions left running or uncollected.
    package nonisolated let leftovers: [Leftover]
    /// Who held the lock when the session began; it may have changed hands since.
    package nonisolated let lockHolder: LockTicket?

    nonisolated let channel: any ByteChannel
    private let boundary: String
    private var output: StreamScanner
    private var errors: StreamScanner
    private var sequence = 0
    private var failure: SessionError?
    private var isBusy = false
    private var queue: [CheckedContinuation<Void, Never>] = []

    /// The ticket that we hold the host's lock with.
    var ticket: LockTicket?
    /// Supervised steps whose end was told to the caller and whose files are still there.
    var finished: [SupervisedID] = []

    private init(channel: any ByteChannel, found: HelloScanner.Found) {
        self.channel = channel
        facts = found.hello.facts
        leftovers = found.hello.leftovers
        lockHolder = found.hello.lockHolder
        boundary = found.hello.boundary
        output = found.output
        errors = found.errors
    }

    /// Takes the hello of a reader that was just started. The channel becomes the session's; if this throws, it is closed.
    package static func open(over channel: any ByteChannel, by deadline: Deadline) async throws(SessionError)
        -> HostSession
    {
        do throws(SessionError) {
            return HostSession(channel: channel, found: try await hello(over: channel, by: deadline))
        } catch {
            channel.shutdown()
            await channel.close()
            throw error
        }
    }

    /// The session on this machine, or through `prefix`.
    package static func open(
        localPrefix prefix: [String], by deadline: Deadline
    ) async throws(SessionError) -> HostSession {
        let channel: ProcessChannel
        do throws(TransportError) {
            channel = try ProcessChannel.start(prefix + RemoteReader.arguments)
        } catch {
            throw .noShell(error.description, .unknown)
        }
        return try await open(over: channel, by: deadline)
    }

    /// Ends whatever waits in the session at once, from any thread; a supervised step on the host goes on.
    package nonisolated func shutdown() { channel.shutdown() }

    /// Says goodbye if the session still works, collects what supervised steps left, and frees the channel.
    package func close() async {
        if failure == nil {
            let deadline = Deadline("the end of the session", in: .seconds(5))
            try? await collectFinished(by: deadline)
            if failure == nil { await leave(by: deadline) }
        }
        fail(.shutDown)
        await channel.close()
    }

    /// The reader ends at the end of its input. Waiting for that gives the lock back before we return; without a lock
    /// the wait would be a round trip for nothing.
    private func leave(by deadline: Deadline) async {
        do throws(ChannelError) {
            try await channel.finishSending(by: deadline)
            guard ticket != nil else { return }
            while true { if case .end = try await channel.receive(by: deadline) { return } }
        } catch { return }
    }

    @discardableResult
    func fail(_ error: SessionError) -> SessionError {
        if let failure { return failure }
        failure = error
        channel.shutdown()
        return error
    }

    /// Waits for the frames of other tasks: an actor alone would let them in at every `await`.
    private func enter() async {
        if !isBusy { isBusy = true } else { await withCheckedContinuation { queue.append($0) } }
    }
    private func letNextIn() {
        if queue.isEmpty { isBusy = false } else { queue.removeFirst().resume() }
    }

    /// Sends one frame and hands over what comes back, until its end; gives the frame's status. A thrown error, also one
    /// of `take`, is the session's end, except that an unsendable frame has sent nothing.
    func exchange(
        _ frame: Frame, during work: String, by deadline: Deadline, silence: Duration? = nil,
        take: (AnswerPart) throws(SessionError) -> Void
    ) async throws(SessionError) -> Int32 {
        await enter()
        defer { letNextIn() }
        if let failure { throw failure }
        let bytes = try SessionError.mapping { () throws(ProtocolError) in try frame.bytes(boundary: boundary) }
        do throws(SessionError) {
            sequence += 1
            do throws(ChannelError) { try await channel.send(bytes, by: deadline) } catch {
                throw SessionError(error, during: work)
            }
            return try await answer(during: work, by: deadline, silence: silence, take: take)
        } catch {
            throw fail(error)
        }
    }

    private func answer(
        during work: String, by deadline: Deadline, silence: Duration?, take: (AnswerPart) throws(SessionError) -> Void
    ) async throws(SessionError) -> Int32 {
        var outputState = StreamState.beforeFrame
        var errorState = StreamState.beforeFrame
        while true {
            if case .ended(let status) = outputState, case .ended = errorState { return status }
            switch try await receive(during: work, by: deadline, silence: silence) {
            case .output(let bytes):
                let events = try SessionError.mapping { () throws(ProtocolError) in try output.scan(bytes) }
                for event in events { try pass(event, of: &outputState, fromOutput: true, to: take) }
            case .errorOutput(let bytes):
                let events = try SessionError.mapping { () throws(ProtocolError) in try errors.scan(bytes) }
                for event in events { try pass(event, of: &errorState, fromOutput: false, to: take) }
            case .end(let status):
                throw .cut(during: work, reason: "the remote shell ended with \(status)")
            }
        }
    }

    /// Where one stream stands in the answer to a frame.
    private enum StreamState { case beforeFrame, inFrame, ended(Int32) }

    private func pass(
        _ event: StreamScanner.Event, of state: inout StreamState, fromOutput: Bool,
        to take: (AnswerPart) throws(SessionError) -> Void
    ) throws(SessionError) {
        switch (event, state) {
        case (.bytes(let bytes), .inFrame): try take(fromOutput ? .output(bytes) : .errorOutput(bytes))
        // Late words of an earlier step; see Marker.Kind.begin.
        case (.bytes, .beforeFrame), (.bytes, .ended): break
        case (.marker(let marker), .beforeFrame) where marker.kind == .begin:
            _ = try status(of: marker)
            state = .inFrame
        case (.marker(let marker), .inFrame) where marker.kind == .end: state = .ended(try status(of: marker))
        case (.marker(let marker), .inFrame): try take(.marker(marker, onOutput: fromOutput))
        case (.marker(let marker), _): throw .protocolViolation("the host sent \(marker.kind.rawValue) between frames")
        }
    }

    private func status(of marker: Marker) throws(SessionError) -> Int32 {
        let (number, status) = try SessionError.mapping { () throws(ProtocolError) in try marker.numbers() }
        guard number == sequence else {
            throw .protocolViolation("the host answered frame \(number) and not \(sequence)")
        }
        return status
    }

    private func receive(
        during work: String, by deadline: Deadline, silence: Duration?
    ) async throws(SessionError) -> ChannelEvent {
        let quiet = silence.map { Deadline("a heartbeat", in: $0) }
        let isQuietSooner = quiet.map { $0.instant < deadline.instant } ?? false
        do throws(ChannelError) {
            return try await channel.receive(by: isQuietSooner ? quiet ?? deadline : deadline)
        } catch {
            if isQuietSooner, case .timedOut = error { throw .heartbeatLost(during: work) }
            throw SessionError(error, during: work)
        }
    }
}

/// A piece of an answer, in the order in which its stream brought it.
enum AnswerPart {
    case output([UInt8])
    case errorOutput([UInt8])
    case marker(Marker, onOutput: Bool)
}

extension SessionError {
    init(_ error: ChannelError, during work: String) {
        switch error {
        case .timedOut(let name, let allowance): self = .timedOut(waitingFor: name, after: allowance)
        case .cut(let reason): self = .cut(during: work, reason: reason)
        case .wasShutDown: self = .shutDown
        }
    }

    static func mapping<Result>(_ body: () throws(ProtocolError) -> Result) throws(SessionError) -> Result {
        do throws(ProtocolError) { return try body() } catch { throw .protocolViolation(error.description) }
    }
}
