internal import Model

/// What is done to units. systemctl(1) itself waits for the job; the unit's own time limits bound it, and the step's limit
/// bounds those.
enum ServiceSteps {
    /// systemd's own default for a start is 90 s; some services are given ten minutes.
    static let limit: Duration = .seconds(630)

    /// What is done to one unit, in this order.
    struct Work {
        var unit: UnitName
        /// `nil` = it is right.
        var enable: Bool?
        var start: Bool?

        var summary: String {
            let verbs = [enable.map { $0 ? "enable" : "disable" }, start.map { $0 ? "start" : "stop" }]
            return "\(verbs.compactMap(\.self).joined(separator: " and ")) \(unit)"
        }
    }

    /// One step for neighbouring units: whether they stay up is then watched for all of them at once.
    static func step(_ work: [Work]) -> HostStep {
        var script = StepText.opening + functions
        // Together, since systemd reads all its files again after each call.
        for shallBe in [true, false] {
            let units = work.filter { $0.enable == shallBe }.map(\.unit.rawValue)
            if units.isEmpty { continue }
            script +=
                shallBe
                ? "enable \(words: units)\n"
                : "systemctl -q disable -- \(words: units) || die \"cannot disable \"\(word: StepText.list(units))\n"
        }
        let started = work.filter { $0.start == true }.map(\.unit.rawValue)
        if !started.isEmpty { script += "systemctl reset-failed -- \(words: started) 2>/dev/null\n" }
        for item in work {
            script += "u=\(word: item.unit.rawValue)\n"
            if let start = item.start {
                // A start reads every file, and a stopped unit will when it is started: nothing is owed any more.
                script += (start ? Self.start : stop) + OwedNotes.strikeOff(item.unit)
            }
        }
        if !started.isEmpty { script += "stay_up \(words: started)\n" }
        return HostStep(
            work.map(\.summary).joined(separator: "; "), script: script, isSupervised: true, limit: limit)
    }

    /// `up UNITS` succeeds when all are active and stay so, with the same main processes, for 0.6 s: a service that dies
    /// at once and is started again by systemd (100 ms later, by its default) is not up. Whoever did the step looks again
    /// after it, so that dying a little later is seen too.
    private static let functions: ShellText = """
        tell() { systemctl status --no-pager --full -n 20 -- "$u" >&2; die "$1"; }
        look() { systemctl show -p ActiveState -p MainPID -p NRestarts -- "$@" || die "$*: systemctl show failed"; }
        up() {
        k=0 before=$(look "$@") || exit 1
        while [ "$k" -lt 8 ]; do
        sleep 0.6
        now=$(look "$@") || exit 1
        case $now in
        *ActiveState=failed* | *ActiveState=inactive*) return 1 ;;
        *ActiveState=activating* | *ActiveState=deactivating* | *ActiveState=reloading*) ;;
        *) [ "$now" != "$before" ] || return 0 ;;
        esac
        before=$now k=$((k + 1))
        done
        return 1
        }
        enable() {
        systemctl -q enable -- "$@" || die "$*: cannot be enabled"
        # A line for each; the status only tells that one of them is enabled.
        for state in $(systemctl is-enabled -- "$@" 2>/dev/null); do
        case $state in
        enabled | enabled-runtime | alias | indirect | generated) ;;
        static) die "$1: has no [Install] section, so nothing starts it at boot; set \\`enabled: no\\`" ;;
        *) die "$1: cannot be enabled: $state" ;;
        esac
        shift
        done
        [ "$#" -eq 0 ] || die "$1: cannot be enabled"
        }
        stay_up() {
        up "$@" && return 0
        for u do
        [ "$#" -gt 1 ] && up "$u" || tell "$u: does not stay up"
        done
        }

        """
    private static let start: ShellText = """
        systemctl start -- "$u" || tell "$u: cannot be started"

        """
    private static let stop: ShellText = """
        systemctl stop -- "$u" || tell "$u: cannot be stopped"

        """
}
