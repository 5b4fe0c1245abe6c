import Glibc
import HostSession
import Model
import RemoteProtocol
import Testing
import Transport

@Suite(.serialized) struct LockTests {
    @Test(arguments: Shell.allCases) func theSecondSessionSeesTheFirstOnesTicket(shell: Shell) async throws {
        try await withSandbox(shell) { sandbox in
            let (one, _) = try await sandbox.connect()
            let (two, _) = try await sandbox.connect()
            #expect(try await one.takeLock(.of("one"), by: soon()) == .taken)
            #expect(try await one.takeLock(.of("one"), by: soon()) == .taken, "taking twice is no error")
            #expect(try await two.takeLock(.of("two"), by: soon()) == .heldBySession(.of("one")))
            try await two.expectInStep()
            let (three, _) = try await sandbox.connect()
            #expect(three.lockHolder == .of("one"))
            try await one.releaseLock(by: soon())
            try await one.expectInStep()
            #expect(try await two.takeLock(.of("two"), by: soon()) == .taken)
            #expect(try await one.takeLock(.of("one"), by: soon()) == .heldBySession(.of("two")))
            for session in [one, two, three] { await session.close() }
        }
    }

    @Test(arguments: Shell.allCases) func aDeadHolderHoldsNothing(shell: Shell) async throws {
        try await withSandbox(shell) { sandbox in
            let (one, channel) = try await sandbox.connect()
            let (two, _) = try await sandbox.connect()
            #expect(try await one.takeLock(.of("one"), by: soon()) == .taken)
            kill(channel.processID, SIGKILL)
            #expect(try await eventually { try await two.takeLock(.of("two"), by: soon()) == .taken })
            let (three, _) = try await sandbox.connect()
            #expect(
                try await three.takeLock(.of("three"), by: soon()) == .heldBySession(.of("two")),
                "not the dead one's ticket")
            for session in [one, two, three] { await session.close() }
        }
    }

    @Test(arguments: Shell.allCases) func closingGivesItBack(shell: Shell) async throws {
        try await withSandbox(shell) { sandbox in
            for run in ["one", "two", "three"] {
                let (session, _) = try await sandbox.connect()
                #expect(session.lockHolder == nil)
                #expect(try await session.takeLock(.of(RunID(run)), by: soon()) == .taken)
                await session.close()
            }
        }
    }

    /// Something that a step started and that lives on must not keep the lock, also if it never executes a program.
    @Test(arguments: Shell.allCases) func whatStepsLeaveRunningDoesNotKeepIt(shell: Shell) async throws {
        try await withSandbox(shell) { sandbox in
            let (one, _) = try await sandbox.connect()
            #expect(try await one.takeLock(.of("one"), by: soon()) == .taken)
            let background: ShellText =
                "sleep 5.125 >/dev/null 2>&1 & ( while sleep 5.125; do break; done ) >/dev/null 2>&1 & echo on"
            #expect(try await one.run(background, by: soon()).outputText == "on\n")
            #expect(try await one.answer(background).outputText == "on\n")
            await one.close()
            #expect(!Processes.withArgument("5.125").isEmpty)
            let (two, _) = try await sandbox.connect()
            #expect(try await two.takeLock(.of("two"), by: soon()) == .taken)
            await two.close()
        }
    }

    /// A connection that died without the host noticing leaves its reader holding the lock; the same run may go on.
    @Test func theSameRunTakesItOverFromItsDeadConnection() async throws {
        try await withSandbox { sandbox in
            let (one, _) = try await sandbox.connect()
            let (two, _) = try await sandbox.connect()
            #expect(try await one.takeLock(.of("one"), by: soon()) == .taken)
            #expect(try await two.takeLock(.of("one"), by: soon()) == .taken)
            let error = try await sessionError { () throws(SessionError) in try await one.run("true", by: soon()) }
            guard case .cut = error else { throw error }
            for session in [one, two] { await session.close() }
        }
    }

    @Test(arguments: Shell.allCases) func breakingEndsTheHolderAndNamesIt(shell: Shell) async throws {
        try await withSandbox(shell) { sandbox in
            let (one, _) = try await sandbox.connect()
            let (two, _) = try await sandbox.connect()
            #expect(try await two.breakLock(as: .of("two"), by: soon()) == nil)
            #expect(try await one.takeLock(.of("one"), by: soon()) == .taken)
            #expect(try await two.breakLock(as: .of("two"), by: soon()) == .of("one"))
            #expect(try await two.takeLock(.of("two"), by: soon()) == .taken)
            for session in [one, two] { await session.close() }
        }
    }

    /// Many at once: exactly one has it at any time.
    @Test func neverTwoAtOnce() async throws {
        try await withSandbox { sandbox in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<6 {
                    group.addTask {
                        let (session, _) = try await sandbox.connect()
                        var taken = 0
                        for _ in 0..<10 {
                            guard try await session.takeLock(.of(RunID("run\(index)")), by: soon()) == .taken else {
                                continue
                            }
                            taken += 1
                            let inside = try await session.run(
                                "mkdir /run/inside && sleep 0.01 && rmdir /run/inside", by: soon())
                            #expect(inside.status == 0)
                            try await session.releaseLock(by: soon())
                        }
                        await session.close()
                        return taken
                    }
                }
                let taken = try await group.reduce(0, +)
                #expect(taken >= 10)
            }
        }
    }
}
