import Glibc
import HostSession
import Model
import RemoteProtocol
import Testing
import Transport

/// The fallback of a host without systemd; ``SystemdTests`` are for those with it.
@Suite(.serialized) struct SupervisionTests {
    private static let run = RunID("20260101T000000Z-aaaaaa")
    private static let first = SupervisedID(run: run, number: 1)

    @Test(arguments: Shell.allCases) func outputStatusAndInputArriveWhole(shell: Shell) async throws {
        try await withSession(shell) { session in
            let input = pattern(300_000)
            let answer = try await session.supervise(
                "cat >/run/copy; echo out; echo err >&2; exit 7", input: input, as: Self.first, summary: "copy",
                limit: .seconds(20))
            #expect(answer.end == .exited(7))
            #expect(answer.answer == HostAnswer(output: Array("out\n".utf8), errors: Array("err\n".utf8), status: 7))
            #expect(try await session.answer("cat /run/copy").output == input)
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func outputIsShownWhileTheStepRuns(shell: Shell) async throws {
        try await withSession(shell) { session in
            var first: ContinuousClock.Instant?
            let answer = try await session.supervise(
                "echo begun; sleep 2; printf 'no line break'", as: Self.first, summary: "slow", limit: .seconds(20)
            ) { part in
                if case .output = part, first == nil { first = .now }
            }
            #expect(answer.answer.outputText == "begun\nno line break")
            #expect(try #require(first).duration(to: .now) > .seconds(1), "the first line came before the end")
        }
    }

    @Test(arguments: Shell.allCases) func theStepHasTheSurroundingsOfACommand(shell: Shell) async throws {
        try await withSession(shell) { session in
            #expect(try await session.takeLock(.of(Self.run), by: soon()) == .taken)
            let answer = try await session.supervise(
                "echo $LC_ALL $(umask) $(pwd) $PATH; cat; ls -l /proc/self/fd | grep -c /run/cso-provision/lock",
                as: Self.first,
                summary: "surroundings", limit: .seconds(20))
            #expect(answer.answer.outputText == "C 0022 / /usr/sbin:/usr/bin:/sbin:/bin\n0\n")
            try await session.expectInStep()
        }
    }

    /// A secret input is in one 0600 file until the step has opened it, and then nowhere; nothing in /run ever holds it.
    @Test func inputIsNowhereWhileTheStepRuns() async throws {
        let secret = "p%40$(id)\"'\\@:/?#&\u{e9} x"
        try await withSession { session in
            let search: ShellText =
                "sleep 0.2; grep -rlF -e \"$(head -c 100)\" /run /var/lib; find /run /var/lib -type f -perm /077"
            let answer = try await session.supervise(
                search, input: Array(secret.utf8), as: Self.first, summary: "search", limit: .seconds(20))
            #expect(answer.answer == HostAnswer(output: []))
            #expect(answer.end == .exited(0))
            // The control: the same search finds what is there.
            let control = try await session.supervise(
                "x=$(cat); echo \"$x\" >/run/there; grep -rlF -e \"$x\" /run /var/lib", input: Array(secret.utf8),
                as: SupervisedID(run: Self.run, number: 2), summary: "control", limit: .seconds(20))
            #expect(control.answer.outputText == "/run/there\n")
        }
    }

    @Test(arguments: Shell.allCases) func aStepEndsAtItsLimitWithAllItStarted(shell: Shell) async throws {
        try await withSession(shell) { session in
            let argument = "8\(Shell.allCases.firstIndex(of: shell) ?? 9).1234"
            let answer = try await session.supervise(
                "sleep \(word: argument) & echo begun; sleep \(word: argument)", as: Self.first, summary: "long",
                limit: .seconds(1))
            #expect(answer.end == .limitPassed)
            #expect(answer.answer.outputText == "begun\n")
            #expect(try await eventually { Processes.withArgument(argument).isEmpty })
            try await session.expectInStep()
        }
    }

    @Test func aKilledStepIsToldFromAFailedOne() async throws {
        try await withSession { session in
            let answer = try await session.supervise("kill -TERM $$", as: Self.first, summary: "x", limit: .seconds(9))
            #expect(answer.end == .signalled("TERM"))
            #expect(answer.answer.status == 143)
        }
    }

    @Test func aStepThatCannotBeStartedLeavesNothing() async throws {
        try await withSession(.dash, lasting: "64k") { session in
            let full = try await session.supervise(
                "echo ran", input: pattern(40_000), as: Self.first, summary: "x", limit: .seconds(9))
            #expect(full.end == nil && full.answer.status == 74 && full.answer.output.isEmpty)
            #expect(
                try await session.answer("ls -A /run/cso-provision/steps /var/lib/cso-provision").outputText.contains(
                    "input") == false)
            _ = try await session.run("mkdir -p \(word: Self.first.folder)", by: soon())
            let twice = try await session.supervise("echo ran", as: Self.first, summary: "x", limit: .seconds(9))
            #expect(twice.end == nil && twice.answer.status == 73)
        }
    }

    @Test func filesAreCollectedWithTheNextStepAndAtTheEnd() async throws {
        try await withSandbox { sandbox in
            let (session, _) = try await sandbox.connect()
            for number in 1...2 {
                _ = try await session.supervise(
                    ":", as: SupervisedID(run: Self.run, number: number), summary: "x", limit: .seconds(9))
                let left = try await session.answer("ls /run/cso-provision/steps").outputText
                #expect(left == "\(Self.run)-\(number)\n", "kept until its end is known to be known")
            }
            await session.close()
            let (next, _) = try await sandbox.connect()
            #expect(next.leftovers.isEmpty)
            #expect(try await next.answer("ls -A /run/cso-provision/steps").output.isEmpty)
            await next.close()
        }
    }

    /// The connection drops, or the controller dies, while a step runs.
    @Test(arguments: Shell.allCases) func aStepOutlivesItsSessionAndIsFoundByTheNext(shell: Shell) async throws {
        try await withSandbox(shell) { sandbox in
            let (session, channel) = try await sandbox.connect()
            #expect(try await session.takeLock(.of(Self.run), by: soon()) == .taken)
            async let cut = sessionError { () throws(SessionError) in
                try await session.supervise(
                    "cat; echo begun; sleep 6; echo done; exit 5", input: Array("in\n".utf8), as: Self.first,
                    summary: "install", limit: .seconds(30))
            }
            try await Task.sleep(for: .milliseconds(600))
            kill(channel.processID, SIGKILL)
            let error = try await cut
            #expect(error == .cut(during: "install", reason: "the remote shell ended with signal KILL"))
            await session.close()

            // The lock's session is dead, the step is not.
            let (second, _) = try await sandbox.connect()
            try #require(second.leftovers.map(\.id) == [Self.first])
            let leftover = second.leftovers[0]
            #expect(leftover.summary == "install" && leftover.end == nil && leftover.ticket == .of(Self.run))
            #expect(second.lockHolder == nil)
            let held = try await second.takeLock(.of("another"), by: soon())
            #expect(held == .heldBySteps([leftover]))
            #expect(held.holder == .of(Self.run))

            let answer = try await second.await(leftover)
            #expect(answer.end == .exited(5))
            #expect(answer.answer.outputText == "in\nbegun\ndone\n")
            #expect(try await second.await(leftover) == answer, "waiting again gives the same")
            #expect(try await second.takeLock(.of("another"), by: soon()) == .taken)
            try await second.collect(leftover.id, by: soon())
            try await second.collect(leftover.id, by: soon())
            await second.close()

            let (third, _) = try await sandbox.connect()
            #expect(third.leftovers.isEmpty)
            await third.close()
        }
    }

    @Test func anEndedLeftoverIsKnownFromTheGreeting() async throws {
        try await withSandbox { sandbox in
            let (session, channel) = try await sandbox.connect()
            _ = try await session.supervise("echo all; exit 4", as: Self.first, summary: "x", limit: .seconds(9))
            kill(channel.processID, SIGKILL)
            await session.close()
            let (next, _) = try await sandbox.connect()
            #expect(next.leftovers.map(\.end) == [.exited(4)])
            #expect(try await next.await(next.leftovers[0]).answer.outputText == "all\n")
            await next.close()
        }
    }

    @Test func aStepThatVanishedIsLost() async throws {
        try await withSession { session in
            let folder: ShellText = "\(word: Self.first.folder)"
            let script: ShellText =
                "mkdir -p \(script: folder) && cd \(script: folder) && echo 'summary x' >about && echo half >out && : >err && : >alive"
            _ = try await session.run(script, by: soon())
            let answer = try await session.await(Leftover(id: Self.first))
            #expect(answer.end == .lost && answer.answer.outputText == "half\n")
            let none = try await session.await(Leftover(id: SupervisedID(run: "never", number: 1)))
            #expect(none.end == .lost)
        }
    }

    @Test func aLeftoverCanBeStopped() async throws {
        try await withSandbox { sandbox in
            let (session, channel) = try await sandbox.connect()
            async let cut = sessionError { () throws(SessionError) in
                try await session.supervise("sleep 60.5", as: Self.first, summary: "x", limit: .seconds(90))
            }
            try await Task.sleep(for: .milliseconds(500))
            kill(channel.processID, SIGKILL)
            _ = try await cut
            await session.close()
            let (next, _) = try await sandbox.connect()
            try await next.stop(next.leftovers[0], by: soon())
            #expect(try await next.await(next.leftovers[0]).end == .signalled("KILL"))
            #expect(try await eventually { Processes.withArgument("60.5").isEmpty })
            await next.close()
        }
    }

    @Test func aShoutingStepIsBounded() async throws {
        try await withSandbox { sandbox in
            let (session, _) = try await sandbox.connect()
            _ = try await session.run("mount -o remount,size=300m /run", by: soon())
            let answer = try await session.supervise(
                "head -c 100000000 /dev/zero; sleep 60", as: Self.first, summary: "x", limit: .seconds(90))
            #expect(answer.end == .outputTooLong)
            #expect(answer.answer.output.count < 129 << 10)
            try await session.expectInStep()
            await session.close()
        }
    }

    /// The session's shells are stopped, as on a host that hangs; after three missed heartbeats the session ends.
    @Test func aHostThatFallsSilentIsNoticed() async throws {
        try await withSandbox { sandbox in
            let (session, channel) = try await sandbox.connect()
            var beats = 0
            var stopped: [Int32] = []
            let start = ContinuousClock.now
            let error = try await sessionError { () throws(SessionError) in
                try await session.supervise("sleep 9.75", as: Self.first, summary: "install", limit: .seconds(60)) {
                    part in
                    guard part == .beat, stopped.isEmpty else { return }
                    beats += 1
                    guard beats == 2 else { return }
                    stopped = [channel.processID] + Processes.descendants(of: channel.processID)
                    for pid in stopped { kill(pid, SIGSTOP) }
                }
            }
            #expect(error == .heartbeatLost(during: "install"))
            #expect(beats == 2)
            #expect(stopped.count >= 2)
            #expect(ContinuousClock.now - start < .seconds(22))
            // They are ours until they are killed, so the pids are theirs.
            for pid in stopped { kill(pid, SIGKILL) }
            await session.close()
            let (next, _) = try await sandbox.connect()
            #expect(next.leftovers.map(\.end) == [.exited(0)], "the step itself went on")
            await next.close()
        }
    }
}

extension LockTicket {
    static func of(_ run: RunID) -> LockTicket {
        LockTicket(owner: "ann", controller: "jump", run: run, since: "2026-01-01T00:00:00Z")
    }
}
