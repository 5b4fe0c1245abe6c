package import Model

/// What the host says of a reboot that it owes. An argument is the sources to be asked, separated by blanks; the key `owed`
/// has a phrase for each reason.
package enum RebootBatch: ProbeBatch {
    package static let name: BatchName = "reboot"

    package static func question(_ arguments: [String], on facts: HostFacts) -> HostQuestion {
        var script = functions
        for argument in arguments {
            script += "echo begin\n"
            for source in argument.split(separator: " ") {
                switch RebootResource.Source(rawValue: String(source)) {
                case .requiredFile?: script += "required || echo failed\n"
                case .kernel?: script += "kernel || echo failed\n"
                // Only RPM knows when a package was installed.
                case .packages? where facts.family == .amazon: script += "packages || echo failed\n"
                case .packages?, nil: break
                }
            }
            script += "echo end\n"
        }
        return HostQuestion(script)
    }

    /// `kernel`: in a container there is none in /boot, and none is missed. A rescue image is nobody's next kernel.
    ///
    /// `packages`: the list is that of dnf-plugins-core's needs-restarting. The boot is the start of process 1, which in a
    /// container is not that of the kernel: its start in /proc/1/stat is in hundredths of a second (USER_HZ) after btime.
    private static let functions: ShellText = """
        required() {
        [ -e /run/reboot-required ] || return 0
        p=
        if [ -r /run/reboot-required.pkgs ]; then while read -r x; do case " $p " in *" $x "*) ;; *) p="$p $x" ;; esac; done </run/reboot-required.pkgs; fi
        echo "owed /run/reboot-required${p:+ names$p}"
        }
        kernel() {
        read -r now </proc/sys/kernel/osrelease || return 1
        newest=$(for f in /boot/vmlinuz-*; do case $f in *rescue*) ;; *) [ ! -f "$f" ] || echo "${f#/boot/vmlinuz-}" ;; esac; done | sort -V | tail -n 1) || return 1
        if [ "$newest" ] && [ "$newest" != "$now" ]; then echo "owed kernel $newest is installed and $now runs"; fi
        }
        packages() {
        b= s=
        while read -r k x y; do if [ "$k" = btime ]; then b=$x; fi; done </proc/stat
        read -r x </proc/1/stat || return 1
        set -- ${x##*) }
        [ "$b" ] && [ "$#" -ge 20 ] || return 1
        shift 19; b=$((b + $1 / 100))
        all=$(timeout -s KILL 20 rpm -qa --qf '%{NAME} %{INSTALLTIME}\\n' kernel 'kernel6.*' kernel-rt glibc linux-firmware systemd dbus dbus-broker dbus-daemon microcode_ctl) || return 1
        p=
        while read -r k x; do if [ "$k" ] && [ "$x" -gt "$b" ]; then p="$p $k"; fi; done <<EOF
        $all
        EOF
        [ -z "$p" ] || echo "owed newer than the boot:$p"
        }

        """

    package static func parse(
        _ answer: HostAnswer, arguments: [String], on facts: HostFacts
    ) -> [String: Observation] {
        keyed(arguments, answer.blocks.map { observation($0, answer) })
    }

    private static func observation(_ block: [String], _ answer: HostAnswer) -> Observation {
        if block.contains("failed") {
            return .unknown(reason: "whether a reboot is owed cannot be told: \(answer.errorText.prefix(500))".trimmed)
        }
        return .present(["owed": .list(block.filter { $0.hasPrefix("owed ") }.map { String($0.dropFirst(5)) })])
    }
}
