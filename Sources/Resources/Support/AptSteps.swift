internal import Model

/// apt-get(8) and dpkg(1).
enum AptSteps: PackageManagerSteps {
    /// debconf asks nothing, changed configuration files stay, needrestart and apt-listchanges keep out.
    static func opening(wait: Int) -> ShellText {
        """
        \(script: StepText.opening)umask 022
        export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1
        apt() { apt-get -q -y -o DPkg::Lock::Timeout=\(wait) -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@" </dev/null; }
        # Waits until nobody holds the lock file $1, as /proc/locks knows it by inode: only apt-get waits by itself, and only
        # for dpkg's own.
        idle() {
        inode=$(stat -c %i -- "$1" 2>/dev/null) || return 0
        waited=0
        while :; do
        holder=
        while read -r x x x x pid lock x; do case $lock in *":$inode") holder=$pid ;; esac; done </proc/locks
        [ "$holder" ] || return 0
        [ "$waited" -lt \(wait) ] || busy "$holder" "$1"
        sleep 1; waited=$((waited + 1))
        done
        }
        busy() {
        name=; read -r name <"/proc/$1/comm" || name='a process that is gone'
        echo "another package manager is at work: $name (process $1) has held $2 for $waited s" >&2
        exit \(PackageSteps.busy)
        }
        idle /var/lib/dpkg/lock-frontend
        # An installation that was cut off is finished first.
        repair() {
        audit=$(dpkg --audit) || die "dpkg --audit failed"
        [ "$audit" ] || return 0
        printf '%s\\n' "$audit" >&2
        dpkg --force-confold --configure -a </dev/null || die "dpkg --configure -a failed"
        }

        """
    }

    static func install(_ transaction: PackageSteps.Transaction) -> HostStep {
        let packages = transaction.missing
        let words = packages.map { package in package.version.map { "\(package.name)=\($0.text)" } ?? package.name }
        // A package that the recipe holds, or does not want held, is the recipe's to change.
        let free = transaction.held(false)
        var script = opening(wait: transaction.wait)
        script += policy(isNeeded: !transaction.startsServices && !words.isEmpty)
        script += "repair\n"
        if !free.isEmpty {
            script += "apt-mark unhold -- \(words: free) >/dev/null || die \"apt-mark unhold failed\"\n"
        }
        if !words.isEmpty {
            let options: ShellText =
                "\(script: transaction.allowsDowngrade ? "--allow-downgrades " : "")\(script: transaction.held(true).isEmpty ? "" : "--allow-change-held-packages ")"
            script += """
                install() { apt install --no-install-recommends --no-remove \(script: options)"$@" -- \(words: words); }
                if ! install; then
                # The package lists may be too old to name what is wanted, or to fetch it. If they are not, it was the
                # installation itself that failed, and asking again would only repeat it.
                if install --download-only >/dev/null 2>&1; then die "cannot install \(script: PackageSteps.list(words))"; fi
                idle /var/lib/apt/lists/lock
                apt update || die "cannot update the package lists"
                \(script: offers(packages))install || die "cannot install \(script: PackageSteps.list(words))"
                fi

                """
        }
        let held = transaction.held(true)
        if !held.isEmpty { script += "apt-mark hold -- \(words: held) >/dev/null || die \"apt-mark hold failed\"\n" }
        return HostStep(
            PackageSteps.summary(transaction, words), script: script, isSupervised: true, limit: transaction.limit)
    }

    /// Says which pins nobody offers, before anything is changed.
    private static func offers(_ packages: [PackageSteps.Package]) -> ShellText {
        var script: ShellText = ""
        for package in packages {
            guard let version = package.version else { continue }
            script += """
                offered=$(apt-cache madison -- \(word: package.name) | while IFS='| ' read -r x version x; do printf ' %s' "$version"; done)
                found=
                for version in $offered; do case $version in \(script: version.shellPattern(on: .debian))) found=1 ;; esac; done
                [ "$found" ] || die "no repository offers \(script: ShellText(script: "\(package.name) \(version.text)")); offered:${offered:- nothing}"

                """
        }
        return script
    }

    static func remove(_ transaction: PackageSteps.Transaction) -> HostStep {
        let names = transaction.names
        let script: ShellText = """
            \(script: opening(wait: transaction.wait))\(script: policy(isNeeded: false))repair
            plan=$(apt-get -s -q remove -- \(words: names)) || die "cannot remove \(script: PackageSteps.list(names))"
            # What needs one of them would go too, and nobody has asked for that.
            others=$(printf '%s\\n' "$plan" | while read -r verb name rest; do
            [ "$verb" = Remv ] || continue
            case ' '\(word: names.joined(separator: " "))' ' in *" $name "*) ;; *) printf ' %s' "$name" ;; esac
            done)
            [ -z "$others" ] || die "cannot remove \(script: PackageSteps.list(names)): needed by$others"
            apt remove -- \(words: names) || die "cannot remove \(script: PackageSteps.list(names))"

            """
        return HostStep(
            "remove \(StepText.list(names))", script: script, isSupervised: true, limit: transaction.limit)
    }

    /// invoke-rc.d asks /usr/sbin/policy-rc.d whether a service may be started; 101 = no. Ours says so only while the process
    /// that installs lives, so that one that a killed run has left denies nothing; a foreign one is asked then, and put back
    /// at the end or by the next step that installs.
    static func policy(isNeeded: Bool) -> ShellText {
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
            began() { read -r stat <"/proc/$1/stat" && { set -- ${stat##*) }; echo "${20}"; }; }
            cat >"$rc.cso-tmp" <<END && chmod 0755 "$rc.cso-tmp" && mv -fT -- "$rc.cso-tmp" "$rc" || die "cannot write $rc"
            #!/bin/sh
            # cso-provision: no starts while process $$ installs packages
            began() { read -r stat <"/proc/\\$1/stat" && { set -- \\${stat##*) }; echo "\\${20}"; }; }
            [ "\\$(began $$ 2>/dev/null)" != "$(began $$)" ] || exit 101
            [ ! -x "$rc.cso-kept" ] || exec "$rc.cso-kept" "\\$@"
            END

            """
    }
}
