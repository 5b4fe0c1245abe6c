package import Model

/// Scripts that start, follow and collect a step which outlives its connection.
///
/// A step has a folder below /run/cso-provision/steps: `about` (what it is, whose), `script`, `start` (opens the input,
/// unlinks it, becomes the script), `out`, `err`, a pipe `end.PID` for each that follows it, and in the end `status`, one
/// line. On a host with systemd it is a transient unit, and `status` is written by the unit's ExecStopPost, that is, when nothing of it runs any more, however it
/// ended. Elsewhere (the local transport in a container) it is a process in a session of its own under
/// `timeout -s KILL`, with an `alive` file that it keeps locked.
package struct SupervisionScript: Sendable {
    /// Bytes that a step may write to one stream; more than a package manager or an installer ever says.
    package static let outputLimit = 64 << 20

    package var id: SupervisedID
    package var hasSystemd: Bool

    package init(id: SupervisedID, hasSystemd: Bool) {
        self.id = id
        self.hasSystemd = hasSystemd
    }

    /// Starts it and follows it to its end. Standard input of the frame is the step's. The step runs with umask 022, as
    /// an operator's command would: installers give their files the modes that it leaves.
    package func start(
        _ step: ShellText, summary: String, limit: Int, hasInput: Bool, ticket: LockTicket?
    ) -> ShellText {
        let about = "summary \(singleLine(summary))\nlimit \(limit)\n" + (ticket?.lines ?? "")
        var script = preamble
        script += """
            mkdir -p \(word: HostPaths.steps) && mkdir "$cso_d" || { exec 9>&-; exit 73; }
            cso_fail() { rm -rf "$cso_d" \(word: id.inputFile); exec 9>&-; exit 74; }

            """
        if hasInput {
            script += "mkdir -p \(word: HostPaths.lasting) && cat >\(word: id.inputFile) || cso_fail\n"
        }
        script += """
            printf %s \(word: step.text) >"$cso_d/script" && printf %s \(word: startFile(hasInput: hasInput, limit: limit)) >"$cso_d/start" &&
            : >"$cso_d/out" && : >"$cso_d/err" && printf %s \(word: about) >"$cso_d/about" || cso_fail
            \(script: hasSystemd ? launchUnit(summary: summary, limit: limit) : launchProcess)
            exec 9>&-
            cso_f=yes
            \(script: follow)
            """
        return script
    }

    /// Follows a step that runs already, from the beginning of its output; one that has ended just gives what it left.
    package var resume: ShellText {
        preamble + """
            exec 9>&-
            [ -r "$cso_d/about" ] || { cso_mark done lost -:-; exit 0; }
            \(script: follow)
            """
    }

    /// Ends it at once. Following it then gives its status.
    package var stop: ShellText { preamble + "cso_stop\n" }

    /// Removes what it left, also of one that never began. Removing twice is no error.
    package var collect: ShellText { "rm -rf \(word: id.folder) \(word: id.inputFile)\n" }

    /// `cso_alive` is true while anything of the step runs. If the host cannot say, it counts as alive: its limit ends it.
    /// A systemd that is busy (it reloads, its disk is slow) is not waited for: the beats would stop with it.
    private var preamble: ShellText {
        let common: ShellText = "cso_d=\(word: id.folder)\n"
        return hasSystemd
            ? common + """
                cso_alive() { case $(timeout -s KILL 3 systemctl show -P ActiveState \(word: id.unit.rawValue)) in inactive|failed) return 1;; esac; }
                cso_stop() { systemctl kill -s KILL \(word: id.unit.rawValue) >&2; }

                """
            : common + """
                cso_alive() { if flock -n "$cso_d/alive" true; then return 1; fi; }
                cso_stop() { read -r cso_x <"$cso_d/pid" && kill -s KILL -- "-$cso_x"; }

                """
    }

    private func startFile(hasInput: Bool, limit: Int) -> String {
        var text: ShellText = hasInput ? "exec <\(word: id.inputFile) || exit 74\nrm -f \(word: id.inputFile)\n" : ""
        let script = id.folder + "/script"
        let began: ShellText = "umask 077; : >\(word: id.folder + "/began"); umask 022\n"
        guard !hasSystemd else { return (began + text + "exec /bin/sh \(word: script)\n").text }
        // The pid is that of `timeout`, which leads a process group of the step.
        text += """
            umask 077
            read -r began x </proc/uptime
            sh -c 'echo $$ >"$1/pid"; umask 022; exec timeout -s KILL "$2" sh "$1/script" >"$1/out" 2>"$1/err"' sh \(word: id.folder) \(limit) 8>&-
            status=$?
            read -r now x </proc/uptime
            if [ $status -eq 137 ] && [ $((${now%.*} - ${began%.*})) -ge \(limit) ]; then line=timeout\\ killed:KILL
            elif [ $status -gt 128 ]; then line=signal\\ killed:$((status - 128))
            elif [ $status -gt 0 ]; then line=exit-code\\ exited:$status
            else line=success\\ exited:0; fi
            echo "$line" >\(word: id.folder + "/status")
            \(script: tellEnd)

            """
        return text.text
    }

    /// After the limit systemd sends TERM and, 5 s later, KILL to all that is left. systemd-run also reports a failure when
    /// the step itself failed at once; `began` tells that from a unit that was never started.
    private func launchUnit(summary: String, limit: Int) -> ShellText {
        let finish =
            "umask 077; printf '%s %s:%s\\n' \"$SERVICE_RESULT\" \"$EXIT_CODE\" \"$EXIT_STATUS\" >\(id.folder)/status\n"
            + tellEnd.text + "\n"
        let options = [
            "--quiet", "--collect", "--service-type=exec", "--unit=\(id.unit)",
            "--description=cso-provision: \(singleLine(summary))", "--property=RuntimeMaxSec=\(limit)",
            "--property=TimeoutStopSec=5", "--property=KillMode=control-group", "--property=StandardInput=null",
            "--property=StandardOutput=append:\(id.folder)/out", "--property=StandardError=append:\(id.folder)/err",
            "--property=ExecStopPost=/bin/sh \(id.folder)/finish", "--setenv=LC_ALL=C", "--setenv=HOME=/root",
            "--setenv=PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        ]
        return """
            printf %s \(word: finish) >"$cso_d/finish" || cso_fail
            cso_x=$(systemd-run \(words: options) -- /bin/sh "$cso_d/start" </dev/null 2>&1) || [ -e "$cso_d/began" ] ||
            { echo "$cso_x" >&2; rm -rf "$cso_d" \(word: id.inputFile); exec 9>&-; exit 72; }
            """
    }

    /// The lock on `alive` is taken here and passed on, so that there is no moment in which the step looks dead.
    private var launchProcess: ShellText {
        """
        exec 8>"$cso_d/alive" && flock -n 8 || cso_fail
        setsid sh "$cso_d/start" </dev/null >/dev/null 2>&1 9>&- &
        exec 8>&-
        """
    }

    /// Passes on what the step writes, and ends with it: the step's last act is a line into the pipe of each that follows it
    /// (a dead controller's session may, for a moment), for which this shell waits without a process of its own.
    ///
    /// Beside it a ticker looks for output, with a `head` only where there is some, each going on where the last one
    /// stopped. It beats about every second, which is when a session notices that nobody reads any more and lets go of the
    /// lock, and asks every 4 s whether the step still lives and has not written too much. Its end wakes the shell too, so
    /// nothing waits for a line that never comes.
    private var follow: ShellText {
        """
        exec </dev/null 5<"$cso_d/out" 6<"$cso_d/err"
        cso_e=$cso_d/end.$$
        [ -p "$cso_e" ] || mkfifo "$cso_e" || exit 74
        exec 7<>"$cso_e"
        cso_status() { cso_s=; [ -f "$cso_d/status" ] && read -r cso_s <"$cso_d/status"; }
        cso_second() { read -r cso_u cso_x </proc/uptime; cso_u=${cso_u%.*}; }
        cso_tick() {
        cso_q= cso_i=0
        cso_second
        cso_t=$cso_u cso_l=$cso_u
        trap '' PIPE
        trap cso_q=1 TERM
        trap 'echo $? >&7' EXIT
        while [ -z "$cso_q" ]; do
        case $cso_i in [0-4]) cso_x=0.2;; ?|1?) cso_x=0.5;; *) cso_x=1;; esac
        cso_i=$((cso_i + 1))
        sleep $cso_x >/dev/null 2>&1 5<&- 6<&- 7>&- &
        wait $!
        if [ "$cso_q" ]; then kill $! 2>/dev/null; break; fi
        cso_n=
        if [ $cso_i -eq 1 ]; then cso_n=eo; fi
        if [ "$cso_d/out" -nt "$cso_d/seen" ]; then cso_n=${cso_n:-o}; fi
        if [ "$cso_d/err" -nt "$cso_d/seen" ]; then cso_n=e${cso_n#e}; fi
        : >"$cso_d/seen"
        case $cso_n in *o) head -c 1048576 <&5;; esac
        case $cso_n in e*) head -c 1048576 <&6 >&2;; esac
        ! cso_status || exit 0
        cso_second
        if [ $cso_u -ne $cso_t ]; then cso_t=$cso_u; cso_mark beat 0 0; fi
        if [ $((cso_u - cso_l)) -ge 4 ]; then
        cso_l=$cso_u
        cso_alive || exit 0
        for cso_x in out err; do
        if [ "$(wc -c <"$cso_d/$cso_x")" -gt \(Self.outputLimit) ]; then : >"$cso_d/long"; cso_stop; fi
        done
        fi
        done
        }
        if ! cso_status && { [ "${cso_f-}" ] || cso_alive; }; then
        ( cso_tick ) &
        cso_k=$!
        read -r cso_x <&7
        kill $cso_k 2>/dev/null
        wait $cso_k
        [ $? -ne 75 ] || exit 75
        fi
        cso_status || { sleep 0.1; cso_status; } || cso_s='lost -:-'
        [ ! -s "$cso_d/out" ] || head -c \(Self.outputLimit) <&5
        [ ! -s "$cso_d/err" ] || head -c \(Self.outputLimit) <&6 >&2
        cso_o=
        [ ! -e "$cso_d/long" ] || cso_o=1
        cso_mark done ${cso_o:+output-limit} $cso_s

        """
    }

    /// The last act of a step's life. Opened for reading too, so that it never blocks, whether anybody listens or not.
    private var tellEnd: ShellText {
        "for e in \(word: id.folder)/end.*; do if [ -p \"$e\" ]; then echo 1<>\"$e\"; fi; done"
    }
}
