import Glibc
import HostSession
import Model
import RemoteProtocol
import Testing
import Transport

/// Supervision by systemd itself, in machines that have it as PID 1. Which ones is told by CSO_SYSTEMD_INITS, the pids of
/// their PID 1 separated by blanks; `Tests/Fleet` has such machines.
@Suite(.serialized) struct SystemdTests {
    static let machines: [Int32] =
        getenv("CSO_SYSTEMD_INITS").map { String(cString: $0).split(separator: " ").compactMap { Int32($0) } } ?? []

    @Test func machinesAreGiven() {
        #expect(
            !Self.machines.isEmpty,
            "without machines nothing here is tested: Tests/Fleet/fleet up, then make unit-test, which sets CSO_SYSTEMD_INITS"
        )
    }

    private static func connect(_ machine: Int32) async throws -> HostSession {
        let session = try await HostSession.open(
            localPrefix: ["nsenter", "-t", String(machine), "--all", "--root", "--wd", "--"], by: soon("the greeting"))
        try #require(session.facts.hasSystemd)
        return session
    }

    /// Ids that no earlier run of these tests can have used.
    private static func id(_ number: Int) -> SupervisedID {
        SupervisedID(run: RunID("systemd-test-\(getpid())"), number: number)
    }

    @Test(arguments: machines) func outputStatusInputAndSurroundings(machine: Int32) async throws {
        let session = try await Self.connect(machine)
        let input = pattern(300_000)
        let answer = try await session.supervise(
            "sha256sum; echo $LC_ALL $(umask) $(pwd) $PATH $HOME; cat /proc/self/cgroup; echo err >&2; exit 7",
            input: input, as: Self.id(1), summary: "it's 100% \"quoted\" $HOME", limit: .seconds(20))
        #expect(answer.end == .exited(7))
        #expect(answer.answer.errorText == "err\n")
        #expect(answer.answer.outputText.contains("C 0022 / /usr/sbin:/usr/bin:/sbin:/bin /root\n"))
        #expect(answer.answer.outputText.contains("cso-\(Self.id(1)).service"))
        let sum = try await session.run("sha256sum", input: input, by: soon())
        #expect(answer.answer.outputText.hasPrefix(sum.outputText))
        let left = try await session.answer(
            "find /var/lib/cso-provision -name 'input.*'; find \(word: Self.id(1).folder) -type f -perm /077; ls \(word: Self.id(1).folder)"
        )
        #expect(
            left.outputText.replacing(/end\.\d+/, with: "end").replacing("seen\n", with: "")
                == "about\nbegan\nend\nerr\nfinish\nout\nscript\nstart\nstatus\n")
        await session.close()
    }

    @Test(arguments: machines) func everyEndIsTold(machine: Int32) async throws {
        let session = try await Self.connect(machine)
        let cases: [(ShellText, Int, SupervisedEnd)] = [
            (":", 9, .exited(0)), ("exit 3", 9, .exited(3)), ("kill -9 $$", 9, .signalled("KILL")),
            ("kill -SEGV $$", 9, .signalled("SEGV")),
            ("sleep 61.5 & sleep 61.5", 1, .limitPassed),
            ("trap '' TERM; setsid sleep 61.5 & sleep 61.5; sleep 61.5", 1, .limitPassed),
        ]
        for (number, (script, limit, end)) in cases.enumerated() {
            let answer = try await session.supervise(
                script, as: Self.id(10 + number), summary: "end", limit: .seconds(limit))
            #expect(answer.end == end && answer.answer.errors.isEmpty, "\(script)")
            #expect(Processes.withArgument("61.5").isEmpty, "nothing of it runs when its end is told")
        }
        let units = try await session.answer("systemctl list-units --all --no-legend 'cso-*'")
        #expect(!units.outputText.contains("systemd-test-\(getpid())"), "units are collected, failed ones too")
        await session.close()
    }

    @Test(arguments: machines) func aUnitOutlivesItsSession(machine: Int32) async throws {
        let session = try await Self.connect(machine)
        let run = Self.id(20).run
        #expect(try await session.takeLock(.of(run), by: soon()) == .taken)
        async let cut = sessionError { () throws(SessionError) in
            try await session.supervise(
                "cat; sleep 6; echo done; exit 5", input: Array("in\n".utf8), as: Self.id(20), summary: "install",
                limit: .seconds(30))
        }
        try await Task.sleep(for: .milliseconds(1000))
        session.shutdown()
        _ = try await cut
        await session.close()

        let next = try await Self.connect(machine)
        let leftover = try #require(next.leftovers.first { $0.id == Self.id(20) })
        #expect(leftover.end == nil && leftover.ticket == .of(run))
        // The dead session's reader notices at its next heartbeat; then only the step stands in the way.
        let onlyTheStep = try await eventually {
            let outcome = try await next.takeLock(.of("another"), by: soon())
            #expect([.heldBySession(.of(run)), .heldBySteps([leftover])].contains(outcome))
            return outcome == .heldBySteps([leftover])
        }
        #expect(onlyTheStep)
        let answer = try await next.await(leftover)
        #expect(answer.end == .exited(5))
        #expect(answer.answer.outputText == "in\ndone\n")
        #expect(try await next.takeLock(.of("another"), by: soon()) == .taken)
        await next.close()

        let last = try await Self.connect(machine)
        #expect(!last.leftovers.contains { $0.id.run == run })
        await last.close()
    }

    @Test(arguments: machines) func aLeftoverUnitCanBeStopped(machine: Int32) async throws {
        let session = try await Self.connect(machine)
        async let cut = sessionError { () throws(SessionError) in
            try await session.supervise("sleep 62.5", as: Self.id(30), summary: "x", limit: .seconds(90))
        }
        try await Task.sleep(for: .milliseconds(1000))
        session.shutdown()
        _ = try await cut
        await session.close()
        let next = try await Self.connect(machine)
        let leftover = try #require(next.leftovers.first { $0.id == Self.id(30) })
        try await next.stop(leftover, by: soon())
        #expect(try await next.await(leftover).end == .signalled("KILL"))
        #expect(Processes.withArgument("62.5").isEmpty)
        await next.close()
    }

    @Test(arguments: machines) func whatCannotBeStartedSaysSo(machine: Int32) async throws {
        let session = try await Self.connect(machine)
        // The first is still a unit when the second wants its name, but has no folder any more.
        let id = Self.id(40)
        _ = try await session.run(
            "systemd-run --quiet --collect --unit=\(word: id.unit.rawValue) sleep 5", by: soon())
        let answer = try await session.supervise("echo ran", as: id, summary: "x", limit: .seconds(9))
        #expect(answer.end == nil && answer.answer.status == 72)
        #expect(answer.answer.errorText.contains("already"))
        #expect(try await session.answer("ls -d \(word: id.folder)").status == 2)
        _ = try await session.run("systemctl stop \(word: id.unit.rawValue)", by: soon())
        await session.close()
    }
}
