import Glibc
import Testing

import enum Transport.ExitStatus

@testable import Transport

@Suite struct SpawnTests {
    private static func soon() -> Deadline { Deadline("test", in: .seconds(20)) }

    /// What a script says on standard output and error, and how it ends.
    private static func run(
        _ argv: [String], environment: [String]? = nil, stdin: Int32? = nil
    ) async throws -> (text: String, status: ExitStatus) {
        let output = try Descriptors.memoryFile("output")
        defer { close(output) }
        let process = try SpawnedProcess.spawn(
            argv, environment: environment, stdin: stdin, stdout: output, stderr: output)
        let status = try await process.wait(by: soon())
        #expect(try await process.wait(by: soon()) == status)
        return (String(decoding: Descriptors.tail(of: output, limit: 65536), as: UTF8.self), status)
    }

    @Test(arguments: [
        ("exit 0", ExitStatus.exited(0)), ("exit 3", .exited(3)), ("kill -TERM $$", .signalled("TERM")),
        ("kill -KILL $$", .signalled("KILL")), ("kill -USR1 $$", .signalled("USR1")),
    ]) func endings(script: String, status: ExitStatus) async throws {
        #expect(try await Self.run(["sh", "-c", script]).status == status)
    }

    @Test func arrivesAsGiven() async throws {
        let (text, status) = try await Self.run(
            ["/bin/sh", "-c", #"printf '%s|' "$0" "$@"; echo "$A" >&2; cat"#, "", "two words", "é'\"$"],
            environment: ["A=b c"])
        #expect(text == "|two words|é'\"$|b c\n")
        #expect(status == .exited(0))
    }

    @Test func commandThatIsNotThere() {
        #expect(throws: TransportError.spawnFailed(command: "/nonexistent/command", code: ENOENT)) {
            try SpawnedProcess.spawn(["/nonexistent/command"])
        }
    }

    /// Also those that some library opened without close-on-exec.
    @Test func inheritsThreeDescriptors() async throws {
        let careless = open("/dev/null", O_RDONLY)
        defer { close(careless) }
        try #require(careless > 2)
        // `ls` itself opens the folder.
        #expect(try await Self.run(["ls", "/proc/self/fd"]).text == "0\n1\n2\n3\n")
    }

    /// An ignored or blocked signal would be inherited, and a pipeline that relies on SIGPIPE would not end.
    @Test func signalsAreAsUsual() async throws {
        let before = signal(SIGPIPE, SIG_IGN)
        defer { signal(SIGPIPE, before) }
        let (text, status) = try await Self.run(["grep", "-E", "SigIgn|SigBlk", "/proc/self/status"])
        #expect(status == .exited(0))
        let masks = text.split(separator: "\n").compactMap { line in
            line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) }
        }
        try #require(masks.count == 2)
        // The signals 32 and 33 are glibc's own, which posix_spawn(3) leaves ignored.
        let usual = ~(UInt64(3) << 31)
        #expect(masks.allSatisfy { $0 & usual == 0 })
    }

    @Test func waitEndsAtItsDeadline() async throws {
        let process = try SpawnedProcess.spawn(["sleep", "60"])
        await #expect(throws: TransportError.timedOut(waitingFor: "a nap", after: .milliseconds(100))) {
            try await process.wait(by: Deadline("a nap", in: .milliseconds(100)))
        }
        #expect(process.reapIfEnded() == nil)
        process.kill(SIGTERM)
        #expect(try await process.wait(by: Self.soon()) == .signalled("TERM"))
        // The pid is free now, and may be another's: this must not reach it.
        process.kill(SIGKILL)
        #expect(process.reapIfEnded() == .signalled("TERM"))
    }

    @Test(arguments: [true, false]) func childrenEndWithTheirSession(byItself: Bool) async throws {
        let output = try Descriptors.memoryFile("output")
        defer { close(output) }
        let process = try SpawnedProcess.spawn(
            ["sh", "-c", "(trap '' TERM HUP; exec sleep 60) & echo $!; \(byItself ? "exit" : "wait")"], stdout: output,
            newSession: true, endsGroup: true)
        var child: Int32?
        for _ in 0..<500 where child == nil {
            let text = String(decoding: Descriptors.tail(of: output, limit: 64), as: UTF8.self)
            if text.hasSuffix("\n") { child = Int32(text.dropLast()) }
            try await Task.sleep(for: .milliseconds(10))
        }
        let pid = try #require(child)
        if !byItself { process.kill(SIGTERM, group: true) }
        _ = try await process.wait(by: Self.soon())
        for _ in 0..<500 where isRunning(pid) { try await Task.sleep(for: .milliseconds(10)) }
        #expect(!isRunning(pid))
    }

    /// A killed orphan waits as a zombie until init reaps it.
    private func isRunning(_ pid: Int32) -> Bool {
        guard let status = try? Descriptors.contents(of: "/proc/\(pid)/stat") else { return false }
        return !String(decoding: status, as: UTF8.self).contains(") Z ")
    }
}
