internal import Model

/// What is done to mounts. Everything that may wait for a server has a limit of its own; a process of NFS's that waits can be
/// ended by KILL alone.
struct MountSteps {
    var point: String
    var type: String
    var source: String
    var isNetwork: Bool
    var facts: HostFacts

    private var isNFS: Bool { type == "nfs" || type == "nfs4" }

    // MARK: /etc/fstab

    /// The line, and systemd told of it. The new file must be right as a whole before it counts.
    func declaration(_ line: String, isMounted: Bool) -> [HostStep] {
        let making = HostStep(
            "see that \(point) is a directory",
            script: """
                \(script: StepText.opening)p=\(word: point)
                timeout -s KILL 10 sh -c '[ -d "$1" ] || install -d -m 0755 -- "$1"' sh "$p" || die "$p: no directory for it can be made"

                """)
        let edit = LineEdit(
            path: MountResource.fstab, text: line, patterns: [FstabLine.pattern(for: point)], creates: true,
            attributes: FileAttributes(mode: 0o644),
            validate: """
                timeout -s KILL 20 findmnt --verify --tab-file "$1" >/dev/null || timeout -s KILL 20 findmnt --verify --tab-file "$1"
                """)
        return (isMounted ? [] : [making]) + [edit.step("write the line of \(point) to \(MountResource.fstab)")]
            + reload
    }

    /// systemd makes its units from the file.
    private var reload: [HostStep] {
        guard facts.hasSystemd else { return [] }
        return [
            HostStep(
                "daemon-reload",
                script: "systemctl daemon-reload || { echo 'systemctl daemon-reload failed' >&2; exit 1; }\n")
        ]
    }

    // MARK: Mounting

    func mounting(remounts: Bool) -> HostStep {
        var script = opening
        if remounts {
            // Without the word it is about the file system that the bind shows, which others have mounted too.
            let what: ShellText = type == "bind" ? "remount,bind" : "remount"
            script += """
                mounted || die "$p is not mounted any more; look again"
                timeout -k 5 60 mount -o \(script: what) -- "$p" || die "$p: cannot be mounted again with its options"

                """
        } else {
            script +=
                checks + """
                    if mounted; then release
                    hidden=$(timeout -s KILL 5 ls -A -- "$p") || die "$p cannot be read"
                    [ -z "$hidden" ] || echo "$p: beneath the mount lie" $hidden
                    else
                    hidden=$(timeout -s KILL 5 ls -A -- "$p") || die "$p cannot be read"
                    [ -z "$hidden" ] || die "$p holds files of its own that the mount would hide: $hidden; move them away"
                    fi
                    timeout -k 5 100 mount -- "$p" || die "$p: cannot be mounted (status $?)"
                    # With nofail a source that does not exist is no error of mount(8)'s.
                    mounted || die "$p: nothing was mounted; does "\(word: source)" exist?"

                    """
        }
        script += """
            timeout -s KILL 10 stat -f -c %T -- "$p" >/dev/null || die "$p: mounted, and does not answer"

            """
        return HostStep(
            remounts ? "mount \(point) again with its options" : "mount \(point)", script: script, isSupervised: true,
            limit: .seconds(240))
    }

    /// What would make mount(8) wait for minutes, or say something that helps nobody.
    private var checks: ShellText {
        var script: ShellText = ""
        if isNFS {
            script += """
                command -v mount.nfs >/dev/null || die "mount.nfs is not installed; declare the package before: nfs-common or nfs-utils"
                server=\(word: source.columns(":")[0])
                timeout -k 2 10 getent ahosts "$server" >/dev/null \
                || die "$server: its name does not resolve; an EFS has a name in each availability zone with a mount target, 90 s after it was made"
                timeout -s KILL 3 bash -c 'exec 3<>"/dev/tcp/$1/2049"' bash "$server" 2>/dev/null \
                || die "$server: TCP 2049 is not answered within 3 s; does its security group admit this host?"

                """
        }
        if type == "efs" {
            script += """
                command -v mount.efs >/dev/null || die "mount.efs is not installed; declare the package before: amazon-efs-utils"

                """
        }
        return script
    }

    // MARK: Unmounting

    var removal: [HostStep] {
        let edit = LineEdit(
            path: MountResource.fstab, text: nil, patterns: [FstabLine.pattern(for: point)])
        return [
            HostStep(
                "unmount \(point)", script: opening + "if mounted; then release; fi\n", isSupervised: true,
                limit: .seconds(240)),
            edit.step("remove the line of \(point) from \(MountResource.fstab)"),
        ] + reload
    }

    /// `mounted` and `release`. A mount in use stays: a lazy unmount would leave processes on the old one and mount a second.
    private var opening: ShellText {
        let pattern = point.utf8.map { byte in
            [0x2A, 0x3F, 0x5B, 0x5C].contains(byte) ? "\\\(UnicodeScalar(byte))" : nil
        }
        var glob: [UInt8] = []
        for (byte, escaped) in zip(point.utf8, pattern) { glob += escaped.map { Array($0.utf8) } ?? [byte] }
        let name = String(decoding: glob, as: UTF8.self)
        return """
            \(script: StepText.opening)p=\(word: point) q=\(word: MountText.encoded(point))
            mounted() {
            while read -r a b c d m r; do
            if [ "$m" = "$q" ]; then case $r in *' - autofs '*) ;; *) return 0 ;; esac; fi
            done </proc/self/mountinfo
            return 1
            }
            network() {
            while read -r a b c d m r; do
            if [ "$m" = "$q" ]; then case $r in *' - nfs'* | *' - fuse.'* | *' - cifs '*) return 0 ;; esac; fi
            done </proc/self/mountinfo
            return 1
            }
            # Links below /proc tell where they lead without going there.
            holders() {
            seen=' '
            links=$(timeout -s KILL 10 find /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/exe /proc/[0-9]*/fd -maxdepth 1 \
            '(' -lname \(word: name) -o -lname \(word: name + "/*") ')' -print 2>/dev/null)
            for link in $links; do
            n=${link#/proc/}; n=${n%%/*}
            case $seen in *" $n "*) continue ;; esac
            seen="$seen$n "
            comm=; read -r comm <"/proc/$n/comm" || continue
            printf ' %s (%s)' "$n" "$comm"
            done
            while read -r a b c d m r; do case $m in "$q"/*) printf ' the mount %s' "$m" ;; esac; done </proc/self/mountinfo
            }
            release() {
            k=0
            while mounted; do
            k=$((k + 1))
            [ "$k" -le 8 ] || die "$p is mounted again and again"
            timeout -k 5 30 umount -c -- "$p" && continue
            by=$(holders)
            [ -z "$by" ] || die "$p is in use and stays mounted:$by; end what uses it first"
            network && timeout -k 5 30 umount -c -f -- "$p" && continue
            die "$p cannot be unmounted"
            done
            }

            """
    }
}
