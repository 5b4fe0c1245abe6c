import Model
import Report
import Testing

@Suite("Rows of progress")
struct ProgressRowsTests {
    @Test("one a host, in the order in which they turned up; a new step begins a new time, the same one does not")
    func rows() {
        var rows = ProgressRows()
        #expect(rows.lines(at: 0, width: 80) == [])
        let step1 = rows.begin("b", "connecting", at: 0)
        #expect(step1)
        let step2 = rows.begin("a", "connecting", at: 1)
        #expect(step2)
        let step3 = rows.begin("b", "write /etc/x", at: 2)
        #expect(step3)
        let step4 = rows.begin("b", "write /etc/x", at: 3)
        #expect(!step4)
        rows.print("b", "half done")
        rows.print("unknown", "is nobody's row")
        #expect(
            rows.lines(at: 4.25, width: 80) == ["b    2.2 s  write /etc/x  | half done", "a    3.2 s  connecting"])
        let step5 = rows.begin("b", "wait", at: 5)
        #expect(step5)
        #expect(rows.lines(at: 5, width: 80).first == "b    0.0 s  wait")
    }

    @Test("an end stops the time and hides what was printed; a host may also begin with it, or begin again")
    func ends() {
        var rows = ProgressRows()
        _ = rows.begin("a", "install", at: 0)
        rows.print("a", "unpacking")
        rows.end("a", Ending(.failed, "it did"), at: 9)
        rows.end("b", Ending(.unreachable, "timed out"), at: 9)
        #expect(rows.lines(at: 100, width: 80) == ["a    failed", "b    unreachable"])
        let step6 = rows.begin("a", "install", at: 101)
        #expect(step6)
        #expect(rows.lines(at: 102, width: 80).first == "a    1.0 s  install")
    }

    @Test("no row is as wide as the terminal, and no host writes the operator's screen")
    func harmless() {
        var rows = ProgressRows()
        _ = rows.begin("a", "x\u{1B}[2J\ty", at: 0)
        rows.print("a", String(repeating: "long ", count: 100) + "\r\u{7}")
        for width in [0, 1, 21, 80, 200] {
            let line = rows.lines(at: 1, width: width)[0]
            #expect(line.count <= max(0, width - 1))
            #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 })
        }
        #expect(rows.lines(at: 1, width: 80)[0].hasPrefix("a    1.0 s  x\\u{1b}[2J y  | long"))
    }

    @Test(
        "times have one width up to a day",
        arguments: [(0, "  0.0 s"), (9.96, "  9.9 s"), (100, "100.0 s"), (-1, "  0.0 s")])
    func times(seconds: Double, text: String) { #expect(ProgressRows.elapsed(seconds) == text) }
}
