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
        var script: ShellText = """
            cso_notes=
            [ -d \(word: folder) ] || mkdir -p -m 0700 /var/lib/cso-provision \(word: folder) || exit 1

            """
        for notification in owed {
            let note = path(notification)
            if notification == .reboot {
                script += rebootPrelude
                continue
            }
            script += """
                if ! [ -e \(word: note) ]; then cso_notes="$cso_notes "\(word: note); : > \(word: note) || exit 1; fi

                """
        }
        return script
    }

    /// The note of a reboot holds the boot id that it is owed in; one of an earlier boot is settled, and written anew.
    private static let rebootPrelude: ShellText = """
        cso_old=
        if [ -f \(word: path(.reboot)) ]; then read -r cso_old <\(word: path(.reboot)) || :; fi
        read -r cso_boot </proc/sys/kernel/random/boot_id || exit 1
        if [ "$cso_old" != "$cso_boot" ]; then
        cso_notes="$cso_notes "\(word: path(.reboot))
        printf '%s\\n' "$cso_boot" >\(word: path(.reboot)) || exit 1
        fi

        """
    /// For a step after which nothing else is written.
    static let synced: ShellText = "sync -- \(word: path(.reboot)) \(word: folder) || exit 1\n"

    /// After a host has come back.
    package static let strikeOffReboot = HostStep(
        "strike off the reboot", script: "rm -f \(word: path(.reboot)) || exit 1\n")

    /// Strikes off what a fresh start or a restart of `unit` has settled. For the end of such a script.
    package static func strikeOff(_ unit: UnitName) -> ShellText {
        let paths = [Notification.Action.reload, .restart].map { path(Notification($0, unit)) }
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

/// Lists the notes; that of a reboot only if the host has not been rebooted since. Starts no process.
package enum OwedBatch: ProbeBatch {
    package static let name: BatchName = "owed"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        HostQuestion(
            """
            for f in \(word: OwedNotes.folder)/*; do
            [ -f "$f" ] || continue
            case ${f##*/} in
            reboot:*)
            b= n=
            read -r b <"$f" || :
            read -r n </proc/sys/kernel/random/boot_id || :
            [ -z "$b" ] || [ "$b" = "$n" ] || continue ;;
            esac
            printf '%s\\n' "${f##*/}"
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
