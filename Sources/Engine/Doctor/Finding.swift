package import Model

/// One thing that `doctor` looked at: what was found, and the line that mends it.
package struct Finding: Sendable, Hashable {
    package enum Severity: String, Sendable, Hashable, CaseIterable {
        /// A run would end here, or do harm.
        case blocker
        case warning
        /// There is nothing to look at, so nothing is said about it; never the same as ok.
        case notApplicable = "not-applicable"
        case ok
    }

    /// What was looked at: `port`, `disk /var`.
    package var check: String
    /// A host, a role, a secret, a file: `backend01`, `secret passwords`, `this machine`.
    package var subject: String
    package var severity: Severity
    package var found: String
    /// A command, a Terraform attribute, a policy fragment: what mends it, ready to be copied.
    package var remedy: String?
    /// How a run would end because of a blocker; `nil` = as wrong configuration (exit 1).
    package var outcome: Outcome?

    package init(
        _ check: String, of subject: String, _ severity: Severity, _ found: String, remedy: String? = nil,
        outcome: Outcome? = nil
    ) {
        self.check = check
        self.subject = subject
        self.severity = severity
        self.found = found
        self.remedy = remedy
        self.outcome = outcome
    }

    static func ok(_ check: String, of subject: String, _ found: String) -> Finding {
        Finding(check, of: subject, .ok, found)
    }

    static func notApplicable(_ check: String, of subject: String, _ why: String) -> Finding {
        Finding(check, of: subject, .notApplicable, why)
    }

    /// Could not be looked at: that is no reason to call it fine.
    static func unknown(_ check: String, of subject: String, _ why: String) -> Finding {
        Finding(check, of: subject, .warning, "not known: \(why)", remedy: "look at it by hand")
    }

    var json: JSONValue {
        .object([
            "check": .text(check), "subject": .text(subject), "severity": .text(severity.rawValue),
            "found": .text(found), "remedy": remedy.map { .text($0) } ?? .null,
        ])
    }
}
