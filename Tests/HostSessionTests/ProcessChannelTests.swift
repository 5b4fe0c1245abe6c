import Glibc
import Testing
import Transport

@Suite struct ProcessChannelTests {
    private static func all(_ channel: ProcessChannel) async throws -> (String, String, Transport.ExitStatus) {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        while true {
            switch try await channel.receive(by: soon()) {
            case .output(let bytes): output += bytes
            case .errorOutput(let bytes): errors += bytes
            case .end(let status):
                await channel.close()
                return (String(decoding: output, as: UTF8.self), String(decoding: errors, as: UTF8.self), status)
            }
        }
    }

    @Test(arguments: [
        ("echo a; echo b >&2; exit 3", "a\n", "b\n", Transport.ExitStatus.exited(3)),
        ("kill -9 $$", "", "", .signalled("KILL")),
        ("exec >&- 2>&-; sleep 0.2; exit 4", "", "", .exited(4)), ("cat", "in", "", .exited(0)),
    ])
    func endsWithAllItSaid(script: String, output: String, errors: String, status: Transport.ExitStatus) async throws {
        let channel = try ProcessChannel.start(["sh", "-c", script])
        if script == "cat" { try await channel.send(Array("in".utf8), by: soon()) }
        try await channel.finishSending(by: soon())
        let found = try await Self.all(channel)
        #expect(found == (output, errors, status))
    }

    /// sshd does so too: the end of the command is the end, whoever still holds its output.
    @Test func aChildThatKeepsTheOutputOpenDoesNotDelayTheEnd() async throws {
        let start = ContinuousClock.now
        let channel = try ProcessChannel.start(["sh", "-c", "sleep 6.25 & echo on"])
        let found = try await Self.all(channel)
        #expect(found == ("on\n", "", .exited(0)))
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func writingToADeadProcessIsACutAndNoSignal() async throws {
        let channel = try ProcessChannel.start(["sh", "-c", "exit 0"])
        #expect(try await channel.receive(by: soon()) == .end(.exited(0)))
        await #expect(throws: ChannelError.cut("Broken pipe")) {
            try await channel.send([UInt8](repeating: 0, count: 1 << 20), by: soon())
        }
        await channel.close()
    }

    @Test func aProcessThatDoesNotReadMakesTheSenderTimeOut() async throws {
        let channel = try ProcessChannel.start(["sleep", "30"])
        await #expect(throws: ChannelError.timedOut(waitingFor: "the sleeper", after: .milliseconds(200))) {
            try await channel.send(
                [UInt8](repeating: 0, count: 4 << 20), by: soon("the sleeper", in: .milliseconds(200)))
        }
        let pid = channel.processID
        await channel.close()
        #expect(kill(pid, 0) != 0, "a process that does not end by itself is killed and reaped")
    }

    @Test func whatCannotBeStartedIsAnError() {
        #expect(throws: TransportError.spawnFailed(command: "/no/such/program", code: ENOENT)) {
            try ProcessChannel.start(["/no/such/program"])
        }
    }
}
