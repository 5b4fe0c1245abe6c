import Glibc
import Model
import TestSupport
import Testing
import Transport
import Trust

import enum Transport.ExitStatus

@testable import SSH

extension SSHTests {
    @Suite struct ChannelTests {
        @Test(arguments: [
            ("exit 0", ExitStatus.exited(0)), ("exit 7", .exited(7)), ("exit 255", .exited(255)),
            ("kill -KILL $$", .signalled("KILL")),
            ("kill -TERM $$", .signalled("TERM")), ("nonexistent-command 2>/dev/null", .exited(127)),
        ]) func endings(command: String, status: ExitStatus) async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute(command, by: soon())
            #expect(try await collect(channel) == Collected(status: status))
            await channel.close()
            await connection.close()
            await sshd.stop()
        }

        @Test func streamsAreSeparateAndChannelsFollowEachOther() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            for round in 0..<5 {
                let channel = try await connection.execute("cat; echo round \(round) >&2; exit \(round)", by: soon())
                try await channel.send(Array("input \(round)".utf8), by: soon())
                try await channel.finishSending(by: soon())
                #expect(
                    try await collect(channel)
                        == Collected(
                            output: Array("input \(round)".utf8), errors: Array("round \(round)\n".utf8),
                            status: .exited(Int32(round))))
                await channel.close()
            }
            await connection.close()
            await sshd.stop()
        }

        /// All byte values, far beyond the window, in both directions at once: the sender waits for a window that opens only
        /// because the receiver reads.
        @Test(arguments: [0, 1, 8191, 8192, 8193, 32768, 32769, 5_000_000]) func bytesBothWays(count: Int) async throws
        {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("cat", by: soon())
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
            async let sent: Void = {
                try await channel.send(bytes, by: soon("upload"))
                try await channel.finishSending(by: soon("end of upload"))
            }()
            let answer = try await collect(channel)
            try await sent
            #expect(answer.output == bytes)
            #expect(answer.errors == [])
            #expect(answer.status == .exited(0))
            await connection.close()
            await sshd.stop()
        }

        @Test func uploadAndDownloadAreFast() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let bytes = [UInt8](repeating: 0x5A, count: 5_000_000)
            let up = try await connection.execute("wc -c", by: soon())
            let start = ContinuousClock.now
            try await up.send(bytes, by: soon())
            try await up.finishSending(by: soon())
            #expect(try await collect(up).output == Array("5000000\n".utf8))
            let middle = ContinuousClock.now
            let down = try await connection.execute("head -c 5000000 /dev/zero", by: soon())
            #expect(try await collect(down).output.count == 5_000_000)
            let end = ContinuousClock.now
            // Each takes a tenth of a second alone on the machine; other tests run at the same time.
            #expect(middle - start < .seconds(10))
            #expect(end - middle < .seconds(10))
            await connection.close()
            await sshd.stop()
        }

        @Test func endlessOutputIsReadUntilWeEndIt() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("yes; echo never >&2", by: soon())
            var count = 0
            while count < 20_000_000 {
                guard case .output(let bytes) = try await channel.receive(by: soon()) else {
                    Issue.record("yes ended")
                    return
                }
                count += bytes.count
            }
            let start = ContinuousClock.now
            await connection.close()
            #expect(ContinuousClock.now - start < .seconds(15))
            await sshd.stop()
        }

        /// Errors are not starved by an output without end.
        @Test func errorsComeThroughAFloodOfOutput() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("(sleep 0.2; echo trouble >&2) & yes", by: soon())
            var errors: [UInt8] = []
            while errors.isEmpty {
                if case .errorOutput(let bytes) = try await channel.receive(by: soon()) { errors += bytes }
            }
            #expect(errors == Array("trouble\n".utf8))
            await connection.close()
            await sshd.stop()
        }

        /// Keys are exchanged anew in the middle of the transfer.
        @Test func rekeying() async throws {
            let sshd = try await TestSSHD.start(settings: ["RekeyLimit 1M"])
            let connection = try await sshd.connect()
            let channel = try await connection.execute("wc -c; head -c 3000000 /dev/zero", by: soon())
            try await channel.send([UInt8](repeating: 1, count: 3_000_000), by: soon())
            try await channel.finishSending(by: soon())
            let answer = try await collect(channel)
            #expect(answer.output.count == 3_000_000 + "3000000\n".utf8.count)
            await connection.close()
            await sshd.stop()
        }

        @Test func deadlineOnASilentCommand() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("sleep 60", by: soon())
            let start = ContinuousClock.now
            await #expect(throws: ChannelError.timedOut(waitingFor: "an answer", after: .milliseconds(300))) {
                try await channel.receive(by: Deadline("an answer", in: .milliseconds(300)))
            }
            let waited = ContinuousClock.now - start
            #expect(waited >= .milliseconds(300) && waited < .seconds(30))
            await connection.close()
            #expect(ContinuousClock.now - start < .seconds(40))
            await sshd.stop()
        }

        /// The command does not read: first the window closes, then the deadline passes.
        @Test func deadlineOnACommandThatDoesNotRead() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("sleep 60", by: soon())
            await #expect(throws: ChannelError.timedOut(waitingFor: "upload", after: .milliseconds(500))) {
                try await channel.send(
                    [UInt8](repeating: 0, count: 8_000_000), by: Deadline("upload", in: .milliseconds(500)))
            }
            await connection.close()
            await sshd.stop()
        }

        @Test func shutdownFromElsewhereEndsAWaitAtOnce() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("sleep 60", by: soon())
            async let ended: ContinuousClock.Instant = {
                await #expect(throws: ChannelError.wasShutDown) { try await channel.receive(by: soon()) }
                return ContinuousClock.now
            }()
            try await Task.sleep(for: .milliseconds(200))
            let start = ContinuousClock.now
            channel.shutdown()
            #expect(await ended - start < .seconds(15))
            await #expect(throws: ChannelError.wasShutDown) { try await channel.send([1], by: soon()) }
            await channel.close()
            await connection.close()
            connection.shutdown()
            await #expect(throws: ChannelError.wasShutDown) { try await channel.receive(by: soon()) }
            await sshd.stop()
        }

        @Test func cancellationEndsAWaitAtOnce() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("sleep 60", by: soon())
            let start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await #expect(throws: ChannelError.wasShutDown) { try await channel.receive(by: soon()) }
                }
                try? await Task.sleep(for: .milliseconds(100))
                group.cancelAll()
            }
            #expect(ContinuousClock.now - start < .seconds(15))
            await connection.close()
            await sshd.stop()
        }

        @Test func channelIsRefused() async throws {
            let sshd = try await TestSSHD.start(settings: ["MaxSessions 0"])
            let connection = try await sshd.connect()
            await #expect(
                performing: { try await connection.execute("true", by: soon()) },
                throws: { error in
                    guard case .channelRefused(let peer, _) = error as? SSHError else { return false }
                    return peer == sshd.endpoint().label
                })
            await connection.close()
            await sshd.stop()
        }

        /// Several channels on one connection at once; the openings wait for each other.
        @Test func channelsSideBySide() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask {
                        let channel = try await connection.execute(
                            "head -c 300000 /dev/zero; exit \(number)", by: soon())
                        let answer = try await collect(channel)
                        #expect(answer.output.count == 300_000)
                        #expect(answer.status == .exited(Int32(number)))
                        await channel.close()
                    }
                }
                try await group.waitForAll()
            }
            await connection.close()
            await sshd.stop()
        }
    }
}
