package import Model

/// When a host owes a reboot, and how long it may take. Nothing is ever rebooted unless the run has permission for it.
///
/// A reboot is owed by whatever notifies it, noted on the host together with the boot id of that moment, and by what the
/// host itself says. A host whose boot id is another one has been rebooted since, by whomever.
package struct RebootResource: ResourceKind {
    /// What the host itself is asked.
    package enum Source: String, Sendable, Hashable, CaseIterable {
        /// /run/reboot-required, which Debian's packages leave.
        case requiredFile = "required-file"
        /// The newest kernel in /boot is not the one that runs.
        case kernel
        /// A package that is only in use after a reboot was installed after the boot, as `dnf needs-restarting -r` judges.
        case packages
    }

    package let label: String
    package let sources: [Source]
    /// From the request until the host has booted.
    package let deadline: Duration

    package static let declaration = KindDeclaration(
        name: "reboot",
        summary:
            "When a reboot is owed. It is done only by `--reboot-if-owed`, once, after everything else; else plans say it.",
        subject: FieldDeclaration("reboot", .text, "What it is called. A host has one; `notify: [reboot]` is to it."),
        fields: [
            FieldDeclaration(
                "sources", .list, defaultText: "[required-file, kernel, packages]",
                "What counts besides notifications: `required-file` (/run/reboot-required), `kernel` (the newest one in /boot "
                    + "does not run), `packages` (RPM hosts: kernel, glibc, systemd and the like are newer than the boot)."
            ),
            FieldDeclaration(
                "deadline", .duration, defaultText: "10m", "How long it may take until the host has booted again."),
        ])

    package init(_ fields: Fields) throws(Diagnostics) {
        var checks = FieldChecks(fields)
        label = fields.subject
        checks.requireLabel(label)
        var known: [Source] = []
        for name in fields.list("sources") ?? Source.allCases.map(\.rawValue) {
            let source = Source(rawValue: name)
            checks.require(
                source != nil, "\"\(name)\" is no source of a reboot", at: "sources",
                remedy: Diagnostic.suggestion(for: name, among: Source.allCases.map(\.rawValue)))
            if let source, !known.contains(source) { known.append(source) }
        }
        sources = known
        deadline = fields.duration("deadline") ?? .seconds(600)
        checks.require(deadline >= .seconds(1), "a host cannot be back at once", at: "deadline")
        try checks.finish()
    }

    /// A host has one.
    package static let id = ResourceID(kind: "reboot", identity: "host")
    package var identity: String { "host" }

    private var request: ProbeRequest {
        ProbeRequest(RebootBatch.name, sources.map(\.rawValue).joined(separator: " "))
    }
    package func probes(on facts: HostFacts) -> [ProbeRequest] { sources.isEmpty ? [] : [request] }

    /// Key `owed`: why, one phrase each.
    package func observation(from answers: ProbeAnswers, on facts: HostFacts) -> Observation {
        sources.isEmpty ? .present(["owed": .list([])]) : answers[request]
    }

    package func desired(with book: SecretBook, on facts: HostFacts) -> State? { ["owed": .list([])] }

    /// Changes of it are planned after all others, see ``request(on:)``.
    package static func steps(for changes: [Change<Self>], on facts: HostFacts) -> [HostStep] {
        changes.isEmpty ? [] : [request(on: facts)]
    }

    /// Asks for the reboot and does not wait for it. The note comes before, with the boot id that has to be gone after it.
    package static func request(on facts: HostFacts) -> HostStep {
        let script =
            StepText.opening + """
                read -r now </proc/sys/kernel/random/boot_id || die "its boot id cannot be read"
                if [ "$now" != \(word: facts.bootID) ]; then echo "it was rebooted meanwhile"; exit 0; fi

                """ + OwedNotes.prelude(for: [.reboot]) + OwedNotes.synced + """
                systemctl --no-block reboot || die "systemd does not take the request for a reboot"

                """
        return HostStep("reboot", script: script, limit: .seconds(60))
    }
}
