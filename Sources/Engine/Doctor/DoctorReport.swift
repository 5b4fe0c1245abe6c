package import Model
internal import Report

/// All findings of one `doctor`, as text and as JSON.
package struct DoctorReport: Sendable {
    package var findings: [Finding]
    package var seconds: Double

    package init(findings: [Finding], seconds: Double) {
        self.findings = findings
        self.seconds = seconds
    }

    /// The exit code of the run that these findings foretell: wrong configuration stops it before any host is asked, else
    /// the worst host counts.
    package var exitCode: Int32 {
        let blockers = findings.filter { $0.severity == .blocker }
        if blockers.contains(where: { $0.outcome == nil }) { return 1 }
        return Outcome.worst(of: blockers.compactMap(\.outcome)).exitCode
    }

    /// Subjects in the order in which they were looked at, those with blockers first, then those with warnings.
    private var groups: [(subject: String, findings: [Finding])] {
        var order: [String] = []
        var bySubject: [String: [Finding]] = [:]
        for finding in findings {
            if bySubject[finding.subject] == nil { order.append(finding.subject) }
            bySubject[finding.subject, default: []].append(finding)
        }
        func rank(_ subject: String) -> Int {
            bySubject[subject]?.map { Self.rank($0.severity) }.min() ?? Self.rank(.ok)
        }
        let ranked = order.enumerated().sorted { left, right in
            (rank(left.element), left.offset) < (rank(right.element), right.offset)
        }
        return ranked.map { entry in
            let all = bySubject[entry.element] ?? []
            let sorted = all.enumerated().sorted {
                (Self.rank($0.element.severity), $0.offset) < (Self.rank($1.element.severity), $1.offset)
            }
            return (entry.element, sorted.map(\.element))
        }
    }

    private static func rank(_ severity: Finding.Severity) -> Int {
        switch severity {
        case .blocker: 0
        case .warning: 1
        case .notApplicable, .ok: 2
        }
    }

    /// One line a finding and one for what mends it. What is well is only named, unless everything is wanted. Findings quote
    /// hosts, so none of their words reaches a terminal as it is.
    package func text(usesColor: Bool, isVerbose: Bool) -> String {
        func said(_ text: String) -> String { TerminalText.harmless(text) }
        func paint(_ text: String, _ code: String) -> String { usesColor ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
        var lines: [String] = []
        for group in groups {
            lines.append(paint(said(group.subject), "1"))
            var fine: [String] = []
            for finding in group.findings {
                let label: String
                switch finding.severity {
                case .blocker: label = paint("BLOCKER", "31")
                case .warning: label = paint("warning", "33")
                case .notApplicable:
                    label = "n/a    "
                    guard isVerbose else {
                        lines.append("  n/a      \(said(finding.check)): \(said(finding.found))")
                        continue
                    }
                case .ok:
                    label = paint("ok", "32") + "     "
                    guard isVerbose else {
                        fine.append(said(finding.check))
                        continue
                    }
                }
                lines.append("  \(label)  \(said(finding.check)): \(said(finding.found))")
                if let remedy = finding.remedy { lines.append("           -> \(said(remedy))") }
            }
            if !fine.isEmpty { lines.append("  \(paint("ok", "32"))       " + fine.joined(separator: ", ")) }
        }
        return (lines + [summary]).joined(separator: "\n")
    }

    private var summary: String {
        func count(_ severity: Finding.Severity, _ one: String, _ many: String) -> String {
            let count = findings.filter { $0.severity == severity }.count
            return "\(count) \(count == 1 ? one : many)"
        }
        return count(.blocker, "blocker", "blockers") + ", " + count(.warning, "warning", "warnings") + ", "
            + count(.ok, "check", "checks") + " fine"
    }

    package var json: JSONValue {
        .object([
            "command": "doctor", "outcome": .text(exitCode == 0 ? "fit" : "blocked"), "seconds": .decimal(seconds),
            "findings": .list(groups.flatMap(\.findings).map(\.json)),
        ])
    }
}
