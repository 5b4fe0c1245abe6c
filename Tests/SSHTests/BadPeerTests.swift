import Glibc
import Model
import TestSupport
import Testing
import Transport
import Trust

@testable import SSH

extension SSHTests {
    /// Hosts that refuse, hang, lie or go away, each with its own error within the deadline.
    @Suite struct BadPeerTests {
        static func peer(_ port: Int) -> SSHEndpoint {
            SSHEndpoint(address: TestSSHD.address, port: port, names: ["testhost"])
        }

        /// For cases that never come to a login.
        static func login() throws -> SSHLogin {
            let identity = AgentIdentity(socketPath: "/nonexistent", publicKey: try TrustedConnectionTests.anyKey())
            return SSHLogin(user: "root", identity: .agent(identity))
        }

        @Test func refused() async throws {
            let listener = try Listener(backlog: nil)
            let endpoint = Self.peer(listener.port)
            let error = await failure(to: endpoint, as: try Self.login(), trusting: KnownHosts())
            #expect(error == .connectionRefused(peer: endpoint.label))
            withExtendedLifetime(listener) {}
        }

        /// A full accept queue drops what comes, as a security group does.
        @Test func blackHole() async throws {
            let listener = try Listener(backlog: 0)
            var held: [Int32] = []
            defer { for socket in held { close(socket) } }
            while let socket = try? await StreamSocket.connect(
                to: TestSSHD.address, port: listener.port, by: Deadline("filler", in: .milliseconds(200)))
            {
                held.append(socket)
                try #require(held.count < 16)
            }
            let endpoint = Self.peer(listener.port)
            let start = ContinuousClock.now
            let error = await failure(
                to: endpoint, as: try Self.login(), trusting: KnownHosts(), by: Deadline("connection", in: .seconds(1)))
            #expect(error == .timedOut(peer: endpoint.label, phase: .connect, after: .seconds(1)))
            #expect(error?.remedy?.contains("security group") == true)
            #expect(ContinuousClock.now - start < .seconds(5))
        }

        /// TCP to the broadcast address fails in the kernel; nothing leaves the machine.
        @Test func unreachable() async throws {
            let endpoint = SSHEndpoint(address: try #require(Address("255.255.255.255")), names: ["testhost"])
            let error = await failure(to: endpoint, as: try Self.login(), trusting: KnownHosts())
            #expect(error == .unreachable(peer: endpoint.label, reason: "Network is unreachable"))
        }

        struct Talk: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var behaviour: FakePeer.Behaviour
            var expected: @Sendable (String) -> SSHError
        }

        static let talks: [Talk] = [
            Talk(testDescription: "silent", behaviour: .sayAndHold("")) {
                .noBanner(peer: $0, .silent(.seconds(1)))
            },
            Talk(testDescription: "closes", behaviour: .sayAndClose("")) { .noBanner(peer: $0, .closed) },
            Talk(testDescription: "mail", behaviour: .sayAndHold("220 mail.example.test ESMTP\r\n")) {
                .noBanner(peer: $0, .otherProtocol("220 mail.example.test ESMTP"))
            },
            Talk(testDescription: "web", behaviour: .sayAndClose("HTTP/1.1 400 Bad Request\r\n\r\n")) {
                .noBanner(peer: $0, .otherProtocol("HTTP/1.1 400 Bad Request"))
            },
            Talk(testDescription: "no line", behaviour: .sayAndClose("\u{1}\u{2}binary")) {
                .noBanner(peer: $0, .otherProtocol("??binary"))
            },
            Talk(testDescription: "banner, then closes", behaviour: .sayAndClose("SSH-2.0-Test\r\n")) {
                .cut(peer: $0, phase: .keyExchange, reason: "the other side closed the connection")
            },
            Talk(testDescription: "banner, then silent", behaviour: .sayAndHold("SSH-2.0-Test\r\n")) {
                .timedOut(peer: $0, phase: .keyExchange, after: .seconds(1))
            },
        ]

        @Test(arguments: talks) func noSession(talk: Talk) async throws {
            let login = try Self.login()
            try await FakePeer.run(talk.behaviour) { port in
                let endpoint = Self.peer(port)
                let start = ContinuousClock.now
                let error = await failure(
                    to: endpoint, as: login, trusting: KnownHosts(), by: Deadline("connection", in: .seconds(1)))
                let expected = talk.expected(endpoint.label)
                if case .cut(_, let phase, _) = expected, case .cut(_, phase, let reason) = error {
                    // An end of file, or a reset if ours was still on the way.
                    #expect(["the other side closed the connection", "Connection reset by peer"].contains(reason))
                } else {
                    #expect(error == expected)
                }
                #expect(ContinuousClock.now - start < .seconds(5))
            }
        }

        /// A relay that ends or stalls after so many bytes of the server's. They lie in the banner, the server's
        /// algorithms, its key exchange, and the login.
        @Test(
            arguments: [(30, SSHError.Phase.keyExchange), (500, .keyExchange), (1250, .keyExchange), (1500, .login)],
            [false, true])
        func cutAt(place: (bytes: Int, phase: SSHError.Phase), isHeld: Bool) async throws {
            let sshd = try await TestSSHD.start()
            let login = try await sshd.makeLogin()
            let key = try sshd.hostKey("ed25519")
            try await FakePeer.run(.relay(toPort: sshd.port, bytes: place.bytes, thenHold: isHeld)) { port in
                let endpoint = Self.peer(port)
                let start = ContinuousClock.now
                let error = await failure(
                    to: endpoint, as: login,
                    trusting: TrustedConnectionTests.known("[testhost]:\(port) \(key.line)"),
                    by: Deadline("connection", in: .seconds(1)))
                if isHeld {
                    #expect(error == .timedOut(peer: endpoint.label, phase: place.phase, after: .seconds(1)))
                } else if case .cut(_, let phase, _) = error {
                    #expect(phase == place.phase)
                } else {
                    Issue.record("\(String(describing: error))")
                }
                #expect(ContinuousClock.now - start < .seconds(5))
            }
            await sshd.stop()
        }

        /// The server's process for this connection is killed while the command runs.
        @Test func cutInTheMiddleOfAnAnswer() async throws {
            let sshd = try await TestSSHD.start()
            let connection = try await sshd.connect()
            let channel = try await connection.execute("echo $PPID; sleep 60", by: soon())
            guard case .output(let bytes) = try await channel.receive(by: soon()) else {
                Issue.record("no pid")
                return
            }
            let pid = try #require(Int32(String(decoding: bytes.dropLast(), as: UTF8.self)))
            #expect(kill(pid, SIGKILL) == 0)
            await #expect(throws: ChannelError.cut("the other side closed the connection")) {
                try await channel.receive(by: soon())
            }
            await channel.close()
            await connection.close()
            await sshd.stop()
        }
    }
}
