package import Model

/// Restarts and reloads that a host still owes, as empty files whose names say what: creating, striking off and listing
/// them are shell builtins, and each is atomic.
///
/// A note is written before the change that causes it, and struck off in the same script that did the restart, so that a
/// controller that dies anywhere neither loses a restart nor does it twice.
package enum OwedNotes {
    static let folder = "/var/lib/cso-provision/owed"
    package static let request = ProbeRequest(OwedBatch.name, "")

    /// Goes before the script of a change, in the same step; the step fails if it cannot note. `$cso_notes` then holds the
    /// notes that were not there before, for a change that can tell that it did not happen.
    package static func prelude(for owed: [Notification]) -> ShellText {
        var script: ShellText = "cso_notes=\nmkdir -p -m 0700 /var/lib/cso-provision \(word: folder) || exit 1\n"
        for notification in owed {
            let note = path(notification)
            script += """
                if ! [ -e \(word: note) ]; then cso_notes="$cso_notes "\(word: note); : > \(word: note) || exit 1; fi

                """
        }
        return script
    }

    /// Strikes off what a fresh start or a restart of `unit` has settled. For the end of such a script.
    package static func strikeOff(_ unit: UnitName) -> ShellText {
        let paths = Notification.Action.allCases.map { path(Notification($0, unit)) }
        return "rm -f \(words: paths) || exit 1\n"
    }

    /// The step that does what is owed and then strikes it off. `service` gives the check that comes before it. A unit that
    /// shall not run is only struck off. A unit that no recipe declares any more is not started, and it may be gone: else
    /// its note would fail every run from then on.
    package static func settle(_ notification: Notification, service: (any RunningService)?) -> HostStep {
        let unit = notification.unit
        var script: ShellText = ""
        if let service, service.shallRun {
            if let check = service.check {
                script +=
                    "if ! ( \(script: check)\n) >&2; then echo 'check failed; not \(script: ShellText(script: verb(notification)))' >&2; exit 1; fi\n"
            }
            script += tell(unit, notification.action == .restart ? "restart" : "reload-or-restart")
        } else if service == nil {
            script += "if [ \"$(systemctl show -p LoadState --value -- \(word: unit.rawValue))\" != not-found ]; then\n"
            script += tell(unit, notification.action == .restart ? "try-restart" : "try-reload-or-restart")
            script += "fi\n"
        }
        script += strikeOff(unit)
        return HostStep(
            "\(notification.action.rawValue) \(unit)", script: script, isSupervised: true, limit: .seconds(630))
    }

    private static func tell(_ unit: UnitName, _ verb: String) -> ShellText {
        """
        systemctl daemon-reload || exit 1
        systemctl \(script: ShellText(script: verb)) -- \(word: unit.rawValue) || { systemctl status --no-pager -n 20 -- \(word: unit.rawValue) >&2; exit 1; }

        """
    }

    package static func notifications(from observation: Observation) -> [Notification] {
        guard case .present(let state) = observation, case .list(let names)? = state["notes"] else { return [] }
        return names.compactMap(Notification.init(noteName:))
    }

    private static func path(_ notification: Notification) -> String { "\(folder)/\(notification.noteName)" }
    private static func verb(_ notification: Notification) -> String {
        notification.action == .restart ? "restarted" : "reloaded"
    }
}

/// Lists the notes. Starts no process.
package enum OwedBatch: ProbeBatch {
    package static let name: BatchName = "owed"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion(
            """
            for f in \(word: OwedNotes.folder)/*; do
            if [ -f "$f" ]; then printf '%s\\n' "${f##*/}"; fi
            done
            """)
    }

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        if answer.status != 0 {
            return ["": .unknown(reason: "notes of owed restarts not readable: \(answer.errorText)")]
        }
        return ["": .present(["notes": .list(answer.outputLines)])]
    }
}
