import Model
import Testing

@Suite("Small values")
struct ValueTests {
    @Test("resource ids keep everything behind the first colon as identity")
    func resourceIDs() {
        let id = ResourceID(kind: "command", identity: "install: a:b")
        #expect(id.rawValue == "command:install: a:b")
        #expect(id.kind == "command")
        #expect(id.identity == "install: a:b")
        #expect(ResourceID("odd").identity == "")
    }

    @Test(
        "notes of what is owed are read back, and nothing else is",
        arguments: [
            ("reload:nginx.service", Notification(.reload, "nginx.service")),
            ("restart:a:b.service", Notification(.restart, "a:b.service")), ("start:nginx.service", nil),
            ("reload", nil),
            ("", nil), ("Reload:nginx.service", nil),
        ] as [(String, Notification?)])
    func notes(name: String, notification: Notification?) {
        #expect(Notification(noteName: name) == notification)
        if let notification { #expect(notification.noteName == name) }
    }

    @Test(
        "addresses are four decimal parts and nothing else",
        arguments: [
            ("10.1.128.11", 0x0A01_800B), ("0.0.0.0", 0), ("255.255.255.255", 0xFFFF_FFFF), ("10.1.128", nil),
            ("10.1.128.256", nil), ("10.01.128.1", nil), ("10.1.128.1 ", nil), ("+1.1.1.1", nil), ("1.1.1.1.1", nil),
            ("1..1.1", nil), ("\u{661}.1.1.1", nil), ("", nil),
        ] as [(String, UInt32?)])
    func addresses(text: String, number: UInt32?) {
        #expect(Address(text)?.number == number)
        if number != nil { #expect(Address(text)?.description == text) }
    }

    @Test(
        "a range holds the addresses of its block, and has no host bits",
        arguments: [
            ("10.1.128.0/18", "10.1.128.0", true), ("10.1.128.0/18", "10.1.191.255", true),
            ("10.1.128.0/18", "10.1.192.0", false), ("10.1.128.0/18", "10.1.127.255", false),
            ("0.0.0.0/0", "255.1.2.3", true), ("10.1.2.3/32", "10.1.2.3", true), ("10.1.2.3/32", "10.1.2.4", false),
        ])
    func ranges(range: String, address: String, isInside: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(#require(Address(address))) == isInside)
    }

    @Test(
        "no range",
        arguments: ["10.1.128.1/18", "10.1.0.0", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/", "/8", "10.1.0.0/8/8"])
    func noRange(text: String) { #expect(AddressRange(text) == nil) }

    @Test(
        "the nearest name is offered only where it is near enough to be a slip",
        arguments: [
            ("modee", ["mode", "owner"], "mode"), ("MODE", ["mode"], "mode"),
            ("backend1", ["backend01", "frontend01"], "backend01"),
            ("x", ["y"], "y"), ("zone", ["owner", "group"], nil), ("anything", [], nil), ("ab", ["bb", "cccc"], "bb"),
        ] as [(String, [String], String?)])
    func nearest(word: String, candidates: [String], expected: String?) {
        #expect(Diagnostic.nearest(to: word, among: candidates) == expected)
    }

    @Test("mistakes are shown once, by file and line, those without a place first")
    func order() {
        func mistake(_ text: String, _ file: String? = nil, _ line: Int = 1) -> Diagnostic {
            Diagnostic(text, at: file.map { SourceLocation(file: $0, line: line) })
        }
        let all = [
            mistake("d", "b", 2), mistake("c", "b", 1), mistake("a"), mistake("b", "a", 9), mistake("d", "b", 2),
        ]
        #expect(all.sortedByPlace().map(\.message) == ["a", "b", "c", "d"])
        #expect(
            Diagnostic("m", at: SourceLocation(file: "f", line: 2, column: 3), remedy: "r").description == "f:2:3: m; r"
        )
    }

    @Test(
        "only network mounts may hang",
        arguments: [("nfs4", true), ("fuse.sshfs", true), ("ext4", false), ("tmpfs", false)])
    func mounts(type: String, isNetwork: Bool) {
        #expect(HostFacts.Mount(point: "/x", type: type, source: "s", options: []).isNetwork == isNetwork)
    }
}
