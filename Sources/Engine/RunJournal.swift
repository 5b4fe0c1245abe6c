internal import Glibc
internal import Model
internal import Records

/// What a run writes down as it goes. A run that changes hosts has one; a journal that cannot be written stops it before
/// the first change, and later failures are kept to be reported, since stopping half-way would be worse.
struct RunJournal: Sendable {
    private let journal: Journal?

    init(_ journal: Journal?) { self.journal = journal }

    func begins(_ command: String, hosts: [HostName], owner: String) {
        write("begin", ["command": .text(command), "hosts": .list(hosts.map { .text($0.rawValue) }), "by": .text(owner)])
    }
    func stepBegins(_ host: HostName, _ summary: String) {
        write("step", ["host": .text(host.rawValue), "step": .text(summary)], isDurable: true)
    }
    func stepEnded(_ host: HostName, _ summary: String, status: Int32) {
        write("done", ["host": .text(host.rawValue), "step": .text(summary), "status": .integer(Int(status))])
    }
    func ended(_ host: HostName, _ ending: Ending) {
        write(
            "host",
            [
                "host": .text(host.rawValue), "outcome": .text(ending.outcome.word),
                "reason": ending.reason.map { .text($0) } ?? .null,
            ])
    }
    func ends(_ outcome: Outcome) { write("end", ["outcome": .text(outcome.word)], isDurable: true) }

    private func write(_ event: String, _ details: JSONValue, isDurable: Bool = false) {
        guard let journal, case .object(let members) = details else { return }
        var line: JSONValue = ["time": .text(Timestamp.now), "event": .text(event)]
        if case .object(var start) = line {
            for (key, value) in members { start[key] = value }
            line = .object(start)
        }
        try? journal.append(line, isDurable: isDurable)
    }
}

/// The time of day, for records and run ids. Deadlines use the monotonic clock.
enum Timestamp {
    /// RFC 3339 in UTC, whole seconds.
    static var now: String { format("%Y-%m-%dT%H:%M:%SZ") }
    static var compact: String { format("%Y%m%dT%H%M%SZ") }

    private static func format(_ pattern: String) -> String {
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        strftime(&text, text.count, pattern, &parts)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
