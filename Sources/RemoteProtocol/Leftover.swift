package import Model

/// A supervised step that an earlier session started and whose files nobody has collected.
package struct Leftover: Sendable, Hashable {
    package var id: SupervisedID
    /// What the step was for, as its session told it.
    package var summary: String = ""
    /// Seconds that it may take in all.
    package var limit: Int = 0
    /// Who started it, if that session held the lock.
    package var ticket: LockTicket?
    /// `nil` = it runs, or was lost; only asking tells.
    package var end: SupervisedEnd?

    private var fields: [String: String] = [:]

    package init(id: SupervisedID) { self.id = id }

    /// A line of its `about` file.
    mutating func note(_ line: String) {
        let (key, value) = Hello.pair(line)
        switch key {
        case "summary": summary = value
        case "limit": limit = Int(value) ?? 0
        default:
            fields[key] = value
            ticket = LockTicket(fields: fields)
        }
    }
}

extension LockTicket {
    init?(fields: [String: String]) {
        guard let owner = fields["owner"], let controller = fields["controller"], let run = fields["run"],
            let since = fields["since"]
        else { return nil }
        self.init(owner: owner, controller: controller, run: RunID(run), since: since)
    }

    /// `key value` lines. A control character in a value would end its line and becomes `?`.
    var lines: String {
        [("owner", owner), ("controller", controller), ("run", run.rawValue), ("since", since)]
            .map { "\($0) \(singleLine($1))\n" }.joined()
    }
}

func singleLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
}
