import Model
import Planning
import Report
import Testing

@Suite("A run as text")
struct TextTests {
    private let text = ReportText(usesColor: false)

    @Test("a plan shows each host with its place, and each change with its differences and what it owes")
    func plan() {
        #expect(
            text.plan([Reports.host(changes: Reports.changes, notes: ["does not serve now: a.service is not running"])])
                == """
                backend01  backend  eu-west-2a  10.1.128.11
                    # does not serve now: a.service is not running
                  ~ file:/etc/app.conf  update  -> reload app.service
                      mode     0600 -> 0644
                      @@ line 1 @@
                      -old
                      +new
                  + file:/opt/secret  create
                      content  (sensitive)
                      mode     (none) -> 0600
                  ? transfer:/opt/key  transfer from backend02  known after once:make of backend02 (transfer or update)
                """)
    }

    @Test("a plan leaves out hosts with nothing to do, and keeps those with a reason")
    func quiet() {
        let hosts = [
            Reports.host("backend01", Ending(.unchanged)), Reports.host("backend02", Ending(.unreachable, "timed out")),
        ]
        #expect(text.plan(hosts) == "backend02  backend  eu-west-2a  10.1.128.11: unreachable, timed out")
    }

    @Test("what is right now and may be altered is counted, and listed when asked for in detail")
    func mayCome() {
        let changes = ["a", "b"].map {
            ReportedChange(
                PlannedChange(
                    resource: ResourceID("file:/\($0)"), action: .create,
                    knownAfter: .init(host: "backend01", resource: "package:nginx", possible: [.create, .update]),
                    isExpected: false))
        }
        let host = Reports.host(changes: changes)
        let short = text.plan([host])
        #expect(short.hasSuffix("  ? 2 more known after package:nginx: right now, unless it alters them"))
        #expect(!short.contains("file:/a"))
        let long = ReportText(usesColor: false, isVerbose: true).plan([host])
        #expect(long.contains("  ? file:/a  create  known after package:nginx (create or update)"))
    }

    @Test("the summary has one row a host, what was done below it, and the run's outcome at its end")
    func summary() {
        let report = Reports.run([
            Reports.host("backend02", Ending(.changed), changes: [Reports.changes[0]], notes: ["note"]),
            Reports.host("b1", Ending(.failed, "write /a: no space"), tail: "line one\nline two\n"),
            Reports.host("backend03", Ending(.unchanged), notes: ["hidden"]),
        ])
        #expect(
            text.summary(report) == """
                backend02  changed          0.99 s  1 changed
                  ~ file:/etc/app.conf  update  (content, mode)
                    # note
                b1         failed           0.99 s
                    write /a: no space
                    | line one
                    | line two
                backend03  unchanged        0.99 s
                failed in 1.23 s (run 20261123T071500Z-4f2a9c00)
                """)
    }

    @Test("of a long tail the last twenty lines are shown")
    func tail() {
        let tail = (1...30).map { "line \($0)" }.joined(separator: "\n")
        let shown = text.summary(Reports.run([Reports.host("b1", Ending(.failed, "r"), tail: tail)]))
        #expect(!shown.contains("| line 10\n"))
        #expect(shown.contains("| line 11\n"))
        #expect(shown.contains("| line 30\n"))
    }

    @Test("sensitive values are in no form of the text")
    func sensitive() {
        let report = Reports.run([Reports.host(changes: Reports.changes)])
        for isVerbose in [false, true] {
            let text = ReportText(usesColor: true, isVerbose: isVerbose)
            #expect(!(text.plan(report.hosts) + text.summary(report)).contains("canary"))
        }
    }

    @Test("digests are shortened, empty texts are visible")
    func values() {
        let digest = String(repeating: "0123456789abcdef", count: 4)
        let change = PlannedChange(
            resource: "k:i", action: .update,
            differences: [
                Difference(key: "content", observed: .text(digest), desired: ""),
                Difference(key: "list", observed: .list(["a", "b"]), desired: false),
            ])
        let shown = text.plan([Reports.host(changes: [ReportedChange(change)])])
        #expect(shown.contains("content  sha256 0123456789ab… -> \"\""))
        #expect(shown.contains("list     [a, b] -> no"))
    }

    @Test("color is escape codes around whole pieces, and none without it")
    func color() {
        let report = Reports.run([Reports.host("b1", Ending(.changed), changes: Reports.changes)])
        let plain = text.plan(report.hosts) + text.summary(report)
        #expect(!plain.contains("\u{1B}"))
        let painted = ReportText(usesColor: true)
        let colored = painted.plan(report.hosts) + painted.summary(report)
        #expect(colored.contains("\u{1B}[32m"))
        #expect(colored.replacing(/\u{1B}\[[0-9]+m/, with: "") == plain)
    }

    // MARK: What hosts say

    /// Clears the screen, sets the title, goes back to the line's start, C1's own form of CSI, deletes, turns text around.
    static let hostile = "x\u{1B}[2J\u{1B}]0;gotcha\u{7}\ry\u{9B}31m\u{7F}\u{202E}z\u{0}"

    @Test("nothing that a host says reaches the terminal as a control")
    func controls() {
        let evil = Self.hostile
        let change = PlannedChange(
            resource: ResourceID("file:/\(evil)"), action: .update,
            differences: [Difference(key: "running", observed: .text(evil), desired: .list([evil]))],
            knownAfter: .init(host: "backend01", resource: ResourceID("once:\(evil)"), possible: [.update]))
        let shy = PlannedChange(
            resource: ResourceID("file:/\(evil)"), action: .update,
            knownAfter: .init(host: "backend01", resource: ResourceID("once:\(evil)"), possible: [.update]),
            isExpected: false)
        let host = Reports.host(
            "backend01", Ending(.failed, evil), changes: [ReportedChange(change, diff: "-\(evil)\n+new"), .init(shy)],
            notes: [evil], tail: "\(evil)\n\(evil)")
        let report = Reports.run([host], notes: [evil])
        for isVerbose in [false, true] {
            let text = ReportText(usesColor: false, isVerbose: isVerbose)
            let shown = text.plan(report.hosts) + text.summary(report)
            #expect(shown.contains("gotcha"), "the rest of the text stays readable")
            for scalar in shown.unicodeScalars where scalar != "\n" {
                let category = scalar.properties.generalCategory
                #expect(category != .control && category != .format, "\(scalar.escaped(asASCII: true))")
            }
        }
    }

    @Test("a reason of several lines keeps the shape of the rows")
    func severalLines() {
        let report = Reports.run([Reports.host("b1", Ending(.failed, "first\nbackend02  unchanged"))])
        #expect(text.summary(report).contains("\n    first\n    backend02  unchanged\n"))
    }

    @Test(
        "made harmless: controls become visible, everything else stays",
        arguments: [
            ("plain é 漢 😀 \u{301}", "plain é 漢 😀 \u{301}"), ("a\tb", "a\tb"), ("a\u{1B}[0m", "a\\u{1b}[0m"),
            ("\r\n", "\\r\\n"), ("\u{7}\u{8}\u{0}", "\\u{7}\\u{8}\\u{0}"), ("\u{9B}\u{7F}", "\\u{9b}\\u{7f}"),
            ("\u{202E}\u{2066}\u{2028}\u{FEFF}", "\\u{202e}\\u{2066}\\u{2028}\\u{feff}"),
            ("👩\u{200D}💻", "👩\u{200D}💻"),
        ])
    func harmless(raw: String, shown: String) {
        #expect(TerminalText.harmless(raw) == shown)
    }
}
