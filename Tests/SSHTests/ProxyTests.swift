import Glibc
import Model
import TestSupport
import Testing
import Transport
import Trust

@testable import SSH

extension SSHTests {
    @Suite struct ProxyTests {
        /// bash's /dev/tcp makes a relay that every machine with these tests has.
        static let relay = "exec 3<>/dev/tcp/$1/$2; cat <&3 & cat >&3; kill $!"

        @Test func expansion() throws {
            let proxy = try #require(ProxyCommand("run %n %h:%p as %r, 100%%"))
            let endpoint = SSHEndpoint(
                address: try #require(Address("10.1.2.3")), port: 2222, names: ["a.example.test", "a"], proxy: proxy)
            #expect(
                proxy.expanded(for: endpoint, user: "ec2 user")
                    == "run a.example.test 10.1.2.3:2222 as 'ec2 user', 100%")
            #expect(ProxyCommand("%x") == nil)
            #expect(ProxyCommand("50%") == nil)
        }

        @Test func sessionThroughACommand() async throws {
            let sshd = try await TestSSHD.start()
            let script = try sshd.folder.write(Self.relay, to: "relay")
            let relay: ProxyCommand = try #require(ProxyCommand("/bin/bash \(script) %h %p"))
            let connection = try await SSHConnection.open(
                to: sshd.endpoint(proxy: relay), as: sshd.makeLogin(),
                trusting: try sshd.knownHosts(), by: soon())
            let channel = try await connection.execute("cat", by: soon())
            let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
            async let sent: Void = {
                try await channel.send(bytes, by: soon())
                try await channel.finishSending(by: soon())
            }()
            #expect(try await collect(channel).output == bytes)
            try await sent
            await connection.close()
            await sshd.stop()
        }

        @Test func failingCommandSaysWhy() async throws {
            let proxy = try #require(ProxyCommand("echo 'no route through %n' >&2; exit 3"))
            let endpoint = SSHEndpoint(address: TestSSHD.address, names: ["testhost"], proxy: proxy)
            let error = await failure(to: endpoint, as: try BadPeerTests.login(), trusting: KnownHosts())
            #expect(
                error
                    == .proxyFailed(
                        peer: endpoint.label, command: "echo 'no route through testhost' >&2; exit 3",
                        reason: "exit status 3",
                        output: "no route through testhost"))
        }

        @Test func commandThatStaysIsEndedWithItsChildren() async throws {
            let folder = try TemporaryFolder()
            let pidFile = folder.file("pid")
            let proxy = try #require(ProxyCommand("(trap '' TERM; exec sleep 60) & echo $! > \(pidFile); wait"))
            let endpoint = SSHEndpoint(address: TestSSHD.address, names: ["testhost"], proxy: proxy)
            let error = await failure(
                to: endpoint, as: try BadPeerTests.login(), trusting: KnownHosts(),
                by: Deadline("connection", in: .milliseconds(500)))
            #expect(error == .noBanner(peer: endpoint.label, .silent(.milliseconds(500))))
            let pid = try #require(
                Int32(String(decoding: try Descriptors.contents(of: pidFile), as: UTF8.self).dropLast()))
            // An ended child of an ended shell is gone, or waits for init to reap it.
            for _ in 0..<100 where isRunning(pid) { try await Task.sleep(for: .milliseconds(20)) }
            #expect(!isRunning(pid))
        }

        private func isRunning(_ pid: Int32) -> Bool {
            guard let status = try? Descriptors.contents(of: "/proc/\(pid)/stat") else { return false }
            return !String(decoding: status, as: UTF8.self).contains(") Z ")
        }
    }
}
