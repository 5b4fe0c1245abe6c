import Model
import Testing

@testable import RemoteProtocol

@Suite struct ReaderTextTests {
    /// What single quotes do not protect in csh (`!`, a line break) or in fish (`\\`), and what ends them everywhere.
    @Test(arguments: ["'", "!", "\n", "\\\\"]) func holdsNothingThatALoginShellReads(text: String) {
        #expect(!RemoteReader.text.contains(text))
    }

    @Test func commandIsConstantAndQuoted() {
        #expect(RemoteReader.command(sudo: true) == "exec sudo -n -- sh -c '\(RemoteReader.text)'")
        #expect(RemoteReader.command(sudo: false) == "exec sh -c '\(RemoteReader.text)'")
    }

    @Test func framesTellLengthsInBytes() throws {
        let frame = Frame.step("echo é", input: [0, 10, 255], limit: 9)
        let expected = Array("S 9 3 9\necho é\n#".utf8) + [0, 10, 255] + Array("\nB\n".utf8)
        #expect(try frame.bytes(boundary: "B") == expected)
        #expect(try Frame.questions("a").bytes(boundary: "B") == Array("Q 3 0 0\na\n#".utf8))
    }

    @Test func unsendableScriptsAreRefused() {
        let long = ShellText(script: String(repeating: "x", count: Frame.longestStepScript))
        #expect(throws: ProtocolError.self) { try Frame.step(long, input: [], limit: 1).bytes(boundary: "B") }
        #expect(throws: ProtocolError.self) { try Frame.questions("a\0b").bytes(boundary: "B") }
    }

    @Test(arguments: [
        ("success exited:0", SupervisedEnd.exited(0)), ("exit-code exited:7", .exited(7)),
        ("signal killed:KILL", .signalled("KILL")), ("signal killed:15", .signalled("TERM")),
        ("core-dump dumped:SEGV", .signalled("SEGV")), ("timeout killed:TERM", .limitPassed),
        ("oom-kill killed:KILL", .outOfMemory), ("lost -:-", .lost),
        ("output-limit signal killed:KILL", .outputTooLong),
        ("resources -:-", .other("resources -:-")),
    ]) func endsAreTold(line: String, end: SupervisedEnd) {
        #expect(SupervisedEnd(statusLine: line) == end)
    }

    @Test(arguments: [(SupervisedEnd.exited(7), Int32(7)), (.signalled("TERM"), 143), (.limitPassed, 137)])
    func endsHaveAStatus(end: SupervisedEnd, status: Int32) { #expect(end.status == status) }

    @Test(arguments: ["a b", "a/b", "../x", "", "a;b", ".x"]) func idsThatShellOrSystemdWouldReadAreUnsafe(id: String) {
        #expect(!SupervisedID(id).isSafe)
        #expect(SupervisedID(run: "20260101T000000Z-aaaaaa", number: 3).isSafe)
    }

    @Test func ticketsStayOnTheirLines() {
        let ticket = LockTicket(owner: "a\npid 1", controller: "c", run: "r", since: "s")
        #expect(ticket.lines == "owner a?pid 1\ncontroller c\nrun r\nsince s\n")
    }
}
