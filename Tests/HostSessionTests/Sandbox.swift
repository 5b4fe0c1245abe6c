import Glibc
import HostSession
import Model
import RemoteProtocol
import Testing
import Transport

/// What `sh` is on a host.
enum Shell: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case dash
    /// As on Amazon Linux: bash under the name `sh`, so in POSIX mode.
    case bashAsSh
    /// The reader under bash's own mode; steps get `sh` as above.
    case bash
    case bashPosix

    var testDescription: String { rawValue }
    /// What stands for `sh` at the beginning of the reader's argument vector.
    var reader: [String] {
        switch self {
        case .dash, .bashAsSh: ["sh"]
        case .bash: ["bash"]
        case .bashPosix: ["bash", "--posix"]
        }
    }
}

/// A host of the test's own on this machine: a mount namespace with an empty /run and /var/lib and the wanted `sh`.
/// Everything else is the machine's. Needs root and util-linux. It ends when it is closed, or with the test process.
struct Sandbox: Sendable {
    let shell: Shell
    private let keeper: ProcessChannel

    static let patience = Duration.seconds(60)

    init(_ shell: Shell = .dash, lasting: String = "64m") async throws {
        self.shell = shell
        let script = """
            mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs -o mode=755,size=\(lasting) tmpfs /var/lib &&
            { [ \(shell.rawValue) = dash ] || mount --bind /usr/bin/bash /usr/bin/dash; } && rm -rf /run/mount && echo ready && exec cat
            """
        keeper = try ProcessChannel.start(["unshare", "-m", "--propagation", "private", "sh", "-c", script])
        let event = try await keeper.receive(by: Deadline("the sandbox", in: Self.patience))
        try #require(
            event == .output(Array("ready\n".utf8)),
            "these tests need root and unshare(1) from util-linux, and dash as /bin/sh: \(event)")
    }

    func close() async { await keeper.close() }

    var prefix: [String] { ["nsenter", "-t", String(keeper.processID), "-m", "--"] }

    /// The channel is given back too, since its process is the reader's shell.
    func connect(through extra: [String] = []) async throws -> (session: HostSession, channel: ProcessChannel) {
        let channel = try ProcessChannel.start(prefix + extra + shell.reader + RemoteReader.arguments.dropFirst())
        return (try await HostSession.open(over: channel, by: soon("the greeting")), channel)
    }
}

func soon(_ name: String = "an answer", in allowance: Duration = Sandbox.patience) -> Deadline {
    Deadline(name, in: allowance)
}

/// A session in a sandbox of its own, closed afterwards.
func withSession<Result>(
    _ shell: Shell = .dash, lasting: String = "64m", through extra: [String] = [],
    _ body: (HostSession) async throws -> Result
) async throws -> Result {
    try await withSandbox(shell, lasting: lasting) { sandbox in
        let (session, _) = try await sandbox.connect(through: extra)
        do {
            let result = try await body(session)
            await session.close()
            return result
        } catch {
            await session.close()
            throw error
        }
    }
}

func withSandbox<Result>(
    _ shell: Shell = .dash, lasting: String = "64m", _ body: (Sandbox) async throws -> Result
) async throws -> Result {
    let sandbox = try await Sandbox(shell, lasting: lasting)
    do {
        let result = try await body(sandbox)
        await sandbox.close()
        return result
    } catch {
        await sandbox.close()
        throw error
    }
}

/// The error that `body` throws; nothing else will do.
func sessionError<Result>(_ body: () async throws(SessionError) -> Result) async throws -> SessionError {
    do throws(SessionError) { _ = try await body() } catch { return error }
    throw UnexpectedSuccess()
}
struct UnexpectedSuccess: Error {}

extension HostSession {
    func answer(_ script: ShellText) async throws -> HostAnswer { try await ask([HostQuestion(script)], by: soon())[0] }
    /// Proves that the next frame is answered by its own answer.
    func expectInStep(sourceLocation: Testing.SourceLocation = #_sourceLocation) async throws {
        let answer = try await answer("echo in step; echo too >&2; exit 9")
        #expect(
            answer == HostAnswer(output: Array("in step\n".utf8), errors: Array("too\n".utf8), status: 9),
            sourceLocation: sourceLocation)
    }
}

/// Every byte value, in an order that repeats nowhere near a buffer's length.
func pattern(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count { buffer[index] = UInt8(truncatingIfNeeded: index &+ (index >> 8) &* 31) }
        initialized = count
    }
}

enum Processes {
    /// Direct children, by /proc/PID/stat (proc(5)); the name in parentheses may hold anything.
    static func children(of parent: Int32) -> [Int32] {
        all().filter { pid in
            guard let stat = text("/proc/\(pid)/stat"), let close = stat.lastIndex(of: ")") else { return false }
            let words = stat[close...].split(separator: " ")
            return words.count > 2 && words[2] == String(parent)
        }
    }

    /// Children and theirs, but for those that began a session of their own.
    static func descendants(of parent: Int32) -> [Int32] {
        children(of: parent).filter { getsid($0) != $0 }.flatMap { [$0] + descendants(of: $0) }
    }

    static func withArgument(_ argument: String) -> [Int32] {
        all().filter { (text("/proc/\($0)/cmdline") ?? "").split(separator: "\0").contains { $0 == argument } }
    }

    private static func all() -> [Int32] {
        guard let folder = opendir("/proc") else { return [] }
        defer { closedir(folder) }
        var pids: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let pid = Int32(name) { pids.append(pid) }
        }
        return pids
    }

    static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(descriptor, &bytes, bytes.count)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

/// Asks again every 50 ms for 10 s at most.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<200 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(50))
    }
    return false
}
