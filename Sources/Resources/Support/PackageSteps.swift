internal import Model

/// What package managers are asked to do, each as one supervised step.
protocol PackageManagerSteps {
    static func install(_ packages: [PackageSteps.Package], startsServices: Bool) -> HostStep
    static func remove(_ names: [String]) -> HostStep
}

enum PackageSteps {
    struct Package: Sendable, Hashable {
        var name: String
        var version: String?
    }
    /// Seconds to wait for another package manager to end.
    static let lockWait = 120
    static let limit: Duration = .seconds(1800)
}

/// apt-get(8) and dpkg(1).
enum AptSteps: PackageManagerSteps {
    /// debconf asks nothing, changed configuration files stay, needrestart and apt-listchanges keep out.
    private static let opening: ShellText = """
        \(script: StepText.opening)umask 022
        export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1
        apt() { apt-get -q -y -o DPkg::Lock::Timeout=\(PackageSteps.lockWait) -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@" </dev/null; }
        # Waits until nobody holds the lock file $1, as /proc/locks knows it by inode: only apt-get waits by itself, and only
        # for dpkg's own.
        idle() {
        inode=$(stat -c %i -- "$1" 2>/dev/null) || return 0
        waited=0
        while :; do
        holder=
        while read -r lock; do case $lock in *":$inode "*) holder=$lock ;; esac; done </proc/locks
        [ "$holder" ] || return 0
        [ "$waited" -lt \(PackageSteps.lockWait) ] || die "another package manager has held $1 for $waited s"
        sleep 1; waited=$((waited + 1))
        done
        }
        # An installation that was cut off is finished first.
        repair() {
        audit=$(dpkg --audit) || die "dpkg --audit failed"
        [ "$audit" ] || return 0
        printf '%s\\n' "$audit" >&2
        idle /var/lib/dpkg/lock-frontend
        dpkg --force-confold --configure -a </dev/null || die "dpkg --configure -a failed"
        }

        """

    static func install(_ packages: [PackageSteps.Package], startsServices: Bool) -> HostStep {
        let names = packages.map { package in package.version.map { "\(package.name)=\($0)" } ?? package.name }
        let downgrade = packages.contains { $0.version != nil } ? "--allow-downgrades " : ""
        let script: ShellText = """
            \(script: opening)\(script: policy(isNeeded: !startsServices))repair
            install() { apt install --no-install-recommends --no-remove \(script: ShellText(script: downgrade))"$@" -- \(words: names); }
            if ! install; then
            # The package lists may be too old to name what is wanted, or to fetch it. If they are not, it was the
            # installation itself that failed, and asking again would only repeat it.
            if install --download-only >/dev/null 2>&1; then die "cannot install \(script: list(names))"; fi
            idle /var/lib/apt/lists/lock
            apt update || die "cannot update the package lists"
            install || die "cannot install \(script: list(names))"
            fi

            """
        return HostStep(
            "install \(StepText.list(names))", script: script, isSupervised: true, limit: PackageSteps.limit)
    }

    static func remove(_ names: [String]) -> HostStep {
        let script: ShellText = """
            \(script: opening)\(script: policy(isNeeded: false))repair
            plan=$(apt-get -s -q remove -- \(words: names)) || die "cannot remove \(script: list(names))"
            # What needs one of them would go too, and nobody has asked for that.
            others=$(printf '%s\\n' "$plan" | while read -r verb name rest; do
            [ "$verb" = Remv ] || continue
            case ' '\(word: names.joined(separator: " "))' ' in *" $name "*) ;; *) printf ' %s' "$name" ;; esac
            done)
            [ -z "$others" ] || die "cannot remove \(script: list(names)): needed by$others"
            apt remove -- \(words: names) || die "cannot remove \(script: list(names))"

            """
        return HostStep(
            "remove \(StepText.list(names))", script: script, isSupervised: true, limit: PackageSteps.limit)
    }

    /// invoke-rc.d asks /usr/sbin/policy-rc.d whether a service may be started; 101 = no. A foreign one is put back, and one
    /// of ours that a killed run has left is taken away in any case, since it would keep every service of later
    /// installations down.
    private static func policy(isNeeded: Bool) -> ShellText {
        let release: ShellText = """
            rc=/usr/sbin/policy-rc.d
            release() {
            said=
            if [ -f "$rc" ]; then { read -r first; read -r said; } <"$rc"; fi
            case $said in "# cso-provision:"*) rm -f -- "$rc" || return 1 ;; esac
            if [ -e "$rc.cso-kept" ]; then mv -fT -- "$rc.cso-kept" "$rc" || return 1; fi
            }
            release || die "cannot remove $rc"

            """
        guard isNeeded else { return release }
        return """
            \(script: release)trap 'release' EXIT
            trap 'exit 143' HUP INT TERM
            if [ -e "$rc" ]; then mv -fT -- "$rc" "$rc.cso-kept" || die "cannot put $rc aside"; fi
            printf '#!/bin/sh\\n# cso-provision: no starts while packages are installed\\nexit 101\\n' >"$rc.cso-tmp" \
            && chmod 0755 "$rc.cso-tmp" && mv -fT -- "$rc.cso-tmp" "$rc" || die "cannot write $rc"

            """
    }

    /// Names inside a double-quoted message; their alphabet needs no quoting.
    private static func list(_ names: [String]) -> ShellText { ShellText(script: StepText.list(names)) }
}

/// dnf(8), which waits for its lock without end unless it is told to leave at once.
enum DnfSteps: PackageManagerSteps {
    private static let opening: ShellText = """
        \(script: StepText.opening)umask 022
        dnf_() {
        waited=0
        while :; do
        dnf -y -q --setopt=exit_on_lock=True --setopt=install_weak_deps=False "$@" </dev/null; status=$?
        # 200 = another process holds the lock.
        [ "$status" -eq 200 ] || return "$status"
        [ "$waited" -lt \(PackageSteps.lockWait) ] || die "another package manager has been at work for $waited s"
        sleep 5; waited=$((waited + 5))
        done
        }

        """

    static func install(_ packages: [PackageSteps.Package], startsServices: Bool) -> HostStep {
        let names = packages.map { package in package.version.map { "\(package.name)-\($0)" } ?? package.name }
        let message = ShellText(script: StepText.list(names))
        var script = opening
        script += """
            dnf_ install -- \(words: names) || dnf_ --refresh install -- \(words: names) || die "cannot install \(script: message)"

            """
        // `install` does not go back to an older version.
        for package in packages {
            guard let version = package.version else { continue }
            let spec = "\(package.name)-\(version)"
            script += """
                rpm -q -- \(word: spec) >/dev/null || dnf_ downgrade -- \(word: spec) || die "cannot install \(script: ShellText(script: spec))"

                """
        }
        return HostStep(
            "install \(StepText.list(names))", script: script, isSupervised: true, limit: PackageSteps.limit)
    }

    static func remove(_ names: [String]) -> HostStep {
        // rpm refuses if something needs them, where dnf would remove that too.
        HostStep(
            "remove \(StepText.list(names))",
            script: """
                \(script: opening)rpm -e -- \(words: names) || die "cannot remove \(script: ShellText(script: StepText.list(names)))"

                """, isSupervised: true, limit: PackageSteps.limit)
    }
}
