internal import Model

/// Is somebody else at work with the package manager?
struct PackageLockCheck: HostCheck {
    func question(about subject: HostSubject) -> HostQuestion? {
        switch subject.facts.family {
        case .debian?:
            Self.holders(of: [
                "/var/lib/dpkg/lock", "/var/lib/dpkg/lock-frontend", "/var/lib/apt/lists/lock",
                "/var/cache/apt/archives/lock",
            ])
        case .amazon?:
            // dnf 4 writes its pid into files, without a line break, so that `read` fails with it; rpm holds a lock on one.
            HostQuestion(
                """
                for f in /var/cache/dnf/*.pid /var/lib/dnf/*.pid /run/dnf/*.pid; do
                p=; if [ -r "$f" ]; then read -r p <"$f"; fi
                if [ "$p" ] && [ -d "/proc/$p" ]; then
                c='?'; read -r c <"/proc/$p/comm"; printf 'held %s %s\\n' "$p" "$c"
                fi
                done
                \(script: Self.holders(of: ["/var/lib/rpm/.rpm.lock", "/usr/lib/sysimage/rpm/.rpm.lock"]).script)
                """)
        case nil: nil
        }
    }

    /// Who has one of the files open: takers open them just for the lock. Asked by the links in /proc, since a lock's own
    /// list knows files by device and inode, which an overlay shows differently.
    private static func holders(of paths: [String]) -> HostQuestion {
        let pattern = paths.map { "-lname \(ShellText.word($0).text)" }.joined(separator: " -o ")
        return HostQuestion(
            """
            timeout -s KILL 10 find /proc/[0-9]*/fd \\( \(script: ShellText(script: pattern)) \\) -print 2>/dev/null |
            while IFS=/ read -r x x p x; do
            c='?'; read -r c <"/proc/$p/comm"; printf 'held %s %s\\n' "$p" "$c"
            done
            """)
    }

    func judge(_ answer: HostAnswer, about subject: HostSubject) -> [Finding] {
        guard subject.facts.family != nil else {
            return [.notApplicable("package manager", of: subject.name, "which one it has is not known")]
        }
        guard answer.status != 137 else {
            return [.unknown("package manager", of: subject.name, "no answer within 10 s")]
        }
        var holders: [String] = []
        for line in answer.outputText.split(separator: "\n") where line.hasPrefix("held ") {
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3 else { continue }
            let holder = "\(words[2]) (process \(words[1]))"
            if !holders.contains(holder) { holders.append(holder) }
        }
        guard !holders.isEmpty else { return [.ok("package manager", of: subject.name, "free")] }
        return [
            Finding(
                "package manager", of: subject.name, .blocker, "held by \(holders.joined(separator: ", "))",
                remedy: "wait until it has ended; `systemctl list-timers` tells when such work starts by itself",
                outcome: .refused)
        ]
    }
}
