import HostSession
import Model
import RemoteProtocol
import Testing
import Transport

@Suite(.serialized) struct FrameTests {
    static let megabytes = 5_000_000

    @Test(arguments: Shell.allCases, [0, 1, 256, 8191, 8192, 8193, megabytes])
    func everyByteComesThroughBothWays(shell: Shell, count: Int) async throws {
        let bytes = pattern(count)
        try await withSession(shell) { session in
            let stored = try await session.run("cat >/run/bytes", input: bytes, by: soon())
            #expect(stored == HostAnswer(output: []))
            let answers = try await session.ask(
                ["cat /run/bytes", "cat /run/bytes >&2", "echo"].map { HostQuestion($0) }, by: soon())
            #expect(answers[0].output == bytes && answers[0].errors.isEmpty)
            #expect(answers[1].errors == bytes && answers[1].output.isEmpty)
            #expect(answers[2] == HostAnswer(output: [0x0A]))
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func aStepThatReadsWithoutInputSwallowsNothing(shell: Shell) async throws {
        try await withSession(shell) { session in
            let script: ShellText = "cat; read x; head -c 100; sh -c cat; echo \"[$x]\""
            #expect(try await session.run(script, by: soon()).outputText == "[]\n")
            #expect(try await session.answer(script).outputText == "[]\n")
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func aStepThatIgnoresItsInputStaysInStep(shell: Shell) async throws {
        try await withSession(shell) { session in
            #expect(try await session.run("exit 3", input: pattern(Self.megabytes), by: soon()).status == 3)
            #expect(try await session.run("head -c 3", input: pattern(Self.megabytes), by: soon()).output == [0, 1, 2])
            try await session.expectInStep()
        }
    }

    /// The marker that ends an input is also what drains it after a failed write: an input may hold anything like it.
    @Test func anInputMayLookLikeTheProtocol() async throws {
        try await withSession { session in
            let boundary = try await session.answer("echo $cso_b").outputText.dropLast()
            for text in ["\n\(boundary)\n", "\u{1}\(boundary) end 1 0\n", "\n", "S 5 0 1\nexit\n"] {
                let answer = try await session.run("cat >/run/copy", input: Array(text.utf8), by: soon())
                #expect(answer == HostAnswer(output: []))
                #expect(try await session.answer("wc -c </run/copy").outputText == "\(text.utf8.count)\n")
            }
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func anInputThatFindsAFullDiskFailsAndStaysInStep(shell: Shell) async throws {
        try await withSession(shell, lasting: "64k") { session in
            for count in [65_537, 200_000, Self.megabytes] {
                let answer = try await session.run("echo ran", input: pattern(count), by: soon())
                #expect(answer.status == 74)
                #expect(answer.output.isEmpty, "the step must not begin without its whole input")
                #expect(answer.errorText.contains("could not be stored in /var/lib/cso-provision"))
                try await session.expectInStep()
            }
            #expect(try await session.answer("ls /var/lib/cso-provision").output.isEmpty)
            #expect(try await session.run("cat", input: [1, 2], by: soon()).output == [1, 2])
        }
    }

    /// A step that writes to a full disk itself.
    @Test func aStepThatFindsAFullDiskFails() async throws {
        try await withSession(.dash, lasting: "64k") { session in
            let answer = try await session.run("head -c 1000000 /dev/zero >/var/lib/x", by: soon())
            #expect(answer.status == 1)
            #expect(answer.errorText.contains("No space left"))
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func inputsLeaveNothingBehind(shell: Shell) async throws {
        try await withSession(shell) { session in
            let answer = try await session.run("ls /var/lib/cso-provision; wc -c", input: pattern(5), by: soon())
            #expect(answer.outputText == "5\n", "the input's file is gone before the step begins")
            #expect(try await session.answer("stat -c '%a %u' /var/lib/cso-provision").outputText == "700 0\n")
        }
    }

    @Test func observingWritesNothing() async throws {
        try await withSession { session in
            _ = try await session.answer("true")
            #expect(try await session.answer("ls -A /run /var/lib").outputText == "/run:\n\n/var/lib:\n")
        }
    }

    @Test(arguments: Shell.allCases) func aBannerIsSkipped(shell: Shell) async throws {
        let profile = ["sh", "-c", "echo banner; printf 'no line break'; echo warning >&2; exec \"$@\"", "sh"]
        try await withSession(shell, through: profile) { session in
            #expect(session.facts.userID == 0)
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func textLikeABoundaryIsOutput(shell: Shell) async throws {
        try await withSession(shell) { session in
            let text = "\u{1}cso:00000000-0000-0000-0000-000000000000 end 1 0\n\u{1}cso:\n"
            #expect(try await session.run("cat", input: Array(text.utf8), by: soon()).outputText == text)
            // `set` shows the boundary itself, and tracing the command that prints it, but not as a line of its form.
            let answers = try await session.ask(
                ["set", "set -x; : traced", "echo after"].map { HostQuestion($0) }, by: soon())
            #expect(answers[0].outputText.contains("cso_b="))
            #expect(answers[1].errorText.contains(": traced"))
            #expect(answers[2].outputText == "after\n")
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func errorsAreSeparateAndComplete(shell: Shell) async throws {
        try await withSession(shell) { session in
            let script: ShellText = "i=0; while [ $i -lt 20000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done"
            let answer = try await session.answer(script)
            #expect(answer.outputText == (0..<20000).map { "out \($0)\n" }.joined())
            #expect(answer.errorText == (0..<20000).map { "err \($0)\n" }.joined())
        }
    }

    @Test(arguments: Shell.allCases) func everyFrameHasTheSameSurroundings(shell: Shell) async throws {
        try await withSession(shell) { session in
            let script: ShellText =
                "echo $LC_ALL $(umask) $(pwd) $PATH; ls -l /proc/self/fd | grep -c lock; cd /tmp; umask 0; PATH=/x"
            let expected = "C 0077 / /usr/sbin:/usr/bin:/sbin:/bin\n0\n"
            #expect(
                try await session.takeLock(LockTicket(owner: "o", controller: "c", run: "r", since: "s"), by: soon())
                    == .taken)
            for _ in 0..<2 {
                #expect(try await session.answer(script).outputText == expected)
                #expect(try await session.run(script, by: soon()).outputText == expected)
            }
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func factsAreTheMachines(shell: Shell) async throws {
        try await withSession(shell) { session in
            func said(_ script: ShellText) async throws -> String {
                String(try await session.answer(script).outputText.dropLast())
            }
            #expect(try await said("hostname") == session.facts.hostname)
            #expect(try await said("uname -m") == session.facts.architecture)
            #expect(try await said("cat /proc/sys/kernel/random/boot_id") == session.facts.bootID)
            #expect(try await said("id -u") == String(session.facts.userID))
            #expect(
                try await said(". /etc/os-release; echo $ID $VERSION_ID")
                    == "\(session.facts.osID) \(session.facts.osVersion)")
            #expect(try await said("wc -l </proc/self/mountinfo") == String(session.facts.mounts.count))
            #expect(session.facts.mounts.contains { $0.point == "/run" && $0.type == "tmpfs" })
            #expect(session.leftovers.isEmpty && session.lockHolder == nil)
            try await session.expectInStep()
        }
    }

    /// In a pid namespace of its own the n-th process has the pid n: the reader is 1, and each frame starts `head` and a
    /// subshell (a step: `head`, `timeout` and `sh`).
    @Test(arguments: [Shell.dash, .bashAsSh]) func startsTwoProcessesAFrame(shell: Shell) async throws {
        try await withSandbox(shell) { sandbox in
            let own = ["unshare", "-p", "--fork", "--mount-proc"]
            let (session, _) = try await sandbox.connect(through: own)
            #expect(try await session.answer("sh -c 'echo $$'").outputText == "4\n")
            let answers = try await session.ask(Array(repeating: HostQuestion("sh -c 'echo $$'"), count: 3), by: soon())
            #expect(answers.map(\.outputText) == ["7\n", "8\n", "9\n"])
            #expect(try await session.run("echo $$", by: soon()).outputText == "12\n")
            await session.close()
        }
    }
}
