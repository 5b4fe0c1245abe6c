import Glibc
import HostSession
import Model
import RemoteProtocol
import Testing
import Transport

/// The program that ends a controller at a frame boundary is itself only as good as its counting.
@Suite(.serialized) struct FrameRelayTests {
    /// Tests run from the package's folder, or the file is found beside this one.
    private static let relay: String = {
        let parts = #filePath.split(separator: "/").dropLast(2)
        return "/" + parts.joined(separator: "/") + "/Fleet/frame_relay.py"
    }()

    private static func work(_ session: HostSession) async throws(SessionError) {
        _ = try await session.ask([HostQuestion("echo a; echo b >&2"), HostQuestion("cat /run/step")], by: soon())
        // An input full of what could be mistaken for a boundary, and longer than any buffer.
        _ = try await session.run("cat >/run/step", input: pattern(300_000) + Array("\nQ 1 1 1\n".utf8), by: soon())
        _ = try await session.takeLock(.of("r"), by: soon())
        _ = try await session.supervise(
            "echo step", as: SupervisedID(run: "r", number: 1), summary: "s", limit: .seconds(9))
    }

    @Test func countsEveryBoundaryAndChangesNothing() async throws {
        try await withSandbox { sandbox in
            let (session, _) = try await sandbox.connect(through: [
                "python3", Self.relay, "--count", "/run/count", "--",
            ])
            try await Self.work(session)
            #expect(try await session.answer("tail -c 9 /run/step").outputText == "\nQ 1 1 1\n")
            await session.close()
            let (next, _) = try await sandbox.connect()
            let lines = try await next.answer("cat /run/count").outputText.split(separator: "\n").map(String.init)
            // The last frame but one is the question above, the last collects the supervised step.
            let kinds = ["Q", "S", "E", "U", "Q", "Q"]
            let frames = kinds.enumerated().flatMap { ["\(2 * $0 + 2) frame \($1)", "\(2 * $0 + 3) answer"] }
            #expect(lines == ["0 start", "1 greeting"] + frames)
            await next.close()
        }
    }

    /// A shell stands for the controller: it is the relay's parent. What it was killed after is done on the host, what was
    /// not sent is not.
    @Test(arguments: 0...5) func killsTheControllerAtTheBoundary(number: Int) async throws {
        try await withSandbox { sandbox in
            let channel = try ProcessChannel.start(
                sandbox.prefix + [
                    "sh", "-c", "\"$@\"; echo survived >/run/survived", "sh", "python3", Self.relay, "--kill-after",
                    String(number), "--pid-file", "/run/pid", "--",
                ]
                    + RemoteReader.arguments)
            var done = 0
            do throws(SessionError) {
                let session = try await HostSession.open(over: channel, by: soon())
                done = 1
                do throws(SessionError) {
                    for step in 1...2 {
                        _ = try await session.run("sleep 0.2; echo \(step) >>/run/steps", by: soon())
                        done += 2
                    }
                } catch {}
                await session.close()
            } catch {}
            #expect(done <= number && done >= number - 1)
            let (next, _) = try await sandbox.connect()
            let gone: ShellText = "read p </run/pid && ! [ -d /proc/$p ]"
            #expect(try await eventually { try await next.answer(gone).status == 0 })
            #expect(try await next.answer("cat /run/survived 2>/dev/null").output.isEmpty)
            #expect(
                try await next.answer("cat /run/steps 2>/dev/null").outputText
                    == ["1\n", "2\n"].prefix(number / 2).joined())
            await next.close()
        }
    }
}
