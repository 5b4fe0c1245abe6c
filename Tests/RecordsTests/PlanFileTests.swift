import Glibc
import Model
import Planning
import Records
import Resources
import TestSupport
import Testing

@Suite("The file of a saved plan")
struct PlanFileTests {
    private let plan = SavedPlan(
        origin: .init(run: "run1", at: "2026-01-01T00:00:00Z", by: "me", on: "here", tool: "1.0"),
        inputs: .init(
            fleet: "f", inventory: "/i/inventory.yaml", roles: "/r", files: ["roles/a/role.yaml": "00", "b": "é\u{1}"]),
        choice: .init(roles: ["a"], hosts: [], zone: "zone-a", all: false), isDeep: true, secrets: ["p": "v1"],
        hosts: [
            .init(
                host: "h1", role: "a", address: Address(number: 0x0A01_0002), key: "SHA256:x", terms: nil,
                isSelected: true, ending: Ending(.wouldChange),
                changes: [
                    PlannedChange(
                        resource: "file:/a \"b\"\n", action: .update,
                        differences: [
                            Difference(key: "mode", observed: "0600", desired: "0644"),
                            Difference(key: "size", observed: 3, desired: nil),
                            Difference(key: "list", observed: .list(["a", ""]), desired: .list([])),
                            Difference(key: "on", observed: false, desired: true),
                            Difference(key: "content", observed: nil, desired: nil, isSensitive: true),
                        ], notifies: [Notification(.restart, "a.service")], source: "h2",
                        knownAfter: .init(host: "h2", resource: "package:x", possible: [.create, .update]),
                        isExpected: false, deed: Deed(recipe: "r", secrets: ["p": "v1"], steps: "s"))
                ], settlements: [Notification(.restart, "a.service"): "d"]),
            .init(
                host: "h2", role: "a", address: Address(number: 0x0A01_0003), key: nil, terms: "t", isSelected: false,
                ending: Ending(.unreachable, "timed out"), changes: [], settlements: [:]),
        ])

    @Test("is read as it was written, byte for byte, and is for its owner only")
    func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("plan")
        umask(0)
        try PlanFile.write(plan, to: path)
        #expect(try PlanFile.read(path) == plan)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        // Over an older one, also one of another mode.
        chmod(path, 0o644)
        try PlanFile.write(plan, to: path)
        #expect(stat(path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
        let bytes = PlanFile.encoded(plan)
        #expect(try PlanFile.encoded(PlanFile.decoded(bytes, from: path)) == bytes)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("\u{1}"))
    }

    @Test("cut off anywhere, with any byte changed, or of another version it is refused")
    func damaged() throws {
        let bytes = PlanFile.encoded(plan)
        for count in 0..<bytes.count {
            #expect(throws: PlanFileError.self, "cut at \(count)") {
                try PlanFile.decoded(Array(bytes.prefix(count)), from: "plan")
            }
        }
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1
            #expect(throws: PlanFileError.self, "byte \(index)") { try PlanFile.decoded(damaged, from: "plan") }
        }
        #expect(throws: PlanFileError.self) { try PlanFile.decoded(bytes + [0x20], from: "plan") }
        let text = String(decoding: bytes, as: UTF8.self)
        for (old, new, word) in [
            ("\"version\": 1", "\"version\": 2", "version 2"), ("\"0644\"", "\"0666\"", "digest does not match"),
            ("cso-provision plan", "something", "not a saved plan"),
        ] {
            let edited = text.replacing(old, with: new)
            #expect(edited != text)
            do {
                _ = try PlanFile.decoded(Array(edited.utf8), from: "plan")
                Issue.record("\(old) was taken")
            } catch {
                #expect("\(error)".contains(word), "\(error)")
            }
        }
    }

    /// Whoever edits it and makes the digest right must still write what this program writes.
    @Test("with a right digest over something else than a plan it is refused")
    func foreign() throws {
        for body: JSONValue in [[:], ["run": "x"], "plan", .null] {
            let document: JSONValue = [
                "format": "cso-provision plan", "version": 1, "plan": body,
                "digest": .text(Digest.sha256(body.encoded())),
            ]
            #expect(throws: PlanFileError.self) { try PlanFile.decoded(document.encoded(.pretty), from: "plan") }
        }
        let plan = try JSONValue(parsing: PlanFile.encoded(plan))
        var body = try #require(plan["plan"]?.object)
        body["more"] = 1
        let more = JSONValue.object(body)
        var document = try #require(plan.object)
        document["plan"] = more
        document["digest"] = .text(Digest.sha256(more.encoded()))
        #expect(throws: PlanFileError.self) {
            try PlanFile.decoded(JSONValue.object(document).encoded(.pretty), from: "plan")
        }
    }

    @Test("that others may write to, that is no file or that is not there is refused")
    func disk() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("plan")
        #expect(throws: PlanFileError.missing(path)) { try PlanFile.read(path) }
        try PlanFile.write(plan, to: path)
        chmod(path, 0o620)
        #expect(throws: PlanFileError.self) { try PlanFile.read(path) }
        #expect(throws: PlanFileError.self) { try PlanFile.read(folder.file("")) }
        #expect(throws: PlanFileError.self) { try PlanFile.checkWritable(folder.file("no/plan")) }
        #expect(throws: PlanFileError.self) { try PlanFile.checkWritable(folder.file("")) }
        #expect(throws: PlanFileError.self) { try PlanFile.write(plan, to: folder.file("no/plan")) }
        try PlanFile.checkWritable(path)
        mkfifo(folder.file("fifo"), 0o600)
        #expect(throws: PlanFileError.self) { try PlanFile.read(folder.file("fifo")) }
    }
}
