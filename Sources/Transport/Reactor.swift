internal import CLinux
internal import Glibc
internal import Synchronization

/// Tells when file descriptors are ready. One thread for all sessions: it only wakes waiters, so it is never the
/// bottleneck, and a hundred sessions need no hundred threads (the pattern of swift-subprocess's AsyncIO on Linux).
///
/// A descriptor may be waited on for reading by one task and for writing by another. Each wait is one-shot.
package final class Reactor: Sendable {
    package static let shared = Reactor()

    package enum Interest: Sendable, Hashable { case read, write, either }
    package enum Readiness: Sendable { case ready, deadlinePassed, cancelled }

    private struct Waiter: Sendable {
        var id: UInt64
        var descriptor: Int32
        var interest: Interest
        var instant: ContinuousClock.Instant
        var continuation: CheckedContinuation<Readiness, Never>
    }

    private struct Table: Sendable {
        var nextID: UInt64 = 1
        var waiters: [UInt64: Waiter] = [:]
        var byDescriptor: [Int32: Set<UInt64>] = [:]
        var registered: Set<Int32> = []
        var cancelledEarly: Set<UInt64> = []
    }

    // The table is touched by the reactor's thread and by whoever starts or cancels a wait; held for a few dictionary
    // operations and one epoll_ctl, never across a resume.
    private let table = Mutex(Table())
    private let epoll: Int32
    private let wake: Int32

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(epoll >= 0 && wake >= 0, "epoll and eventfd are there on every Linux since 2.6.27")
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: wake))
        epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event)
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { _ in
                Reactor.shared.run()
            }, nil)
        pthread_detach(thread)
    }

    /// Waits until `descriptor` is ready (an error or hang-up counts as ready: the next call on it says which), the
    /// deadline has passed, or the task is cancelled. The descriptor must stay open meanwhile.
    ///
    /// `unless` is for descriptors that several tasks read: it is asked once the wait is in place, and `true` ends it at
    /// once. What another task read before is seen by it, what it reads later comes with a `nudge`. It runs under the
    /// reactor's lock: one atomic load, not more.
    package func wait(
        _ descriptor: Int32, for interest: Interest, until deadline: Deadline,
        unless isMoot: (@Sendable () -> Bool)? = nil
    ) async -> Readiness {
        let id = table.withLock { table in
            defer { table.nextID += 1 }
            return table.nextID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter(
                    id: id, descriptor: descriptor, interest: interest, instant: deadline.instant,
                    continuation: continuation)
                let early = table.withLock { table -> Readiness? in
                    if table.cancelledEarly.remove(id) != nil { return .cancelled }
                    if let isMoot, isMoot() { return .ready }
                    table.waiters[id] = waiter
                    table.byDescriptor[descriptor, default: []].insert(id)
                    arm(descriptor, &table)
                    return nil
                }
                if let early { continuation.resume(returning: early) } else { wakeUp() }
            }
        } onCancel: {
            let continuation = table.withLock { table -> CheckedContinuation<Readiness, Never>? in
                guard let waiter = table.waiters[id] else {
                    table.cancelledEarly.insert(id)
                    return nil
                }
                remove(waiter, &table)
                return waiter.continuation
            }
            continuation?.resume(returning: .cancelled)
        }
    }

    /// Ends every wait on the descriptor as if it had become ready: a caller has taken the bytes that others wait for.
    package func nudge(_ descriptor: Int32) {
        let woken = table.withLock { table -> [CheckedContinuation<Readiness, Never>] in
            (table.byDescriptor[descriptor] ?? []).compactMap { table.waiters[$0] }.map { waiter in
                remove(waiter, &table)
                return waiter.continuation
            }
        }
        for continuation in woken { continuation.resume(returning: .ready) }
    }

    /// Must be called before a descriptor that was waited on is closed, so that a new file under the same number does not
    /// inherit its state. No wait may be under way.
    package func forget(_ descriptor: Int32) {
        table.withLock { table in
            if table.registered.remove(descriptor) != nil {
                epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
            }
        }
    }

    private func wakeUp() {
        var one: UInt64 = 1
        write(wake, &one, 8)
    }

    /// (Re)arms the descriptor for what its waiters want. One-shot: the thread re-arms for those that remain.
    private func arm(_ descriptor: Int32, _ table: inout Table) {
        var events: UInt32 = EPOLLONESHOT.rawValue
        for id in table.byDescriptor[descriptor] ?? [] {
            switch table.waiters[id]?.interest {
            case .read: events |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue
            case .write: events |= EPOLLOUT.rawValue
            case .either: events |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLOUT.rawValue
            case nil: break
            }
        }
        var event = epoll_event(events: events, data: epoll_data_t(fd: descriptor))
        if table.registered.insert(descriptor).inserted {
            epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
        } else {
            epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event)
        }
    }

    private func remove(_ waiter: Waiter, _ table: inout Table) {
        table.waiters[waiter.id] = nil
        table.byDescriptor[waiter.descriptor]?.remove(waiter.id)
        if table.byDescriptor[waiter.descriptor]?.isEmpty == true { table.byDescriptor[waiter.descriptor] = nil }
    }

    private func run() -> Never {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let timeout = table.withLock { table -> Int32 in
                guard let first = table.waiters.values.map(\.instant).min() else { return -1 }
                let (seconds, attoseconds) = ContinuousClock.now.duration(to: first).components
                if seconds < 0 || attoseconds < 0 { return 0 }
                return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
            }
            let count = epoll_wait(epoll, &events, Int32(events.count), timeout)
            var woken: [(CheckedContinuation<Readiness, Never>, Readiness)] = []
            table.withLock { table in
                for event in events.prefix(Int(max(0, count))) {
                    let descriptor = event.data.fd
                    if descriptor == wake {
                        var drained: UInt64 = 0
                        read(wake, &drained, 8)
                        continue
                    }
                    collect(event.events, descriptor, &table, &woken)
                }
                let now = ContinuousClock.now
                for waiter in table.waiters.values where waiter.instant <= now {
                    remove(waiter, &table)
                    woken.append((waiter.continuation, .deadlinePassed))
                }
            }
            for (continuation, readiness) in woken { continuation.resume(returning: readiness) }
        }
    }

    private func collect(
        _ events: UInt32, _ descriptor: Int32, _ table: inout Table,
        _ woken: inout [(CheckedContinuation<Readiness, Never>, Readiness)]
    ) {
        let broken = events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0
        let readable = broken || events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0
        let writable = broken || events & EPOLLOUT.rawValue != 0
        for id in table.byDescriptor[descriptor] ?? [] {
            guard let waiter = table.waiters[id] else { continue }
            let isReady =
                switch waiter.interest {
                case .read: readable
                case .write: writable
                case .either: readable || writable
                }
            guard isReady else { continue }
            remove(waiter, &table)
            woken.append((waiter.continuation, .ready))
        }
        if table.byDescriptor[descriptor] != nil { arm(descriptor, &table) }
    }
}
