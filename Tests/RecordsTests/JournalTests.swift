import Glibc
import Model
import Records
import TestSupport
import Testing

@Suite("The journal of a run", .serialized)
struct JournalTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    private func lines(_ path: String) throws -> [JSONValue] {
        try text(path).split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    private func text(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer.prefix(count)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func mode(_ path: String) -> UInt32 {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    @Test("is for its owner alone: folders 0700, the file 0600, whatever the umask")
    func modes() throws {
        let old = umask(0)
        defer { umask(old) }
        let state = folder.file("a/b/state")
        let journal = try Journal(run: "run1", in: state)
        #expect(journal.path == "\(state)/runs/run1.jsonl")
        #expect(mode(journal.path) == 0o600)
        for made in [folder.file("a"), folder.file("a/b"), state, state + "/runs"] { #expect(mode(made) == 0o700) }
    }

    @Test("keeps what is there and adds at the end, one line an event")
    func appends() throws {
        let path = try Journal(run: "run1", in: folder.path).path
        for round in 1...2 {
            let journal = try Journal(run: "run1", in: folder.path)
            try journal.append(["event": "a\nb", "round": .integer(round)])
            try journal.append(["event": "end"], isDurable: true)
        }
        #expect(
            try lines(path) == [
                ["event": "a\nb", "round": 1], ["event": "end"], ["event": "a\nb", "round": 2], ["event": "end"],
            ])
    }

    @Test("lines that are written at the same time stay whole")
    func concurrent() async throws {
        let journal = try Journal(run: "run1", in: folder.path)
        await withTaskGroup { group in
            for writer in 0..<8 {
                group.addTask {
                    for index in 0..<50 {
                        try? journal.append([
                            "writer": .integer(writer), "index": .integer(index),
                            "text": .text(String(repeating: "x", count: 3000)),
                        ])
                    }
                }
            }
        }
        #expect(try lines(journal.path).count == 400)
    }

    @Test("a relative folder is below the working directory")
    func relative() throws {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        try #require(getcwd(&buffer, buffer.count) != nil)
        let here = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let up = String(repeating: "../", count: here.split(separator: "/").count)
        let journal = try Journal(run: "run1", in: up + folder.path.dropFirst())
        try journal.append(["event": "begin"])
        #expect(try lines(folder.file("runs/run1.jsonl")) == [["event": "begin"]])
    }

    @Test("that cannot be kept is an error that says where and what to do")
    func cannotWrite() throws {
        let file = try folder.write("", to: "file")
        let link = folder.file("runs/run2.jsonl")
        _ = try Journal(run: "run1", in: folder.path)
        try #require(symlink("/dev/null", link) == 0)
        for (run, state, path) in [
            ("run1", file, "\(file)/runs"), ("run1", "/proc/nowhere", "/proc/nowhere"), ("run2", folder.path, link),
        ] as [(RunID, String, String)] {
            do {
                _ = try Journal(run: run, in: state)
                Issue.record("\(state) was taken")
            } catch {
                #expect(error.description.hasPrefix("cannot write \(path): "))
                #expect(error.remedy.contains("CSO_STATE"))
            }
        }
    }

    @Test("on a full disk a line is written whole or not at all, and the failure is told")
    func full() async throws {
        let path = folder.path
        // In a process of its own: the limit of a file's size does what a full disk does, a write that ends early and
        // then an error, and it is the whole process's.
        await #expect(processExitsWith: .success) { [path = path as String] in
            let journal = try Journal(run: "full", in: path)
            try journal.append(["event": "begin"])
            signal(SIGXFSZ, SIG_IGN)
            try Self.limitFiles(to: 40)
            #expect(throws: RecordError.self) {
                try journal.append(["event": .text(String(repeating: "x", count: 100))])
            }
            try Self.limitFiles(to: 1 << 20)
            try journal.append(["event": "end"])
        }
        #expect(try lines(folder.file("runs/full.jsonl")) == [["event": "begin"], ["event": "end"]])
    }

    private static func limitFiles(to size: UInt) throws {
        var limit = rlimit()
        try #require(getrlimit(__rlimit_resource_t(1), &limit) == 0)
        limit.rlim_cur = size
        try #require(setrlimit(__rlimit_resource_t(1), &limit) == 0)
    }

    @Test("durable lines are there after the writer was killed")
    func killed() async throws {
        let path = folder.path
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let journal = try Journal(run: "killed", in: path)
            for line in 1...3 { try journal.append(["line": .integer(line)], isDurable: true) }
            kill(getpid(), SIGKILL)
        }
        #expect(try lines(folder.file("runs/killed.jsonl")) == [["line": 1], ["line": 2], ["line": 3]])
    }
}
