internal import Glibc
internal import Model
internal import Records
internal import Synchronization

/// What a run writes down as it goes. A journal that cannot be written stops the run before the first change; later
/// failures are kept to be reported, since stopping half-way would be worse.
final class RunJournal: Sendable {
    private let journal: Journal
    private let masker: Masker
    private let firstFailure = Mutex<RecordError?>(nil)

    init(_ journal: Journal, _ masker: Masker) {
        self.journal = journal
        self.masker = masker
    }

    /// What could not be written.
    var trouble: RecordError? { firstFailure.withLock { $0 } }

    func begins(_ command: String, hosts: [HostName], owner: String) throws(RecordError) {
        let details: JSONValue = [
            "command": .text(command), "hosts": .list(hosts.map { .text($0.rawValue) }), "by": .text(owner),
        ]
        try journal.append(line("begin", details), isDurable: true)
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
                "reason": ending.reason.map { .text(masker.mask($0)) } ?? .null,
            ])
    }
    func ends(_ outcome: Outcome) { write("end", ["outcome": .text(outcome.word)], isDurable: true) }

    private func write(_ event: String, _ details: JSONValue, isDurable: Bool = false) {
        do throws(RecordError) {
            try journal.append(line(event, details), isDurable: isDurable)
        } catch {
            firstFailure.withLock { $0 = $0 ?? error }
        }
    }

    private func line(_ event: String, _ details: JSONValue) -> JSONValue {
        guard var members = JSONValue.object(["time": .text(Timestamp.now), "event": .text(event)]).object else {
            return details
        }
        for (key, value) in details.object ?? [:] { members[key] = value }
        return .object(members)
    }
}

/// The time of day, for records and run ids. Deadlines use the monotonic clock.
enum Timestamp {
    /// RFC 3339 in UTC, whole seconds.
    static var now: String { moment.timestamp }
    static var moment: Moment { Moment(seconds: Int(time(nil))) }
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
