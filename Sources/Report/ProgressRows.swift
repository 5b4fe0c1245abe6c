package import Model

/// What is known of each host while a run goes on, as rows for a terminal. Pure: times are given, in seconds since the run
/// began.
package struct ProgressRows: Sendable {
    private struct Row: Sendable {
        var text: String
        var since: Double
        var lastLine = ""
        var ending: Ending?
    }
    private var order: [HostName] = []
    private var rows: [HostName: Row] = [:]

    package init() {}

    /// False if that is what the host is at already: a gate that is asked every second is one wait.
    package mutating func begin(_ host: HostName, _ text: String, at time: Double) -> Bool {
        if let row = rows[host], row.text == text, row.ending == nil { return false }
        if rows[host] == nil { order.append(host) }
        rows[host] = Row(text: text, since: time)
        return true
    }

    package mutating func print(_ host: HostName, _ line: String) { rows[host]?.lastLine = line }

    package mutating func end(_ host: HostName, _ ending: Ending, at time: Double) {
        if rows[host] == nil { order.append(host) }
        rows[host, default: Row(text: "", since: time)].ending = ending
    }

    /// One line a host, in the order in which they turned up, none of them as wide as the terminal.
    package func lines(at time: Double, width: Int) -> [String] {
        order.compactMap { host in
            guard let row = rows[host] else { return nil }
            let detail = row.ending.map(\.outcome.word) ?? row.text
            let tail = row.ending == nil && !row.lastLine.isEmpty ? "  | " + row.lastLine : ""
            let elapsed = row.ending == nil ? Self.elapsed(time - row.since) : ""
            let line = TerminalText.harmless("\(host)  \(elapsed)  \(detail)\(tail)").map { $0 == "\t" ? " " : $0 }
            return String(line.prefix(max(0, width - 1)))
        }
    }

    /// `    1.2 s`, of a fixed width up to a day.
    package static func elapsed(_ seconds: Double) -> String {
        let tenths = max(0, Int(seconds * 10))
        let text = "\(tenths / 10).\(tenths % 10) s"
        return String(repeating: " ", count: max(0, 7 - text.count)) + text
    }
}
