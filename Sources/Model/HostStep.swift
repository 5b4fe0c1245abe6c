/// One read-only question to a host: a script whose standard output, standard error and status come back separately.
/// Many questions travel in one frame. The script bounds itself (`timeout -s KILL`), since a hung read must not take the
/// other answers with it.
package struct HostQuestion: Sendable, Hashable {
    package var script: ShellText
    package init(_ script: ShellText) { self.script = script }
}

/// The answer to one ``HostQuestion``.
package struct HostAnswer: Sendable, Hashable, Codable {
    package var output: [UInt8]
    package var errors: [UInt8]
    /// Exit status as the shell gives it: 128 + signal for a killed command, 124 or 137 after `timeout`.
    package var status: Int32

    package init(output: [UInt8], errors: [UInt8] = [], status: Int32 = 0) {
        self.output = output
        self.errors = errors
        self.status = status
    }
    package var outputText: String { String(decoding: output, as: UTF8.self) }
    package var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// One thing done to a host: a script, and what it reads on its standard input (where secrets travel).
package struct HostStep: Sendable, Hashable {
    /// What an operator reads, without secrets: `write /etc/nginx/nginx.conf`.
    package var summary: String
    package var script: ShellText
    package var input: Content?
    /// Set for steps that may last or that cannot be atomic: they run as a transient systemd unit that outlives the
    /// connection and ends at its limit.
    package var isSupervised: Bool
    /// How long the step may take on the host.
    package var limit: Duration
    /// Which of the changes that a kind was asked for it makes, by their places in the list; `nil` = all steps together
    /// make all of them, or each step makes one.
    package var changes: Range<Int>?

    /// The exit status of a step that has changed nothing because another actor is at work on the host (EX_TEMPFAIL of
    /// sysexits.h): the host is refused.
    package static let busyStatus = 75

    package init(
        _ summary: String, script: ShellText, input: Content? = nil, isSupervised: Bool = false,
        limit: Duration = .seconds(30), changes: Range<Int>? = nil
    ) {
        self.summary = summary
        self.script = script
        self.input = input
        self.isSupervised = isSupervised
        self.limit = limit
        self.changes = changes
    }
}

/// Who holds, or wants, a host's lock.
package struct LockTicket: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The operator's login name on the controller.
    package var owner: String
    /// The controller's host name.
    package var controller: String
    package var run: RunID
    /// RFC 3339, UTC.
    package var since: String

    package init(owner: String, controller: String, run: RunID, since: String) {
        self.owner = owner
        self.controller = controller
        self.run = run
        self.since = since
    }
    package var description: String { "run \(run) of \(owner) on \(controller) since \(since)" }
}
