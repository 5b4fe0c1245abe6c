internal import CCares
internal import Glibc
internal import Model

/// One batch of queries over one c-ares channel, from the first call to the last on the thread that calls `run`.
enum ZoneQuery {
    enum RecordType: Sendable {
        case address, alias

        /// RFC 1035 3.2.2.
        var number: Int32 { self == .address ? 1 : 5 }
    }

    /// What c-ares reported about one name.
    enum Outcome: Sendable {
        /// NOERROR or NXDOMAIN with records: A records of the chain's end, and where the chain ends.
        case records(addresses: [Address], alias: String?)
        case noSuchName
        case noData
        case failed(ZoneFailure)

        var isRefusalToServe: Bool {
            if case .failed(.serverFailure) = self { return true }
            if case .failed(.refused) = self { return true }
            return false
        }
    }

    /// c-ares's one-time set-up, which must not run twice at once.
    private static let libraryStatus: Int32 = ares_library_init(ARES_LIB_INIT_ALL)

    /// Blocks until all names have an outcome, at most until the deadline. `servers` are `ADDRESS:PORT`; `nil` = the
    /// system's resolvers.
    static func run(
        _ names: [String], _ type: RecordType, servers: [String]?, within allowance: Duration, interrupt: Interrupt
    ) -> [Outcome] {
        guard libraryStatus == cares_success else { return names.map { _ in failed(libraryStatus) } }
        var pass = Pass(
            type: type, servers: servers, asksOthers: false, allowance: allowance,
            end: .now.advanced(by: allowance), interrupt: interrupt)
        var outcomes = pass.run(names)
        // c-ares goes on to the system's next resolver after SERVFAIL or REFUSED only in a mode in which 1.18 reports
        // them as "could not contact". So that mode comes second, and its failures do not replace the reason that is
        // known.
        let unserved = outcomes.indices.filter { outcomes[$0].isRefusalToServe }
        if servers?.count != 1, !unserved.isEmpty {
            pass.asksOthers = true
            for (index, outcome) in zip(unserved, pass.run(unserved.map { names[$0] })) {
                if case .failed = outcome { continue }
                outcomes[index] = outcome
            }
        }
        return outcomes
    }

    private struct Pass {
        var type: RecordType
        var servers: [String]?
        /// The system's further resolvers are asked when the first one answers SERVFAIL or REFUSED.
        var asksOthers: Bool
        var allowance: Duration
        var end: ContinuousClock.Instant
        var interrupt: Interrupt

        func run(_ names: [String]) -> [Outcome] {
            let sockets = Sockets()
            let answers = Answers(count: names.count)
            return withExtendedLifetime((sockets, answers)) {
                var channel: ares_channel?
                let status = open(&channel, sockets)
                defer { if let channel { ares_destroy(channel) } }
                guard status == cares_success, let channel else { return names.map { _ in failed(status) } }
                for (index, name) in names.enumerated() {
                    let slot = Unmanaged.passRetained(Slot(answers, index)).toOpaque()
                    // 1 = the Internet class. The final dot says that the name is whole.
                    ares_query(channel, name + ".", 1, type.number, onAnswer, slot)
                }
                let wasInterrupted = process(channel, sockets, answers)
                // Every query that is still open calls back once more, with ARES_ECANCELLED.
                ares_cancel(channel)
                let late: ZoneFailure = wasInterrupted ? .cancelled : .timedOut(after: allowance)
                return answers.all.map { $0.map { outcome($0, allowance, late) } ?? .failed(late) }
            }
        }

        private func open(_ channel: inout ares_channel?, _ sockets: Sockets) -> Int32 {
            var options = ares_options()
            options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES
            if !asksOthers { options.flags |= ARES_FLAG_NOCHECKRESP }
            // The first repetition of a lost packet after a quarter of the deadline, at most a second; c-ares doubles
            // it.
            let (seconds, attoseconds) = allowance.components
            let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
            options.timeout = Int32(clamping: min(1000, max(100, milliseconds / 4)))
            options.tries = 4
            options.sock_state_cb = onSocketState
            options.sock_state_cb_data = Unmanaged.passUnretained(sockets).toOpaque()
            let status = ares_init_options(
                &channel, &options,
                Int32(ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB))
            guard status == cares_success, let servers, let channel else { return status }
            return ares_set_servers_ports_csv(channel, servers.joined(separator: ","))
        }

        /// Serves the sockets until all answers are there (false), the deadline has passed (false), or somebody
        /// interrupts.
        private func process(_ channel: ares_channel, _ sockets: Sockets, _ answers: Answers) -> Bool {
            let nobody = ARES_SOCKET_BAD
            while answers.isWaiting {
                let (seconds, attoseconds) = ContinuousClock.now.duration(to: end).components
                if seconds < 0 || attoseconds <= 0 && seconds == 0 { return false }
                var remaining = timeval(
                    tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
                var next = timeval()
                var wait = remaining
                if let nearest = ares_timeout(channel, &remaining, &next) { wait = nearest.pointee }
                var polled = [pollfd(fd: interrupt.descriptor, events: Int16(POLLIN), revents: 0)]
                polled += sockets.wanted.map { pollfd(fd: $0.key, events: $0.value, revents: 0) }
                let milliseconds = wait.tv_sec * 1000 + (wait.tv_usec + 999) / 1000
                let ready = poll(&polled, nfds_t(polled.count), Int32(clamping: milliseconds))
                if ready <= 0 {
                    // Time alone: c-ares repeats what is overdue.
                    ares_process_fd(channel, nobody, nobody)
                    continue
                }
                if polled[0].revents != 0 { return true }
                for entry in polled.dropFirst() where entry.revents != 0 {
                    // An error shows as readable, so that c-ares reads it (ECONNREFUSED from ICMP).
                    let readable = entry.revents & Int16(POLLIN | POLLERR | POLLHUP) != 0
                    let writable = entry.revents & Int16(POLLOUT) != 0
                    ares_process_fd(channel, readable ? entry.fd : nobody, writable ? entry.fd : nobody)
                }
            }
            return false
        }
    }

    // MARK: What came back

    private static func failed(_ status: Int32) -> Outcome { .failed(failure(status)) }

    private static func failure(_ status: Int32) -> ZoneFailure {
        switch status {
        case cares_server_failure: .serverFailure
        case cares_refused: .refused
        case cares_connection_refused: .unreachable
        case cares_bad_response, cares_form_error: .malformed
        default: .other(status, ares_strerror(status).map { String(cString: $0) } ?? "unknown status")
        }
    }

    private static func outcome(_ answer: Answer, _ allowance: Duration, _ late: ZoneFailure) -> Outcome {
        switch answer.status {
        case cares_success: return ZoneMessage.records(answer.message)
        case cares_not_found:
            // RFC 6604: with an alias in the answer it is the alias's target that does not exist.
            if case .records(_, let alias?) = ZoneMessage.records(answer.message) {
                return .records(addresses: [], alias: alias)
            }
            return .noSuchName
        case cares_no_data: return .noData
        case cares_cancelled, cares_destruction: return .failed(late)
        case cares_timed_out: return .failed(.timedOut(after: allowance))
        default: return failed(answer.status)
        }
    }
}

/// A callback's facts, copied before c-ares takes them back.
private struct Answer {
    var status: Int32
    var message: [UInt8]
}

/// Filled by callbacks on the thread that runs the channel, and on no other.
private final class Answers {
    private(set) var all: [Answer?]
    private var missing: Int
    var isWaiting: Bool { missing > 0 }

    init(count: Int) {
        all = Array(repeating: nil, count: count)
        missing = count
    }

    func put(_ answer: Answer, at index: Int) {
        if all[index] == nil { missing -= 1 }
        all[index] = answer
    }
}

/// One query's place among the answers; released by its one callback.
private final class Slot {
    let answers: Answers
    let index: Int
    init(_ answers: Answers, _ index: Int) {
        self.answers = answers
        self.index = index
    }
}

/// The sockets that c-ares wants to be told about, with poll's event bits.
private final class Sockets {
    var wanted: [Int32: Int16] = [:]
}

private let onAnswer: ares_callback = { argument, status, _, bytes, length in
    guard let argument else { return }
    let slot = Unmanaged<Slot>.fromOpaque(argument).takeRetainedValue()
    let message = bytes.map { Array(UnsafeBufferPointer(start: $0, count: Int(length))) } ?? []
    slot.answers.put(Answer(status: status, message: message), at: slot.index)
}

private let onSocketState: ares_sock_state_cb = { argument, socket, readable, writable in
    guard let argument else { return }
    let sockets = Unmanaged<Sockets>.fromOpaque(argument).takeUnretainedValue()
    let events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0)
    sockets.wanted[socket] = events == 0 ? nil : Int16(events)
}

extension ZoneQuery.Outcome {
    var reply: ZoneReply {
        switch self {
        case .records(let addresses, let alias):
            if !addresses.isEmpty {
                .addresses(addresses, alias: alias)
            } else {
                alias.map(ZoneReply.danglingAlias) ?? .noAddress
            }
        case .noSuchName: .noSuchName
        case .noData: .noAddress
        case .failed(let failure): .failed(failure)
        }
    }

    var aliasReply: AliasReply {
        switch self {
        case .records(_, let alias): alias.map(AliasReply.alias) ?? .noAlias
        case .noSuchName: .noSuchName
        case .noData: .noAlias
        case .failed(let failure): .failed(failure)
        }
    }
}
