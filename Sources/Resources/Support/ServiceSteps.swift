internal import Model

/// What is done to units. systemctl(1) itself waits for the job; the unit's own time limits bound it, and the step's limit
/// bounds those.
enum ServiceSteps {
    /// systemd's own default for a start is 90 s; some services are given ten minutes.
    static let limit: Duration = .seconds(630)

    /// `$u` is the unit. `steady` succeeds when it is active and stays so, with the same main process, for a second: a
    /// service that dies at once and is started again by systemd is not up.
    static func opening(_ unit: UnitName) -> ShellText {
        """
        \(script: StepText.opening)u=\(word: unit.rawValue)
        tell() { systemctl status --no-pager --full -n 20 -- "$u" >&2; die "$1"; }
        look() { systemctl show -p ActiveState -p MainPID -p NRestarts -- "$u"; }
        steady() {
        k=0
        before=$(look) || die "$u: systemctl show failed"
        while [ "$k" -lt 5 ]; do
        sleep 1
        now=$(look) || die "$u: systemctl show failed"
        case $now in
        *ActiveState=active*) if [ "$now" = "$before" ]; then return 0; fi ;;
        *ActiveState=failed* | *ActiveState=inactive*) return 1 ;;
        esac
        before=$now k=$((k + 1))
        done
        return 1
        }

        """
    }

    static let start: ShellText = """
        systemctl reset-failed -- "$u" 2>/dev/null
        systemctl start -- "$u" || tell "$u: cannot be started"
        steady || tell "$u: does not stay up"

        """
    static let stop: ShellText = """
        systemctl stop -- "$u" || tell "$u: cannot be stopped"

        """
    static let enable: ShellText = """
        systemctl -q enable -- "$u" || die "$u: cannot be enabled"
        systemctl -q is-enabled -- "$u" >/dev/null || die "$u: cannot be enabled: $(systemctl is-enabled -- "$u")"
        [ "$(systemctl show -p UnitFileState --value -- "$u")" != static ] \
        || die "$u: has no [Install] section, so nothing starts it at boot; set \\`enabled: no\\`"

        """
    static let disable: ShellText = """
        systemctl -q disable -- "$u" || die "$u: cannot be disabled"

        """
}
