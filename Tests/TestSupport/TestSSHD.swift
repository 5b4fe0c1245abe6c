internal import Glibc
package import Model
package import SSH
internal import Transport
package import Trust

/// A real OpenSSH server of a test's own on 127.0.0.1, with its own host keys and authorized keys. `stop` ends it, and
/// so does the last reference to it or the end of the test process.
package final class TestSSHD: Sendable {
    package let folder: TemporaryFolder
    package let port: Int
    private let process: LeashedProcess

    package static let address = Address(number: 0x7F00_0001)
    /// The login that the server admits: the one that the tests run as.
    package static let user = "root"

    private init(folder: TemporaryFolder, port: Int, process: LeashedProcess) {
        self.folder = folder
        self.port = port
        self.process = process
    }

    /// `hostKeys` are types of ssh-keygen in the order in which they are offered; `settings` are lines of sshd_config
    /// that win over those made here.
    package static func start(
        hostKeys: [String] = ["ed25519", "ecdsa"], settings: [String] = []
    ) async throws -> TestSSHD {
        guard geteuid() == 0 else { throw TestSupportError.odd("sshd and its logins need root: run the tests as root") }
        try Tool.require("/usr/sbin/sshd", from: "openssh-server")
        // Privilege separation wants it, and only the system's service makes it.
        mkdir("/run/sshd", 0o755)
        let folder = try TemporaryFolder()
        for type in hostKeys {
            try await makeKey(type, at: folder.file("host_\(type)"))
        }
        try folder.write("", to: "authorized_keys")
        let port = try freePort()
        let configuration =
            settings + hostKeys.map { "HostKey \(folder.file("host_\($0)"))" } + [
                "Port \(port)", "ListenAddress 127.0.0.1", "PidFile none", "UsePAM no", "StrictModes no",
                "PermitRootLogin prohibit-password", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
                "AuthorizedKeysFile \(folder.file("authorized_keys"))", "PrintMotd no", "UseDNS no",
                // The default of 10:30:100 drops connections when many start at once, which is what the tests do.
                "MaxStartups 500", "MaxSessions 100", "LogLevel VERBOSE",
                // bash reads ~/.bashrc for sshd; what this machine's root has there is no part of a test.
                "SetEnv HOME=\(folder.path)",
            ]
        try folder.write(configuration.joined(separator: "\n") + "\n", to: "sshd_config")
        let log = try Descriptors.memoryFile("sshd-log")
        defer { close(log) }
        let process = try LeashedProcess(
            ["/usr/sbin/sshd", "-D", "-e", "-f", folder.file("sshd_config")], log: log)
        for _ in 0..<200 {
            do {
                let socket = try await StreamSocket.connect(
                    to: address, port: port, by: Deadline("start of sshd", in: .seconds(5)))
                close(socket)
                return TestSSHD(folder: folder, port: port, process: process)
            } catch { try await Task.sleep(for: .milliseconds(20)) }
        }
        await process.stop()
        let text = String(decoding: Descriptors.tail(of: log, limit: 4096), as: UTF8.self)
        throw TestSupportError.odd("sshd did not listen within 4 s: \(text)")
    }

    package func stop() async { await process.stop() }

    // MARK: - Keys and trust

    /// Makes a key pair and admits it. The path is the private key's.
    package func makeLoginKey(
        _ type: String, named name: String, passphrase: String = "", format: String? = nil, isAdmitted: Bool = true
    ) async throws -> String {
        let path = folder.file(name)
        try await Self.makeKey(type, at: path, passphrase: passphrase, format: format)
        if isAdmitted {
            let admitted = try Descriptors.contents(of: folder.file("authorized_keys"))
            try folder.write(admitted + Descriptors.contents(of: path + ".pub"), to: "authorized_keys")
        }
        return path
    }

    /// A login with a fresh, admitted ed25519 key.
    package func makeLogin() async throws -> SSHLogin {
        let path = try await makeLoginKey("ed25519", named: "login_\(UInt32.random(in: .min ... .max))")
        return SSHLogin(user: Self.user, identity: .key(try PrivateKey.read(path).unlocked()))
    }

    package static func makeKey(
        _ type: String, at path: String, passphrase: String = "", format: String? = nil
    ) async throws {
        try Tool.require("/usr/bin/ssh-keygen", from: "openssh-client")
        try await Tool.run(
            ["/usr/bin/ssh-keygen", "-q", "-t", type, "-N", passphrase, "-C", "test", "-f", path]
                + (format.map { ["-m", $0] } ?? []))
    }

    package func hostKey(_ type: String) throws -> HostKey {
        let text = String(decoding: try Descriptors.contents(of: folder.file("host_\(type).pub")), as: UTF8.self)
        let words = text.split(separator: " ")
        guard words.count >= 2, let key = HostKey(algorithm: words[0], base64: words[1]) else {
            throw TestSupportError.odd("no public host key of type \(type)")
        }
        return key
    }

    /// The line that makes the server trusted by its address.
    package func knownHostsLine(_ type: String = "ed25519") throws -> String {
        "[127.0.0.1]:\(port) \(try hostKey(type).line)\n"
    }

    package func knownHosts(_ type: String = "ed25519") throws -> KnownHosts {
        var known = KnownHosts()
        known.add(Array(try knownHostsLine(type).utf8), from: "known_hosts")
        return known
    }

    package func endpoint(names: [String] = ["testhost"], proxy: ProxyCommand? = nil) -> SSHEndpoint {
        SSHEndpoint(address: Self.address, port: port, names: names, proxy: proxy)
    }

    /// A connection with everything as it should be.
    package func connect() async throws -> SSHConnection {
        try await SSHConnection.open(
            to: endpoint(), as: makeLogin(), trusting: knownHosts(), by: Deadline("connection", in: .seconds(20)))
    }

    // MARK: - Ports

    /// A port of 127.0.0.1 on which nobody listened a moment ago.
    package static func freePort() throws(TestSupportError) -> Int {
        let listener = try Listener(backlog: nil)
        return listener.port
    }
}
