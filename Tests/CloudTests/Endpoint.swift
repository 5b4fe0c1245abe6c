import Glibc
import Synchronization
import Testing
import Transport

/// Programs of the fleet's Python environment: `aws` itself and moto's server.
enum Tools {
    static func find(_ name: String) throws -> String {
        var folders = environment("PATH").split(separator: ":").map(String.init)
        let venv = environment("CSO_FLEET_VENV")
        if !venv.isEmpty { folders.append("\(venv)/bin") }
        folders.append("/var/cache/cso-fleet/venv/bin")
        for folder in folders where access("\(folder)/\(name)", X_OK) == 0 { return "\(folder)/\(name)" }
        throw TestFailure(
            "\(name) is in none of PATH, $CSO_FLEET_VENV/bin and the fleet's own environment; "
                + "make it with `Tests/Fleet/fleet up`, or `pip install 'moto[server]' awscli`")
    }

    static func environment(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

    /// What makes `aws` talk to a port of this machine, and to nothing else.
    static func environment(port: UInt16) throws -> [String: String] {
        let folder = try find("aws").split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return [
            "AWS_ENDPOINT_URL": "http://127.0.0.1:\(port)", "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test-key",
            "AWS_DEFAULT_REGION": "eu-west-2", "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true", "NO_PROXY": "127.0.0.1",
            "PATH": folder.joined(separator: "/") + ":" + environment("PATH"),
        ]
    }
}

/// moto's server in the foreground on a free port of 127.0.0.1, for as long as the scope lasts.
final class Moto: Sendable {
    @TaskLocal static var current: Moto?

    let port: UInt16
    private let process: SpawnedProcess
    /// The wrapper's standard input: closed, also by our death, it ends the server.
    private let lifeline: Int32
    private let scratch: Scratch

    private init(port: UInt16, process: SpawnedProcess, lifeline: Int32, scratch: Scratch) {
        self.port = port
        self.process = process
        self.lifeline = lifeline
        self.scratch = scratch
    }

    static func start() async throws -> Moto {
        let program = try Tools.find("moto_server")
        let scratch = try Scratch()
        let port = try Listener().port
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw TestFailure("pipe: errno \(errno)") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let log = open("\(scratch.path)/log", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        defer {
            close(ends[0])
            close(log)
        }
        let process = try SpawnedProcess.spawn(
            ["sh", "-c", "\"$@\" & read line; kill $!; wait $!", "sh", program, "-H", "127.0.0.1", "-p", "\(port)"],
            stdin: ends[0], stdout: log, stderr: log)
        let moto = Moto(port: port, process: process, lifeline: ends[1], scratch: scratch)
        let end = ContinuousClock.now.advanced(by: .seconds(60))
        while ContinuousClock.now < end {
            if Listener.connects(to: port) { return moto }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw TestFailure("moto_server does not listen; see \(scratch.path)/log")
    }

    func stop() async throws {
        close(lifeline)
        _ = try await process.wait(by: Deadline("the end of moto_server", in: .seconds(20)))
    }
}

/// Gives a suite one moto server.
struct WithMoto: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let moto = try await Moto.start()
        let outcome: Result<Void, any Error>
        do {
            try await Moto.$current.withValue(moto) { try await function() }
            outcome = .success(())
        } catch { outcome = .failure(error) }
        try await moto.stop()
        try outcome.get()
    }
}

/// A listening TCP socket on a free port of 127.0.0.1.
final class Listener: Sendable {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | 0o2000000, 0)  // SOCK_CLOEXEC
        self.descriptor = descriptor
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
                    && listen(descriptor, 64) == 0
            }
        }
        guard code else { throw TestFailure("no free port: errno \(errno)") }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    static func connects(to port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | 0o2000000, 0)
        defer { close(descriptor) }
        var address = address(port)
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
}

/// Speaks just enough HTTP for AWS's JSON protocol, to answer what moto cannot be brought to answer.
final class Endpoint: Sendable {
    struct Answer: Sendable {
        var status: Int
        var body: String
        /// `nil` in place of an answer: the connection stays open and silent.
        static func error(_ code: String, _ message: String, status: Int = 400) -> Answer {
            Answer(status: status, body: "{\"__type\":\"\(code)\",\"message\":\"\(message)\"}")
        }
    }

    let port: UInt16
    private let listener: Listener
    private let bodies = Mutex<[String]>([])
    private let stopped = Mutex(false)

    /// The bodies of all requests so far.
    var requests: [String] { bodies.withLock { $0 } }

    init(_ answer: @escaping @Sendable (_ number: Int, _ body: String) -> Answer?) throws {
        let listener = try Listener()
        self.listener = listener
        port = listener.port
        Thread.start { [weak self] in
            while true {
                // Wakes now and then, to see whether anybody still wants this endpoint.
                var polled = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
                let ready = poll(&polled, 1, 100)
                guard let self, !self.stopped.withLock({ $0 }) else { return }
                if ready <= 0 { continue }
                let connection = accept(listener.descriptor, nil, nil)
                if connection < 0 { continue }
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                Thread.start { [weak self] in self?.serve(connection, answer) }
            }
        }
    }

    func stop() { stopped.withLock { $0 = true } }

    private func serve(_ connection: Int32, _ answer: (Int, String) -> Answer?) {
        defer { close(connection) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        let blank = Array("\r\n\r\n".utf8)
        while true {
            if let head = bytes.firstRange(of: blank) {
                let text = String(decoding: bytes[..<head.lowerBound], as: UTF8.self).lowercased()
                let length = text.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                let wanted = length.flatMap { Int($0.dropFirst(15).drop { $0 == " " }) } ?? 0
                if bytes.count - head.upperBound >= wanted {
                    let body = String(decoding: bytes[head.upperBound...], as: UTF8.self)
                    let number = bodies.withLock {
                        $0.append(body)
                        return $0.count
                    }
                    guard let answer = answer(number, body) else { break }
                    let reply = Array(
                        ("HTTP/1.1 \(answer.status) X\r\nContent-Type: application/x-amz-json-1.1\r\n"
                            + "Content-Length: \(answer.body.utf8.count)\r\nConnection: close\r\n\r\n\(answer.body)")
                            .utf8)
                    _ = Glibc.send(connection, reply, reply.count, Int32(MSG_NOSIGNAL))
                    return
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            if count <= 0 { return }
            bytes += buffer[..<count]
        }
        // Silence, until the client hangs up.
        while recv(connection, &buffer, buffer.count, 0) > 0 {}
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
