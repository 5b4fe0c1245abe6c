import Glibc
import Testing
import Transport

/// BIND in the foreground, with zones of its own on a free port of 127.0.0.1, for as long as the scope lasts.
final class NameServer: Sendable {
    @TaskLocal static var current: NameServer?

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let port: UInt16
    private let folder: String
    private let process: SpawnedProcess
    /// The wrapper's standard input: closed, also by our death, it ends the server.
    private let lifeline: Int32

    static let zones = [
        // Mixed case on purpose; h01 to h40 make an answer that does not fit into one UDP datagram of 512 bytes.
        "prod-ha.cso.ss": """
        backend01 IN A 10.1.128.11
        BackEnd02 IN A 10.1.192.12
        keystone01 IN A 10.1.128.21
        twin IN A 10.1.128.11
        public IN A 203.0.113.5
        nowhere IN A 10.1.64.5
        frontend01 IN CNAME lb
        lb IN A 10.1.128.31
        dangling IN CNAME gone
        outside IN CNAME host.example.org.
        mysql IN CNAME prod.abc.eu-west-2.rds.amazonaws.com:3306.
        text IN TXT "no address here"
        two IN A 10.1.128.41
        two IN A 10.1.128.42
        """
            + (1...40).map { "\nmany IN A 10.1.128.\($0 + 100)" }.joined(),
        "empty.cso.ss": "",
    ]

    private init(port: UInt16, folder: String, process: SpawnedProcess, lifeline: Int32) {
        self.port = port
        self.folder = folder
        self.process = process
        self.lifeline = lifeline
    }

    static func start() async throws -> NameServer {
        guard let named = ["/usr/sbin/named", "/usr/bin/named"].first(where: isExecutable) else {
            throw Failure(description: "named is not installed; apt-get install bind9")
        }
        var template = Array("/tmp/zone-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "mkdtemp: \(errno)") }
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        let port = try freePort()
        for (zone, records) in zones {
            let head =
                "$TTL 300\n@ IN SOA ns.\(zone). hostmaster.\(zone). 1 7200 900 1209600 900\n@ IN NS ns.\(zone).\n"
            write(head + "ns IN A 10.1.0.2\n" + records + "\n", to: "\(folder)/\(zone)")
        }
        write("this is no zone file\n", to: "\(folder)/broken.cso.ss")
        let declared = (zones.keys + ["broken.cso.ss"]).map { "zone \"\($0)\" { type primary; file \"\($0)\"; };\n" }
        write(
            """
            options { directory "\(folder)"; listen-on port \(port) { 127.0.0.1; }; listen-on-v6 { none; };
            recursion no; allow-transfer { none; }; notify no; dnssec-validation no;
            pid-file none; session-keyfile none; lock-file none; };
            controls { };
            """ + declared.joined(), to: "\(folder)/named.conf")
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(description: "pipe: \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let log = open("\(folder)/log", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer {
            close(ends[0])
            close(log)
        }
        let process = try SpawnedProcess.spawn(
            [
                "sh", "-c", "\"$@\" & read line; kill $!; wait $!", "sh", named, "-g", "-n", "1", "-c",
                "\(folder)/named.conf",
            ],
            stdin: ends[0], stdout: log, stderr: log)
        let server = NameServer(port: port, folder: folder, process: process, lifeline: ends[1])
        try await server.waitUntilItListens()
        return server
    }

    func stop() async throws {
        close(lifeline)
        _ = try await process.wait(by: Deadline("the name server's end", in: .seconds(10)))
        for file in Array(Self.zones.keys) + ["broken.cso.ss", "named.conf", "log", "managed-keys.bind"] {
            unlink("\(folder)/\(file)")
        }
        rmdir(folder)
    }

    private func waitUntilItListens() async throws {
        let end = ContinuousClock.now.advanced(by: .seconds(15))
        while ContinuousClock.now < end {
            // It listens on TCP after all zones were loaded.
            let probe = try Loopback(SOCK_STREAM.rawValue)
            if probe.connects(to: port) { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Failure(description: "named does not listen; see \(folder)/log")
    }

    private static func isExecutable(_ path: String) -> Bool { access(path, X_OK) == 0 }

    static func freePort() throws -> UInt16 { try Loopback(SOCK_DGRAM.rawValue, bind: true).port }

    private static func write(_ text: String, to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        _ = Array(text.utf8).withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        close(file)
    }
}

/// A socket on 127.0.0.1, closed with its owner.
final class Loopback: Sendable {
    let descriptor: Int32
    let port: UInt16

    init(_ type: UInt32, bind isBound: Bool = false) throws {
        let descriptor = socket(AF_INET, Int32(type) | 0o2000000, 0)  // SOCK_CLOEXEC
        self.descriptor = descriptor
        guard descriptor >= 0 else { throw NameServer.Failure(description: "socket: \(errno)") }
        var address = Self.address(0)
        if isBound {
            let code = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard code == 0 else { throw NameServer.Failure(description: "bind: \(errno)") }
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            _ = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
            }
        }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    func connects(to port: UInt16) -> Bool {
        var address = Self.address(port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// Answers each datagram with what `answer` makes of it (`nil`: silence), on a thread that ends with `stop`.
    func serve(_ answer: @escaping @Sendable ([UInt8]) -> [UInt8]?) {
        var timeout = timeval(tv_sec: 0, tv_usec: 50_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        let descriptor = dup(descriptor)
        Thread.start { [weak self] in
            defer { close(descriptor) }
            while self != nil {
                var buffer = [UInt8](repeating: 0, count: 4096)
                var peer = sockaddr()
                var length = socklen_t(MemoryLayout<sockaddr>.size)
                let count = recvfrom(descriptor, &buffer, buffer.count, 0, &peer, &length)
                guard count > 0, let reply = answer(Array(buffer[..<count])) else { continue }
                _ = sendto(descriptor, reply, reply.count, 0, &peer, length)
            }
        }
    }
}

enum Thread {
    static func start(_ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { argument in
                argument.map { Unmanaged<Box>.fromOpaque($0).takeRetainedValue().body() }
                return nil
            }, box)
        pthread_detach(thread)
    }
}

/// Gives a suite one name server.
struct WithNameServer: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let server = try await NameServer.start()
        let outcome: Result<Void, any Error>
        do {
            try await NameServer.$current.withValue(server) { try await function() }
            outcome = .success(())
        } catch { outcome = .failure(error) }
        try await server.stop()
        try outcome.get()
    }
}
