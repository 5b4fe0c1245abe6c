import Glibc
import Model
import TestSupport
import Testing
import Transport
import Trust

@testable import SSH

extension SSHTests {
    /// The trust rules over a real handshake. What the files mean is TrustTests' matter.
    @Suite struct TrustedConnectionTests {
        static func known(_ text: String) -> KnownHosts {
            var known = KnownHosts()
            known.add(Array(text.utf8), from: "known_hosts")
            return known
        }

        @Test func hashedNameWithPort() async throws {
            let sshd = try await TestSSHD.start()
            let path = try sshd.folder.write(
                "[testhost.example.test]:\(sshd.port) \(try sshd.hostKey("ed25519").line)\n", to: "known_hosts")
            try await Tool.run(["/usr/bin/ssh-keygen", "-q", "-H", "-f", path])
            let text = String(decoding: try Descriptors.contents(of: path), as: UTF8.self)
            try #require(text.hasPrefix("|1|"))
            let connection = try await SSHConnection.open(
                to: sshd.endpoint(names: ["TestHost.example.test"]), as: sshd.makeLogin(),
                trusting: KnownHosts.read([path]),
                by: soon())
            await connection.close()
            await sshd.stop()
        }

        /// sshd offers ed25519 and prefers it; a client that did not say that it knows ECDSA would be offered a stranger.
        @Test(arguments: ["ecdsa", "ed25519"]) func knownTypeIsAskedFor(type: String) async throws {
            let sshd = try await TestSSHD.start(hostKeys: ["ed25519", "ecdsa", "rsa"])
            let connection = try await SSHConnection.open(
                to: sshd.endpoint(), as: sshd.makeLogin(), trusting: try sshd.knownHosts(type), by: soon())
            #expect(await connection.hostKey == (try sshd.hostKey(type)))
            await connection.close()
            await sshd.stop()
        }

        @Test func unknownKeyShowsItsFingerprint() async throws {
            let sshd = try await TestSSHD.start()
            let error = await failure(to: sshd.endpoint(), as: try await sshd.makeLogin(), trusting: KnownHosts())
            let key = try sshd.hostKey("ed25519")
            #expect(error == .hostKeyUnknown(peer: sshd.endpoint().label, offered: key))
            #expect(error?.description.contains(key.fingerprint) == true)
            #expect(error?.remedy?.contains(key.line) == true)
            #expect(error?.category == .untrusted)
            await sshd.stop()
        }

        @Test func changedKeyShowsBothFingerprints() async throws {
            let sshd = try await TestSSHD.start()
            let other = try await TestSSHD.start()
            let known = try other.hostKey("ed25519")
            let error = await failure(
                to: sshd.endpoint(), as: try await sshd.makeLogin(),
                trusting: Self.known("[testhost]:\(sshd.port) \(known.line)"))
            guard case .hostKeyChanged(_, let offered, let keys) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(offered == (try sshd.hostKey("ed25519")))
            #expect(keys.map(\.key) == [known])
            #expect(error?.description.contains(offered.fingerprint) == true)
            #expect(error?.description.contains(known.fingerprint) == true)
            #expect(error?.remedy?.contains("known_hosts:1") == true)
            await other.stop()
            await sshd.stop()
        }

        @Test func rsaOnlyKnownHasItsOwnRemedy() async throws {
            let sshd = try await TestSSHD.start(hostKeys: ["ed25519", "rsa"])
            let error = await failure(
                to: sshd.endpoint(), as: try await sshd.makeLogin(), trusting: try sshd.knownHosts("rsa"))
            guard case .hostKeyChanged = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.remedy?.contains("only an RSA key is known") == true)
            await sshd.stop()
        }

        /// Files that cannot be relied on end it before anything is asked of the network: nobody listens here.
        @Test func unusableFilesEndItBeforeTheNetwork() async throws {
            let login = SSHLogin(
                user: "root", identity: .agent(AgentIdentity(socketPath: "", publicKey: try Self.anyKey())))
            let port = try TestSSHD.freePort()
            let endpoint = SSHEndpoint(address: TestSSHD.address, port: port, names: ["testhost"])
            let marked = await failure(
                to: endpoint, as: login, trusting: Self.known("@cert-authority [testhost]:* \(try Self.anyKey().line)"))
            #expect(
                marked
                    == .knownHostsUnusable(
                        peer: endpoint.label,
                        .marked(marker: "@cert-authority", TrustPlace(file: "known_hosts", line: 1))))
            #expect(marked?.category == .untrusted)
            let unreadable = await failure(
                to: endpoint, as: login, trusting: KnownHosts.read(["/nonexistent/known_hosts"]))
            #expect(
                unreadable
                    == .knownHostsUnusable(
                        peer: endpoint.label,
                        .unreadable(file: "/nonexistent/known_hosts", reason: "No such file or directory")))
        }

        static func anyKey() throws -> HostKey {
            try #require(
                HostKey(
                    algorithm: "ssh-ed25519",
                    base64: "AAAAC3NzaC1lZDI1NTE5AAAAIORUnAIkr8HIGa1Sx6VBaOIN2USVyt8eI6WJFK5jLzCw"))
        }
    }
}
