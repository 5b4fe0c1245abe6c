import Model
import Testing

@testable import Engine

@Suite("Doctor: the report")
struct DoctorReportTests {
    func code(_ findings: [Finding]) -> Int32 { DoctorReport(findings: findings, seconds: 0).exitCode }
    func blocker(_ outcome: Outcome?) -> Finding { Finding("c", of: "s", .blocker, "f", outcome: outcome) }

    @Test("exit codes are those of the run that it foretells")
    func codes() {
        #expect(code([]) == 0)
        #expect(code([Finding("c", of: "s", .warning, "f", outcome: .failed), .ok("c", of: "s", "f")]) == 0)
        #expect(code([blocker(nil), blocker(.failed)]) == 1)
        #expect(code([blocker(.unreachable)]) == 4)
        #expect(code([blocker(.unreachable), blocker(.refused)]) == 6)
        #expect(code([blocker(.refused), blocker(.failed)]) == 3)
        #expect(code([blocker(.locked)]) == 5)
    }

    @Test("subjects with blockers come first, and in them blockers; each has its line and its remedy's")
    func text() {
        let report = DoctorReport(
            findings: [
                .ok("disk", of: "one", "40 GiB"), Finding("clock", of: "two", .warning, "slow", remedy: "wind it"),
                .notApplicable("cloud-init", of: "three", "not installed"), .ok("port", of: "three", "fine"),
                Finding("port", of: "three", .blocker, "shut", remedy: "open it", outcome: .unreachable),
            ], seconds: 1)
        #expect(
            report.text(usesColor: false, isVerbose: false) == """
                three
                  BLOCKER  port: shut
                           -> open it
                  n/a      cloud-init: not installed
                  ok       port
                two
                  warning  clock: slow
                           -> wind it
                one
                  ok       disk
                1 blocker, 1 warning, 2 checks fine
                """)
        #expect(report.text(usesColor: false, isVerbose: true).contains("  ok       disk: 40 GiB"))
        let first = report.json["findings"]?.list?.first
        #expect(
            first == ["check": "port", "subject": "three", "severity": "blocker", "found": "shut", "remedy": "open it"])
        #expect(report.json["outcome"]?.text == "blocked")
    }

    @Test("what hosts say cannot write to the terminal")
    func harmless() {
        let evil = "x\u{1B}]0;owned\u{7}\u{9B}2J"
        let report = DoctorReport(
            findings: [Finding(evil, of: evil, .blocker, evil, remedy: evil), .ok(evil, of: "h", evil)], seconds: 1)
        for isVerbose in [false, true] {
            let text = report.text(usesColor: false, isVerbose: isVerbose)
            #expect(text.contains("owned"))
            #expect(
                !text.unicodeScalars.contains { $0 != "\n" && ($0.value < 0x20 || (0x7F..<0xA0).contains($0.value)) })
        }
    }
}
