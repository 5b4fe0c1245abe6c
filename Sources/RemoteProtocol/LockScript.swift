package import Model

/// Scripts around the host's lock: flock(2) on a file that stays, held through descriptor 9 of the reader's own shell, so
/// that the kernel gives it back when that shell dies, however it dies. The ticket in the file is only information.
///
/// Commands never inherit the descriptor, with one exception: it stays open while a supervised step is being started, so
/// that there is no moment in which neither the lock nor the step is seen.
package enum LockScript {
    /// For an `own` frame. Prints ``LockAnswer``'s lines. Besides the lock, a living supervised step of another run keeps
    /// us out. A ticket whose pid does not have the lock open is an earlier holder's and is read again.
    package static func take(_ ticket: LockTicket, hasSystemd: Bool) -> ShellText {
        let isAlive: ShellText =
            hasSystemd
            ? "case $(systemctl show -P ActiveState \"cso-${x##*/}.service\") in inactive|failed) false;; esac"
            : "[ -e \"$x/alive\" ] && ! flock -n \"$x/alive\" true 9>&-"
        return """
            [ -d \(word: HostPaths.volatile) ] || mkdir -p \(word: HostPaths.volatile)
            m=failed
            if command exec 9<>\(word: HostPaths.lock); then
            if flock -n 9; then
            m=taken
            for x in \(word: HostPaths.steps)/*; do
            case ${x##*/} in \(word: ticket.run.rawValue)-*) continue;; esac
            if [ -r "$x/about" ] && ! [ -s "$x/status" ] && \(script: isAlive); then
            m=step
            echo "step ${x##*/}"
            while read -r t; do echo "about $t"; done <"$x/about"
            fi
            done
            if [ $m = taken ]; then
            printf %s \(word: ticket.lines) >\(word: HostPaths.lock) && echo "pid $$" >>\(word: HostPaths.lock)
            for x in \(word: HostPaths.lasting)/payload.*; do if [ -f "$x" ]; then rm -f "$x"; fi; done
            else exec 9>&-; fi
            else
            m=held
            exec 9>&-
            n=0
            until [ $n -ge 10 ]; do
            p=0
            while read -r k x; do if [ "$k" = pid ]; then p=$x; fi; done <\(word: HostPaths.lock)
            if [ "/proc/$p/fd/9" -ef \(word: HostPaths.lock) ]; then cat \(word: HostPaths.lock); break; fi
            sleep 0.1
            n=$((n+1))
            done
            fi
            fi
            echo "outcome $m"
            """
    }

    /// For an `own` frame. The file stays: removing it would let two sessions lock two files of one name.
    package static let release: ShellText = ": >\(word: HostPaths.lock); exec 9>&-"

    /// Kills the shell that holds the lock, if it is still the one whose pid the ticket tells; waits 2 s at most for the
    /// kernel to give it back. A supervised step of its run goes on to its own end.
    package static func `break`(pid: Int) -> ShellText {
        """
        if [ "/proc/\(pid)/fd/9" -ef \(word: HostPaths.lock) ]; then kill -s KILL \(pid); fi
        n=0
        until flock -n \(word: HostPaths.lock) true; do
        n=$((n+1))
        if [ $n -gt 20 ]; then exit 1; fi
        sleep 0.1
        done
        """
    }
}

/// What the host said to ``LockScript/take(_:hasSystemd:)``.
package enum LockAnswer: Sendable, Hashable {
    case taken
    /// A session lives that holds it. `pid` is its shell on the host.
    case heldBySession(LockTicket?, pid: Int?)
    /// No session, but steps of another run are still at work.
    case heldBySteps([Leftover])
    /// The lock file cannot be opened.
    case failed

    package init(_ answer: HostAnswer) {
        var fields: [String: String] = [:]
        var steps: [Leftover] = []
        for line in answer.outputText.split(separator: "\n").map(String.init) {
            let (key, value) = Hello.pair(line)
            switch key {
            case "step": steps.append(Leftover(id: SupervisedID(value)))
            case "about": steps.indices.last.map { steps[$0].note(value) }
            default: fields[key] = value
            }
        }
        switch fields["outcome"] {
        case "taken": self = .taken
        case "held": self = .heldBySession(LockTicket(fields: fields), pid: fields["pid"].flatMap(Int.init))
        case "step": self = .heldBySteps(steps)
        default: self = .failed
        }
    }
}
