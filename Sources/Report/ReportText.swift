internal import Model
internal import Planning
internal import Resources

/// A run as an operator reads it. The same value as the JSON document.
package struct ReportText: Sendable {
    private let usesColor: Bool
    /// Also shows what is unchanged in detail, and whole diffs.
    private let isVerbose: Bool

    package init(usesColor: Bool, isVerbose: Bool = false) {
        self.usesColor = usesColor
        self.isVerbose = isVerbose
    }

    /// Hosts with their differences: what `plan` prints, and what is asked about before an apply.
    package func plan(_ hosts: [HostReport]) -> String {
        var lines: [String] = []
        for host in hosts where !host.changes.isEmpty || host.ending.reason != nil {
            lines += heading(host)
            for note in host.notes { lines.append(paint("    # \(note)", .plain)) }
            lines += host.changes.flatMap { render($0, of: host.host) }
            lines += promises(host)
            let later = host.changes.filter { !$0.change.isExpected }
            if let after = later.first?.change.knownAfter, !isVerbose {
                lines.append(
                    paint(
                        "  ? \(later.count) more known after \(after.resource): right now, unless it alters them", .dim)
                )
            }
        }
        return lines.joined(separator: "\n")
    }

    /// One row a host, and below it only what differs.
    package func summary(_ report: RunReport) -> String {
        var lines: [String] = []
        let width = report.hosts.map(\.host.rawValue.count).max() ?? 0
        for host in report.hosts {
            let expected = host.changes.filter(\.change.isExpected).count
            let count =
                expected == 0
                ? "" : host.ending.outcome == .wouldChange ? "\(expected) to change" : "\(expected) changed"
            let row = [
                host.host.rawValue.padded(to: width), host.ending.outcome.word.padded(to: 13),
                seconds(host.seconds).leftPadded(to: 8), count,
            ].joined(separator: "  ")
            lines.append(paint(row.trimmedRight, color(of: host.ending.outcome)))
            if let reason = host.ending.reason { lines += block(reason, indent: "    ") }
            if let tail = host.tail {
                lines += block(tail, indent: "    | ").filter { $0 != "    | " }.suffix(20)
            }
            if report.command == "apply" {
                for change in host.changes where change.change.isExpected { lines.append(line(change)) }
            }
            for note in host.notes where host.ending.outcome != .unchanged || isVerbose {
                lines.append(paint("    # \(note)", .dim))
            }
        }
        for note in report.notes { lines.append(paint("# \(note)", .dim)) }
        lines.append("\(report.outcome.word) in \(seconds(report.seconds)) (run \(report.run))")
        return lines.joined(separator: "\n")
    }

    // MARK: Parts

    private func heading(_ host: HostReport) -> [String] {
        var parts = [host.host.rawValue, host.role.rawValue]
        if let zone = host.zone { parts.append(zone.rawValue) }
        if let address = host.address { parts.append(address.description) }
        let name = paint(parts.joined(separator: "  "), .bold)
        guard let reason = host.ending.reason else { return [name] }
        let lines = block("\(host.ending.outcome.word), \(reason)", indent: "")
        return ["\(name): \(lines[0])"] + lines.dropFirst().map { "    \($0)" }
    }

    /// Gates that are not asked on the host itself before the next one; all of them, and what the role needs, if asked for.
    private func promises(_ host: HostReport) -> [String] {
        guard !host.changes.isEmpty else { return [] }
        var lines = host.gates.compactMap { gate -> String? in
            guard gate.circumstances != nil || isVerbose else { return nil }
            return "    then: gate \(gate.label)" + (gate.circumstances.map { ", \($0)" } ?? "")
        }
        if isVerbose, !host.needs.isEmpty { lines.append("    # needs: \(host.needs.joined(separator: ", "))") }
        return lines.map { paint($0, .dim) }
    }

    private func line(_ reported: ReportedChange) -> String {
        let change = reported.change
        var text = "  \(mark(change.action)) \(change.resource)  \(change.action.rawValue)"
        if let source = change.source { text += " from \(source)" }
        let keys = change.differences.map(\.key).filter { $0 != "state" }
        if !keys.isEmpty { text += "  (\(keys.joined(separator: ", ")))" }
        return paint(text, color(of: change.action))
    }

    private func render(_ reported: ReportedChange, of host: HostName) -> [String] {
        let change = reported.change
        if !change.isExpected && !isVerbose { return [] }
        var head =
            "  \(change.knownAfter == nil ? mark(change.action) : "?") \(change.resource)  \(change.action.rawValue)"
        if let source = change.source { head += " from \(source)" }
        if let later = change.knownAfter {
            let possible = later.possible.map(\.rawValue).sorted().joined(separator: " or ")
            let place = later.host == host ? "" : " of \(later.host)"
            head += "  known after \(later.resource)\(place) (\(possible))"
        }
        if let confirm = change.confirm { head += "  needs --allow \(confirm)" }
        if !change.notifies.isEmpty { head += "  -> " + change.notifies.map(\.description).joined(separator: ", ") }
        var lines = [paint(head, color(of: change.action))]
        let width = change.differences.map(\.key.count).max() ?? 0
        for difference in change.differences {
            let key = difference.key.padded(to: width)
            if difference.isSensitive {
                lines.append(paint("      \(key)  (sensitive)", .plain))
            } else if difference.key == "content", reported.diff != nil {
                continue
            } else {
                var values = "\(short(difference.observed)) -> \(short(difference.desired))"
                if difference.key == "content", let omission = reported.diffOmission { values += "  (\(omission))" }
                lines.append(paint("      \(key)  \(values)", .plain))
            }
        }
        if let diff = reported.diff {
            for text in diff.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false) {
                let color: Color = text.first == "+" ? .green : text.first == "-" ? .red : .dim
                lines.append("      " + paint(String(text), color))
            }
        }
        return lines
    }

    private func short(_ value: StateValue?) -> String {
        guard let value else { return "(none)" }
        let text = value.description
        // A SHA-256 in hex: its first digits tell two apart.
        let isDigest =
            text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        return isDigest ? "sha256 \(text.prefix(12))…" : text.isEmpty ? "\"\"" : text
    }

    private func mark(_ action: ChangeAction) -> String {
        switch action {
        case .create: "+"
        case .remove: "-"
        case .update: "~"
        case .run, .transfer, .restart, .reload, .reboot: ">"
        }
    }

    private func seconds(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
    }

    // MARK: Color

    private enum Color: String {
        case red = "31"
        case green = "32"
        case yellow = "33"
        case bold = "1"
        case dim = "2"
        case plain = ""
    }

    /// Every piece of text goes through here, so that no control character but ours leaves.
    private func paint(_ text: String, _ color: Color) -> String {
        let text = TerminalText.harmless(text)
        return usesColor && color != .plain ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Text that may have several lines, all of them indented.
    private func block(_ text: String, indent: String, _ color: Color = .plain) -> [String] {
        TerminalText.harmlessLines(text).map { paint(indent + $0, color) }
    }

    private func color(of action: ChangeAction) -> Color {
        switch action {
        case .create: .green
        case .remove: .red
        case .update, .run, .transfer, .restart, .reload, .reboot: .yellow
        }
    }

    private func color(of outcome: Outcome) -> Color {
        switch outcome {
        case .unchanged: .green
        case .changed, .wouldChange: .yellow
        case .notAttempted: .dim
        case .failed, .rolledBack, .unreachable, .locked, .refused, .interrupted: .red
        }
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - count)) }
    func leftPadded(to width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - count)) + self }
    var trimmedRight: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
