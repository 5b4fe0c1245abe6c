import Glibc
import Model
import TestSupport
import Testing
import Transport
import Trust

@testable import SSH

extension SSHTests {
    @Suite struct LoginTests {
        @Test(
            arguments: [("ed25519", nil), ("ecdsa", nil), ("ecdsa", "PEM"), ("ecdsa", "PKCS8")] as [(String, String?)])
        func keyFile(type: String, format: String?) async throws {
            let sshd = try await TestSSHD.start()
            let path = try await sshd.makeLoginKey(type, named: "key", format: format)
            let key = try PrivateKey.read(path)
            #expect(!key.isEncrypted)
            let login = SSHLogin(user: TestSSHD.user, identity: .key(try key.unlocked()))
            let connection = try await SSHConnection.open(
                to: sshd.endpoint(), as: login, trusting: try sshd.knownHosts(), by: soon())
            #expect(await connection.hostKey == (try sshd.hostKey("ed25519")))
            #expect(
                await connection.algorithms
                    == SSHAlgorithms(
                        keyExchange: "curve25519-sha256", hostKey: "ssh-ed25519", cipher: "aes128-ctr",
                        mac: "hmac-sha2-256"
                    ))
            await connection.close()
            await sshd.stop()
        }

        @Test(
            arguments: [("ed25519", nil), ("ecdsa", nil), ("ecdsa", "PEM"), ("ecdsa", "PKCS8")] as [(String, String?)])
        func encryptedKey(type: String, format: String?) async throws {
            let sshd = try await TestSSHD.start()
            let path = try await sshd.makeLoginKey(type, named: "key", passphrase: "open sesame é", format: format)
            let key = try PrivateKey.read(path)
            #expect(key.isEncrypted)
            #expect(throws: SSHError.passphraseNeeded(path: path)) { try key.unlocked() }
            #expect(throws: SSHError.passphraseNeeded(path: path)) { try key.unlocked(with: Secret("")) }
            #expect(throws: SSHError.passphraseWrong(path: path)) { try key.unlocked(with: Secret("open sesame")) }
            let login = SSHLogin(user: TestSSHD.user, identity: .key(try key.unlocked(with: Secret("open sesame é"))))
            let connection = try await SSHConnection.open(
                to: sshd.endpoint(), as: login, trusting: try sshd.knownHosts(), by: soon())
            await connection.close()
            await sshd.stop()
        }

        @Test func keysThatAreNone() throws {
            let folder = try TemporaryFolder()
            let missing = folder.file("missing")
            #expect(throws: SSHError.keyUnusable(path: missing, reason: "open failed: No such file or directory")) {
                try PrivateKey.read(missing)
            }
            let text = try folder.write("hello\n", to: "text")
            #expect(throws: SSHError.keyUnusable(path: text, reason: "it holds no private key")) {
                try PrivateKey.read(text)
            }
            let broken = try folder.write(
                "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", to: "broken")
            #expect(throws: SSHError.self) { try PrivateKey.read(broken) }
            let empty = try folder.write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", to: "empty")
            #expect(throws: SSHError.keyUnusable(path: empty, reason: "libssh2 cannot read it")) {
                try PrivateKey.read(empty).unlocked()
            }
        }

        @Test func refusedKey() async throws {
            let sshd = try await TestSSHD.start()
            let path = try await sshd.makeLoginKey("ed25519", named: "stranger", isAdmitted: false)
            let key = try PrivateKey.read(path).unlocked()
            let login = SSHLogin(user: TestSSHD.user, identity: .key(key))
            let error = await failure(to: sshd.endpoint(), as: login, trusting: try sshd.knownHosts())
            #expect(error == .loginRefused(peer: sshd.endpoint().label, user: TestSSHD.user, key: key.publicKey))
            #expect(error?.remedy?.contains("authorized_keys") == true)
            #expect(error?.category == .unreachable)
            await sshd.stop()
        }

        /// The key is admitted; what sshd refuses is the signature with SHA-1.
        @Test func refusedRSAKeyHasTheHint() async throws {
            let sshd = try await TestSSHD.start()
            let path = try await sshd.makeLoginKey("rsa", named: "rsa")
            let login = SSHLogin(user: TestSSHD.user, identity: .key(try PrivateKey.read(path).unlocked()))
            let error = await failure(to: sshd.endpoint(), as: login, trusting: try sshd.knownHosts())
            guard case .loginRefused = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.remedy?.contains("SHA-1") == true)
            await sshd.stop()
        }

        @Test func agentSignsWithTheNamedKeyOnly() async throws {
            let sshd = try await TestSSHD.start()
            try await Agent.run(in: sshd.folder) { agent in
                let admitted = try await sshd.makeLoginKey("ed25519", named: "admitted")
                let other = try await sshd.makeLoginKey("ecdsa", named: "other", isAdmitted: false)
                let absent = try await sshd.makeLoginKey("ed25519", named: "absent")
                try await agent.add(other)
                try await agent.add(admitted)
                func login(_ path: String) throws -> SSHLogin {
                    let identity = try AgentIdentity.read(publicKeyFile: path + ".pub", socketPath: agent.socketPath)
                    return SSHLogin(user: TestSSHD.user, identity: .agent(identity))
                }
                let connection = try await SSHConnection.open(
                    to: sshd.endpoint(), as: login(admitted), trusting: try sshd.knownHosts(), by: soon())
                let channel = try await connection.execute("echo yes", by: soon())
                #expect(try await collect(channel).output == Array("yes\n".utf8))
                await connection.close()

                let refused = await failure(to: sshd.endpoint(), as: try login(other), trusting: try sshd.knownHosts())
                guard case .loginRefused = refused else {
                    Issue.record("another key of the agent was used: \(String(describing: refused))")
                    return
                }
                let failed = await failure(to: sshd.endpoint(), as: try login(absent), trusting: try sshd.knownHosts())
                guard case .agentFailed(_, let reason) = failed else {
                    Issue.record("\(String(describing: failed))")
                    return
                }
                #expect(reason.hasPrefix("it does not hold the key ED25519 SHA256:"))
            }
            await sshd.stop()
        }

        @Test func silentAgentEndsAtTheDeadline() async throws {
            let sshd = try await TestSSHD.start()
            let path = try await sshd.makeLoginKey("ed25519", named: "key")
            // A bound and listening socket that nobody reads.
            let silent = sshd.folder.file("silent")
            let listener = try UnixListener(silent)
            let identity = try AgentIdentity.read(publicKeyFile: path + ".pub", socketPath: silent)
            let start = ContinuousClock.now
            let error = await failure(
                to: sshd.endpoint(), as: SSHLogin(user: TestSSHD.user, identity: .agent(identity)),
                trusting: try sshd.knownHosts(), by: Deadline("connection", in: .seconds(1)))
            #expect(error == .agentFailed(peer: sshd.endpoint().label, reason: "no answer within 1 s"))
            #expect(ContinuousClock.now - start < .seconds(5))
            withExtendedLifetime(listener) {}
            await sshd.stop()
        }
    }
}
