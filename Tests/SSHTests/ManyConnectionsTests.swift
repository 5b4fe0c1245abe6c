import Glibc
import Model
import TestSupport
import Testing
import Transport
import Trust

import enum Transport.ExitStatus

@testable import SSH

extension SSHTests {
    @Suite struct ManyConnectionsTests {
        @Test(arguments: [30, 100]) func atOnce(count: Int) async throws {
            let sshd = try await TestSSHD.start()
            let login = try await sshd.makeLogin()
            let known = try sshd.knownHosts()
            let statuses = try await withThrowingTaskGroup(of: ExitStatus.self) { group in
                for number in 0..<count {
                    group.addTask {
                        let connection = try await SSHConnection.open(
                            to: sshd.endpoint(), as: login, trusting: known, by: soon("connection", 60))
                        let channel = try await connection.execute("exit \(number)", by: soon("channel", 60))
                        let status = try await collect(channel).status
                        await connection.close()
                        return status
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(statuses == Set((0..<count).map { .exited(Int32($0)) }))
            await sshd.stop()
        }

        /// Other tests run at the same time, so only descriptors that lead to this server are counted.
        @Test func nothingStaysOpen() async throws {
            let sshd = try await TestSSHD.start()
            let login = try await sshd.makeLogin()
            let known = try sshd.knownHosts()
            for round in 0..<50 {
                let connection = try await SSHConnection.open(
                    to: sshd.endpoint(), as: login, trusting: known, by: soon())
                if round == 0 { #expect(Self.descriptors(to: sshd.port) == 1) }
                // Also those that are left in the middle of something.
                if round % 3 == 1 { _ = try await connection.execute("cat", by: soon()) }
                if round % 3 == 2 { connection.shutdown() }
                await connection.close()
                await connection.close()
            }
            // One that nobody closes goes with its last reference.
            do {
                let connection = try await SSHConnection.open(
                    to: sshd.endpoint(), as: login, trusting: known, by: soon())
                _ = try await connection.execute("cat", by: soon())
            }
            // And those that failed.
            for _ in 0..<5 { _ = await failure(to: sshd.endpoint(), as: login, trusting: KnownHosts()) }
            #expect(Self.descriptors(to: sshd.port) == 0)
            await sshd.stop()
        }

        private static func descriptors(to port: Int) -> Int {
            (3..<4096).filter { descriptor in
                var peer = sockaddr_in()
                var length = socklen_t(MemoryLayout<sockaddr_in>.size)
                let status = withUnsafeMutablePointer(to: &peer) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(Int32(descriptor), $0, &length) }
                }
                return status == 0 && peer.sin_family == AF_INET && Int(UInt16(bigEndian: peer.sin_port)) == port
            }.count
        }

        @Test func noChildInheritsASession() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            // `ls` itself opens the folder.
            let seen = try await Tool.run(["/bin/ls", "-1", "/proc/self/fd"])
            #expect(seen.split(separator: "\n").count == 4)
            await connection.close()
            await sshd.stop()
        }
    }
}
