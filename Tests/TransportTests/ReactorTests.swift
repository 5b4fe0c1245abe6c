import Glibc
import Synchronization
import Testing

@testable import Transport

@Suite struct ReactorTests {
    private static func soon(_ milliseconds: Int = 20_000) -> Deadline {
        Deadline("test", in: .milliseconds(milliseconds))
    }

    private static func finish(_ pair: (ours: Int32, theirs: Int32)) {
        Reactor.shared.forget(pair.ours)
        close(pair.ours)
        close(pair.theirs)
    }

    @Test func readAndWriteAreToldApart() async throws {
        let pair = try Descriptors.socketPair()
        defer { Self.finish(pair) }
        #expect(await Reactor.shared.wait(pair.ours, for: .write, until: Self.soon()) == .ready)
        #expect(await Reactor.shared.wait(pair.ours, for: .either, until: Self.soon()) == .ready)
        #expect(await Reactor.shared.wait(pair.ours, for: .read, until: Self.soon(50)) == .deadlinePassed)
        #expect(write(pair.theirs, "x", 1) == 1)
        #expect(await Reactor.shared.wait(pair.ours, for: .read, until: Self.soon()) == .ready)
    }

    /// A reader and a writer of one descriptor at the same time; the one's readiness is not the other's.
    @Test func twoWaitersOnOneDescriptor() async throws {
        let pair = try Descriptors.socketPair()
        defer { Self.finish(pair) }
        async let reading = Reactor.shared.wait(pair.ours, for: .read, until: Self.soon())
        #expect(await Reactor.shared.wait(pair.ours, for: .write, until: Self.soon()) == .ready)
        #expect(write(pair.theirs, "x", 1) == 1)
        #expect(await reading == .ready)
    }

    @Test func hangUpIsReadiness() async throws {
        let pair = try Descriptors.socketPair()
        defer { Self.finish(pair) }
        async let reading = Reactor.shared.wait(pair.ours, for: .read, until: Self.soon())
        shutdown(pair.ours, Int32(SHUT_RDWR))
        #expect(await reading == .ready)
    }

    @Test func cancellationEndsAWait() async throws {
        let pair = try Descriptors.socketPair()
        defer { Self.finish(pair) }
        let task = Task { await Reactor.shared.wait(pair.ours, for: .read, until: Self.soon()) }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        #expect(await task.value == .cancelled)
        let early = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await Reactor.shared.wait(pair.ours, for: .read, until: Self.soon())
        }
        #expect(await early.value == .cancelled)
    }

    @Test func nudgeWakesAllThatWait() async throws {
        let pair = try Descriptors.socketPair()
        defer { Self.finish(pair) }
        await withTaskGroup(of: Reactor.Readiness.self) { group in
            for _ in 0..<3 {
                group.addTask { await Reactor.shared.wait(pair.ours, for: .read, until: Self.soon()) }
            }
            group.addTask {
                try? await Task.sleep(for: .milliseconds(100))
                Reactor.shared.nudge(pair.ours)
                return .ready
            }
            for await readiness in group { #expect(readiness == .ready) }
        }
    }

    @Test func aMootWaitNeverBegins() async throws {
        let pair = try Descriptors.socketPair()
        defer { Self.finish(pair) }
        #expect(await Reactor.shared.wait(pair.ours, for: .read, until: Self.soon(), unless: { true }) == .ready)
        #expect(
            await Reactor.shared.wait(pair.ours, for: .read, until: Self.soon(50), unless: { false }) == .deadlinePassed
        )
    }

    /// One task takes what another waits for, right when that one goes to sleep. Each byte is the only one under way, so
    /// that a wake-up that is lost stays lost.
    @Test func nothingThatAnotherTookIsMissed() async throws {
        let pair = try Descriptors.socketPair()
        defer { Self.finish(pair) }
        let rounds = 2000
        let taken = TakenCount()
        let seen = TakenCount()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while seen.value < rounds {
                    let before = taken.value
                    if before > seen.value {
                        seen.increment()
                        continue
                    }
                    let readiness = await Reactor.shared.wait(
                        pair.ours, for: .read, until: Self.soon(5000), unless: { taken.value != before })
                    if readiness != .ready {
                        Issue.record("missed after \(before)")
                        for _ in seen.value..<rounds { seen.increment() }
                    }
                }
            }
            group.addTask {
                var byte: UInt8 = 0
                for round in 0..<rounds {
                    while seen.value < round { await Task.yield() }
                    write(pair.theirs, &byte, 1)
                    // As libssh2 does in a sender: the receiver's bytes are gone before it was told.
                    recv(pair.ours, &byte, 1, 0)
                    taken.increment()
                    Reactor.shared.nudge(pair.ours)
                }
            }
        }
        #expect(seen.value >= rounds)
    }

    private final class TakenCount: Sendable {
        private let count = Atomic<Int>(0)
        func increment() { count.add(1, ordering: .releasing) }
        var value: Int { count.load(ordering: .acquiring) }
    }
}
