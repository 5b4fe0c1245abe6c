internal import CLinux
internal import Glibc
internal import Synchronization

/// A local process as a channel: the jump server itself, or whatever a prefix such as `nsenter` leads into.
///
/// It ends when the process ends, also while a child of that process still holds its standard output open.
package final class ProcessChannel: ByteChannel {
    private let process: SpawnedProcess
    /// Our end of a socket pair: a write to a dead reader is an error there and no SIGPIPE.
    private let input: Int32
    private let output: Int32
    private let errorOutput: Int32
    /// Readable when any of output, error output, the process's end and `wake` is, so that one wait covers all.
    private let readiness: Int32
    private let wake: Int32

    private struct State: Sendable {
        var openStreams: Set<Int32>
        var isShutDown = false
        var isClosed = false
    }
    // Touched by reader, writer and whoever shuts it down; held for a few assignments, never across a wait.
    private let state: Mutex<State>

    /// How long a process may take to notice the end of its input before it is killed.
    private static let grace = Duration.seconds(1)

    private init(process: SpawnedProcess, input: Int32, output: Int32, errorOutput: Int32) throws(TransportError) {
        self.process = process
        self.input = input
        self.output = output
        self.errorOutput = errorOutput
        wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        readiness = epoll_create1(Int32(EPOLL_CLOEXEC))
        state = Mutex(State(openStreams: [output, errorOutput]))
        for descriptor in [output, errorOutput, process.pidDescriptor, wake] {
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: descriptor))
            guard epoll_ctl(readiness, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
                throw .system(call: "epoll_ctl", code: errno)
            }
        }
    }

    /// Starts `argv`, found through PATH, in a session of its own. The environment is ours unless given.
    package static func start(_ argv: [String], environment: [String]? = nil) throws(TransportError) -> ProcessChannel {
        var pair: [Int32] = [-1, -1]
        var pipes: [[Int32]] = [[-1, -1], [-1, -1]]
        func closeAll(_ descriptors: [Int32]) {
            for descriptor in descriptors where descriptor >= 0 { Glibc.close(descriptor) }
        }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &pair) == 0 else { throw .system(call: "socketpair", code: errno) }
        for index in pipes.indices {
            guard pipe2(&pipes[index], O_CLOEXEC) == 0 else {
                let code = errno
                closeAll(pair + pipes.joined())
                throw .system(call: "pipe2", code: code)
            }
            // Only our end: the other one's flags are the child's, and shells expect blocking files.
            _ = fcntl(pipes[index][0], F_SETFL, O_NONBLOCK)
        }
        defer { closeAll([pair[1], pipes[0][1], pipes[1][1]]) }
        do throws(TransportError) {
            let process = try SpawnedProcess.spawn(
                argv, environment: environment, stdin: pair[1], stdout: pipes[0][1], stderr: pipes[1][1],
                newSession: true)
            return try ProcessChannel(process: process, input: pair[0], output: pipes[0][0], errorOutput: pipes[1][0])
        } catch {
            closeAll([pair[0], pipes[0][0], pipes[1][0]])
            throw error
        }
    }

    /// Of the process that was started; with a prefix that executes another program, of that one.
    package var processID: Int32 { process.pid }

    package func send(_ bytes: [UInt8], by deadline: Deadline) async throws(ChannelError) {
        var sent = 0
        while sent < bytes.count {
            if state.withLock({ $0.isShutDown }) { throw .wasShutDown }
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    input, buffer.baseAddress! + sent, buffer.count - sent,
                    Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                try await wait(for: input, .write, by: deadline)
            } else if errno != EINTR {
                throw state.withLock { $0.isShutDown } ? .wasShutDown : .cut(TransportError.text(of: errno))
            }
        }
    }

    package func receive(by deadline: Deadline) async throws(ChannelError) -> ChannelEvent {
        while true {
            let open = state.withLock { $0.isShutDown ? nil : $0.openStreams }
            guard let open else { throw .wasShutDown }
            // The order matters: what was written before the end is read after the end is known.
            let ended = process.reapIfEnded()
            for stream in [output, errorOutput] where open.contains(stream) {
                switch read(from: stream) {
                case .data(let bytes): return stream == output ? .output(bytes) : .errorOutput(bytes)
                case .empty: continue
                case .closed:
                    // A closed pipe stays readable for ever.
                    epoll_ctl(readiness, EPOLL_CTL_DEL, stream, nil)
                    _ = state.withLock { $0.openStreams.remove(stream) }
                }
            }
            if let ended { return .end(ended) }
            try await wait(for: readiness, .read, by: deadline)
        }
    }

    package func finishSending(by deadline: Deadline) async throws(ChannelError) {
        Glibc.shutdown(input, Int32(SHUT_WR))
    }

    package func shutdown() {
        let isFirst = state.withLock { state in
            defer { state.isShutDown = true }
            return !state.isShutDown && !state.isClosed
        }
        guard isFirst else { return }
        Glibc.shutdown(input, Int32(SHUT_RDWR))
        var one: UInt64 = 1
        write(wake, &one, 8)
    }

    /// Closes its streams, then waits a second for its end before it is killed. What it started itself is left alone.
    package func close() async {
        let isFirst = state.withLock { state in
            defer { state.isClosed = true }
            return !state.isClosed
        }
        guard isFirst else { return }
        for descriptor in [input, readiness, wake, output, errorOutput] {
            Reactor.shared.forget(descriptor)
            Glibc.close(descriptor)
        }
        // A cancelled task does not wait, but its process must be reaped all the same.
        let process = process
        await Task.detached {
            if (try? await process.wait(by: Deadline("the end of the local process", in: Self.grace))) != nil { return }
            process.kill()
            _ = try? await process.wait(by: Deadline("the death of the local process", in: .seconds(10)))
        }.value
    }

    private func wait(
        for descriptor: Int32, _ interest: Reactor.Interest, by deadline: Deadline
    ) async throws(ChannelError) {
        switch await Reactor.shared.wait(descriptor, for: interest, until: deadline) {
        case .ready: return
        case .deadlinePassed: throw .timedOut(waitingFor: deadline.name, after: deadline.allowance)
        case .cancelled: throw .wasShutDown
        }
    }

    private enum ReadResult { case data([UInt8]), empty, closed }

    private func read(from descriptor: Int32) -> ReadResult {
        var count = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
            repeat {
                count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            } while count < 0 && errno == EINTR
            initialized = max(0, count)
        }
        if count > 0 { return .data(bytes) }
        return count < 0 && errno == EAGAIN ? .empty : .closed
    }
}
