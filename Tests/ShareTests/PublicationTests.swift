import Glibc
import Model
import Synchronization
import TestSupport
import Testing

@testable import Share

/// Publications over a real directory; what one that is killed leaves is what the next one finds.
@Suite("Publications")
struct PublicationTests {
    private let folder: TemporaryFolder
    private let share: String
    private let package: String
    init() throws {
        folder = try TemporaryFolder()
        share = folder.file("share")
        package = try folder.write("version 1\n", to: "package-2.4.4.jar")
    }

    private func publication(
        _ watch: @escaping @Sendable (PublicationStep) throws(ShareError) -> Void = { _ in }
    ) -> Publication {
        var publication = Publication(
            to: share, by: "ann@jump01", now: { Moment(seconds: 1_795_440_985) }, watch: watch)
        publication.lockFolder = folder.path
        return publication
    }

    private func names() throws -> [String] { try ShareFolder(share, makes: false).names() }

    private func content(_ name: String) throws -> String {
        var bytes: [UInt8] = []
        try ShareFolder(share, makes: false).open(name).read { (part) throws(ShareError) in bytes += part }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func listed() throws -> [ShareEntry] {
        try ShareManifest(parsing: Array(content(ShareManifest.name).utf8)).entries
    }

    /// Inode, size, times of all that lies there: equal ones mean that nothing was written.
    private func marks() throws -> [String: [Int]] {
        try Dictionary(
            uniqueKeysWithValues: names().map { name in
                var status = stat()
                lstat("\(share)/\(name)", &status)
                return (name, [Int(status.st_ino), Int(status.st_size), status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
            })
    }

    @Test(
        "a file lies there under its sum, readable by all, and the list tells of it; once more, and nothing is written")
    func publishes() throws {
        let result = try publication().publish([package])
        let name = try #require(result.files.first?.name)
        let sum = try #require(result.files.first?.sha256)
        #expect(name == "package-2.4.4-\(sum.prefix(12)).jar")
        #expect(result.files.map(\.deed) == [.published])
        #expect(result.outcome == .changed)
        #expect(try names() == ["manifest.json", name])
        #expect(try content(name) == "version 1\n")
        #expect(
            try listed() == [
                ShareEntry(
                    name: name, sha256: sum, size: 10, published: "2026-11-23T13:36:25Z", publisher: "ann@jump01")
            ])
        var status = stat()
        #expect(stat("\(share)/\(name)", &status) == 0 && status.st_mode & 0o7777 == 0o644)
        #expect(result.text.contains("  release_sha256: \"\(sum)\"   # \(name)"))

        let before = try marks()
        let again = try publication().publish([package])
        #expect(again.files.map(\.deed) == [.unchanged])
        #expect(again.outcome == .unchanged)
        #expect(try marks() == before)
        #expect(try publication().check().findings == [])
    }

    @Test("other bytes of the same name are another version, and the first stays as it is")
    func versions() throws {
        let first = try publication().publish([package]).files[0]
        let before = try marks()[first.name]
        try folder.write("version 2\n", to: "package-2.4.4.jar")
        let second = try publication().publish([package]).files[0]
        #expect(first.name != second.name)
        #expect(try listed().map(\.name) == [first.name, second.name].sorted())
        #expect(try content(first.name) == "version 1\n")
        #expect(try marks()[first.name] == before)
    }

    @Test(
        "killed before any step, hosts find whole files under their names and a list that is true; the next one completes it"
    )
    func killed() throws {
        let big = try folder.write([UInt8](repeating: 0x61, count: 3 << 20), to: "big.tar.gz")
        let steps = Mutex(0)
        let counting: @Sendable (PublicationStep) throws(ShareError) -> Void = { _ in steps.withLock { $0 += 1 } }
        let plan = publication(counting)
        let sources = try plan.read([package, big])
        let read = steps.withLock { $0 }
        _ = try plan.perform(sources, in: ShareFolder(share, makes: true), at: Moment(seconds: 0))
        let all = steps.withLock { $0 } - read
        #expect(all > 15)
        let whole = try marks().mapValues { $0[1] }

        for last in 0..<all {
            for name in try names() { unlink("\(share)/\(name)") }
            let count = Mutex(0)
            let killed = publication { (step) throws(ShareError) in
                let number = count.withLock { count in
                    defer { count += 1 }
                    return count
                }
                if number == last { throw .interrupted }
            }
            #expect(throws: ShareError.interrupted) {
                _ = try killed.perform(sources, in: ShareFolder(share, makes: true), at: Moment(seconds: 0))
            }
            // What is left: nothing but whole files under their names, and what the next one sweeps.
            let left = try names()
            for name in left where !Publication.isTemporary(name) {
                #expect(try marks()[name]?[1] == whole[name], "step \(last): \(name)")
            }
            if left.contains(ShareManifest.name) { #expect(try Set(listed().map(\.name)).isSubset(of: left)) }
            let result = try publication().publish([package, big])
            #expect(result.swept == left.filter(Publication.isTemporary), "step \(last)")
            #expect(try marks().mapValues { $0[1] }.keys.sorted() == whole.keys.sorted(), "step \(last)")
            #expect(try publication().check().findings == [], "step \(last)")
        }
    }

    @Test("interrupted or failed, a publication sweeps what it had begun")
    func sweeps() throws {
        let publication = publication { (step) throws(ShareError) in
            if case .flushing = step { throw .interrupted }
        }
        #expect(throws: ShareError.interrupted) { try publication.publish([package]) }
        #expect(try names() == [])
    }

    @Test(
        "a file whose bytes are not its own is put right and told of; so is one that others could write to, or that is gone"
    )
    func repairs() throws {
        let file = try publication().publish([package]).files[0]
        try folder.write("evil\n", to: "share/\(file.name)", mode: 0o644)
        #expect(try publication().check().findings.map(\.name) == [file.name])
        let result = try publication().publish([package])
        #expect(result.files.map(\.deed) == [.repaired])
        #expect(result.text.contains("find out who did that"))
        #expect(try content(file.name) == "version 1\n")

        // As long as the right one, so that only its sum tells.
        try folder.write("version 9\n", to: "share/\(file.name)", mode: 0o644)
        #expect(try publication().check().findings.first?.problem.hasPrefix("its sum is ") == true)
        #expect(try publication().publish([package]).files.map(\.deed) == [.repaired])
        chmod("\(share)/\(file.name)", 0o666)
        #expect(try publication().check().findings.map(\.problem) == ["others than its owner may write to it"])
        #expect(try publication().publish([package]).files.map(\.deed) == [.repaired])
        unlink("\(share)/\(file.name)")
        #expect(try publication().check().findings.map(\.problem) == ["the list has it, and it is not there"])
        #expect(try publication().publish([package]).files.map(\.deed) == [.restored])
        #expect(try publication().check().findings == [])
    }

    @Test("strangers are named, with what to do: a file, a folder, a key, what a killed publication left")
    func strangers() throws {
        _ = try publication().publish([package])
        let temporary = ".tmp." + String(repeating: "0", count: 32)
        for name in ["server.key", "by-hand.sh", temporary] { try folder.write("", to: "share/\(name)") }
        mkdir("\(share)/ssl", 0o755)
        symlink("/etc/passwd", "\(share)/link")
        let findings = try publication().check().findings
        #expect(findings.map(\.name) == [temporary, "by-hand.sh", "link", "server.key", "ssl"])
        #expect(findings[3].remedy == "remove it, and change what it holds: it was readable")
        #expect(findings[4].problem == "a directory that was not published")
        let result = try publication().publish([package])
        #expect(result.strangers == ["by-hand.sh", "link", "server.key", "ssl"])
        #expect(result.swept == [temporary])
    }

    @Test("a link that lies under a file's name is replaced, never followed")
    func link() throws {
        let file = try publication().publish([package]).files[0]
        let outside = try folder.write("outside\n", to: "outside")
        unlink("\(share)/\(file.name)")
        symlink(outside, "\(share)/\(file.name)")
        #expect(try publication().publish([package]).files.map(\.deed) == [.repaired])
        #expect(try content(file.name) == "version 1\n")
    }

    @Test("a list that somebody edited stops it, and nothing is written")
    func editedList() throws {
        let file = try publication().publish([package]).files[0]
        for edit in [
            "{}", "", "not JSON", try content(ShareManifest.name).replacing(file.sha256.prefix(20), with: "0"),
        ] {
            try folder.write(edit, to: "share/manifest.json", mode: 0o644)
            let before = try marks()
            #expect(throws: ShareError.self) { try publication().publish([package]) }
            #expect(throws: ShareError.self) { try publication().check() }
            #expect(try marks() == before)
        }
    }

    @Test("removed: first from the list, then from the directory; a name that the list does not have is refused")
    func removes() throws {
        let file = try publication().publish([package]).files[0]
        #expect(throws: ShareError.self) { try publication().remove(["other.jar"]) }
        #expect(try publication().remove([file.name]).removed == [file.name])
        #expect(try names() == ["manifest.json"])
        #expect(try publication().check().findings == [])
    }

    @Test("one at a time, and the other one is named; the lock does not lie on the share")
    func lock() throws {
        let held = try PublicationLock(of: share, in: folder.path, holder: "bob@jump01, process 7")
        #expect(throws: ShareError.locked("another publication to \(share) is at work: bob@jump01, process 7")) {
            try publication().publish([package])
        }
        withExtendedLifetime(held) {}
        #expect(access(share, F_OK) != 0)
    }

    @Test("what is no file, what holds a key, and names that are not plain are refused before the share is touched")
    func inputs() throws {
        try folder.write("-----BEGIN RSA PRIVATE KEY-----\n", to: "notes.txt")
        for name in ["server.key", "setup.properties", "white space.jar", ".hidden", "manifest.json"] {
            try folder.write("x", to: name)
        }
        mkdir(folder.file("directory"), 0o755)
        mkfifo(folder.file("pipe"), 0o600)
        let wrong = [
            "notes.txt", "server.key", "setup.properties", "white space.jar", ".hidden", "manifest.json", "directory",
            "pipe",
            "nowhere.jar",
        ]
        for name in wrong {
            let error = #expect(throws: ShareError.self) { try publication().publish([package, folder.file(name)]) }
            #expect(error.map { $0.outcome == nil } == true, "\(name): \(String(describing: error))")
        }
        #expect(access(share, F_OK) != 0)
    }

    @Test("a file that grows while it is read is not published")
    func growing() throws {
        let path = package
        let folder = folder
        let publication = publication { (step) throws(ShareError) in
            if case .copying = step { _ = try? folder.write("another\n", to: "package-2.4.4.jar") }
        }
        let error = #expect(throws: ShareError.self) { try publication.publish([path]) }
        #expect(error?.description.contains("was changed while it was read") == true)
        #expect(try names() == [])
    }
}

@Suite("Names on the share")
struct VersionedNameTests {
    static let sum = "fb6d3c60b35c3b452180cb20485ef80df87a1932b41168dd8d443f46022f8e31"

    @Test(
        "carry the sum before the ending",
        arguments: [
            ("installation-package-2.4.4.jar", "installation-package-2.4.4-fb6d3c60b35c.jar"),
            ("shop-2.4.tar.gz", "shop-2.4-fb6d3c60b35c.tar.gz"), ("tool-2.4", "tool-2.4-fb6d3c60b35c"),
            ("README", "README-fb6d3c60b35c"), ("a.tar", "a-fb6d3c60b35c.tar"),
            ("x-fb6d3c60b35c.jar", "x-fb6d3c60b35c.jar"),
        ])
    func names(_ name: String, _ versioned: String) {
        #expect(VersionedName.of(name, sha256: Self.sum) == versioned)
    }
}
