import Glibc
import HostSession
import Model
import RemoteProtocol
import Testing
import Transport

@Suite(.serialized) struct FailureTests {
    @Test(arguments: Shell.allCases) func statusesOfStepsAreResults(shell: Shell) async throws {
        try await withSession(shell) { session in
            #expect(try await session.run("exit 7", by: soon()).status == 7)
            #expect(try await session.run("false", by: soon()).status == 1)
            #expect(try await session.run("kill -9 $$", by: soon()).status == 137)
            #expect(try await session.run("sh -c 'kill -15 $$'", by: soon()).status == 143)
            let broken = try await session.run("echo never; if", by: soon())
            #expect(broken.status == 2 && broken.errorText.lowercased().contains("syntax error"))
            try await session.expectInStep()
        }
    }

    /// One bad question costs itself a proper answer and nobody else's.
    @Test(arguments: Shell.allCases) func aBadQuestionLeavesTheOthersTheirAnswers(shell: Shell) async throws {
        try await withSession(shell) { session in
            let scripts: [ShellText] = [
                "echo 0", "echo 1; exit 5", "", "# only a comment", "cat <<E\n4\nE", "if", "echo 6 \\", "( exit 7 )",
                "echo 8; exit",
            ]
            let answers = try await session.ask(scripts.map { HostQuestion($0) }, by: soon())
            try #require(answers.count == scripts.count)
            #expect(answers.map(\.outputText) == ["0\n", "1\n", "", "", "4\n", "", "6\n", "", "8\n"])
            #expect(answers.map(\.status) == [0, 5, 0, 0, 0, 2, 0, 7, 0])
            #expect(answers[5].errorText.lowercased().contains("syntax error"))
            try await session.expectInStep()
        }
    }

    @Test func killingTheReaderIsACut() async throws {
        try await withSession { session in
            let error = try await sessionError { () throws(SessionError) in
                try await session.ask([HostQuestion("kill -9 $$")], by: soon())
            }
            #expect(error == .cut(during: "the observation", reason: "the remote shell ended with signal KILL"))
            let later = try await sessionError { () throws(SessionError) in try await session.run("true", by: soon()) }
            #expect(later == error)
        }
    }

    @Test(arguments: Shell.allCases) func aStepWithoutEndIsEndedOnTheHost(shell: Shell) async throws {
        try await withSession(shell) { session in
            let sleeping = try await session.run("sleep 71 & sleep 72", limit: .seconds(1), by: soon())
            #expect(sleeping.status == 137)
            let shouting = try await session.run("yes", limit: .seconds(1), by: soon())
            #expect(shouting.status == 137)
            #expect(shouting.output.count > 128 << 10 && shouting.output.count < 129 << 10)
            try await session.expectInStep()
        }
    }

    @Test(arguments: Shell.allCases) func aStepThatOutlivesTheDeadlineEndsTheSessionAndThenItself(shell: Shell)
        async throws
    {
        try await withSession(shell) { session in
            let argument = "7\(Shell.allCases.firstIndex(of: shell) ?? 9).4321"
            let start = ContinuousClock.now
            let error = try await sessionError { () throws(SessionError) in
                try await session.run(
                    "sleep \(word: argument)", by: Deadline("the step", in: .milliseconds(800)))
            }
            #expect(error == .timedOut(waitingFor: "the step", after: .milliseconds(800)))
            #expect(ContinuousClock.now - start < .seconds(30))
            #expect(try await eventually { Processes.withArgument(argument).isEmpty })
        }
    }

    @Test func anAnswerWithoutEndIsCut() async throws {
        try await withSession { session in
            let error = try await sessionError { () throws(SessionError) in
                try await session.ask([HostQuestion("yes")], by: soon())
            }
            #expect(error == .outputTooLong(during: "the observation", limit: HostSession.answerLimit))
        }
    }

    @Test func outputIsShownAsItComes() async throws {
        try await withSession { session in
            var parts: [StreamPart] = []
            let answer = try await session.run("echo a; sleep 0.3; echo b >&2; sleep 0.3; echo c", by: soon()) {
                parts.append($0)
            }
            #expect(answer == HostAnswer(output: Array("a\nc\n".utf8), errors: Array("b\n".utf8)))
            #expect(parts == [.output(Array("a\n".utf8)), .errorOutput(Array("b\n".utf8)), .output(Array("c\n".utf8))])
        }
    }

    @Test func framesOfManyTasksWaitForOneAnother() async throws {
        try await withSession { session in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<20 {
                    group.addTask { try await session.answer("echo \(index)").outputText == "\(index)\n" }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test func shutdownEndsAWaitAtOnce() async throws {
        try await withSession { session in
            let start = ContinuousClock.now
            async let error = sessionError { () throws(SessionError) in try await session.run("sleep 30", by: soon()) }
            try await Task.sleep(for: .milliseconds(200))
            session.shutdown()
            let ended = try await error
            #expect(ended == .shutDown)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    /// The exits that come before a greeting; the scripts stand for the login shell with its sudo.
    @Test(arguments: [
        (
            "echo banner; echo 'sudo: a password is required' >&2; exit 1",
            SessionError.sudoRefused("sudo: a password is required")
        ),
        ("echo 'sudo: Passwort notwendig' >&2; exit 1", .sudoRefused("sudo: Passwort notwendig")),
        ("echo 'sh: 1: exec: sudo: not found' >&2; exit 127", .noShell("sh: 1: exec: sudo: not found", .exited(127))),
        ("echo 'This account is not available.'; exit 1", .noShell("", .exited(1))),
        ("kill -9 $$", .cut(during: "the greeting", reason: "the remote shell ended with signal KILL")),
        (
            "printf '\\ncso-provision-reader 1 cso:x\\n'; exit 0",
            .cut(during: "the greeting", reason: "the remote shell ended with exit status 0")
        ),
    ])
    func anEndBeforeTheGreetingIsToldApart(script: String, expected: SessionError) async throws {
        let error = try await sessionError { () throws(SessionError) in
            try await HostSession.open(localPrefix: ["sh", "-c", script], by: soon())
        }
        #expect(error == expected)
        #expect(error.remedy != nil)
    }

    @Test func silenceInsteadOfAGreetingTimesOut() async throws {
        let error = try await sessionError { () throws(SessionError) in
            try await HostSession.open(
                localPrefix: ["sh", "-c", "exec sleep 30"], by: Deadline("the greeting", in: .milliseconds(300)))
        }
        #expect(error == .timedOut(waitingFor: "the greeting", after: .milliseconds(300)))
    }

    /// A body that a lost connection cut short: neither half a script nor a step with half its input is run.
    @Test(
        arguments: Shell.allCases,
        [
            "Q 40 0 0\necho ran >/run/ran; #", "S 16 9 5\necho ran >/run/ran1234",
            "S 18 4 5\necho ran >/run/ran\n#1234", "S 18 4 5\necho ran >/run/ran\n#1234\n\n",
        ])
    func whatWasCutShortIsNotRun(shell: Shell, stream: String) async throws {
        try await withSandbox(shell) { sandbox in
            let channel = try ProcessChannel.start(sandbox.prefix + shell.reader + RemoteReader.arguments.dropFirst())
            try await channel.send(Array(stream.utf8), by: soon())
            try await channel.finishSending(by: soon())
            while true {
                if case .end(let status) = try await channel.receive(by: soon()) {
                    #expect(status == .exited(74))
                    break
                }
            }
            await channel.close()
            let (session, _) = try await sandbox.connect()
            #expect(try await session.answer("ls /run/ran /var/lib/cso-provision/payload* 2>/dev/null").output.isEmpty)
            await session.close()
        }
    }
}
