internal import Model

/// dnf(8) of the fourth generation, and rpm(8).
///
/// rpm keeps no record of a package whose scripts were cut off: it counts as installed as soon as its files lie there. So each
/// transaction is noted before it begins, in ``unfinished``, and what a note that was left behind covers is installed
/// once more.
enum DnfSteps: PackageManagerSteps {
    /// Its first line is when the transaction began (seconds since 1970), and its release if that was pinned; the others are the
    /// names that it was about.
    static let unfinished = "/var/lib/cso-provision/dnf-unfinished"
    static let configuration = "/etc/dnf/dnf.conf"

    static func opening(wait: Int, release: String = "") -> ShellText {
        """
        \(script: StepText.opening)umask 022
        note=\(word: unfinished) waited=0 conf= release=\(word: release)
        # dnf waits for its lock without end unless it is told to leave at once: 200 = another process holds it.
        dnf_() {
        while :; do
        dnf -y -q --setopt=exit_on_lock=True --setopt=install_weak_deps=False ${conf:+-c "$conf"} ${release:+--releasever="$release"} "$@" </dev/null; status=$?
        [ "$status" -eq 200 ] || return "$status"
        sleep 1; waited=$((waited + 1))
        idle
        done
        }
        # Waits until no dnf is at work: each writes its process into files, without a line break.
        idle() {
        while :; do
        who=
        for file in /var/lib/dnf/*.pid /var/cache/dnf/*.pid; do
        pid=; name=
        if [ -r "$file" ]; then read -r pid <"$file"; fi
        if [ "$pid" ] && read -r name <"/proc/$pid/comm"; then who="$name (process $pid)"; fi
        done 2>/dev/null
        if [ -z "$who" ]; then [ "$waited" -ge \(wait) ] || return 0; who='its lock is held'; fi
        if [ "$waited" -ge \(wait) ]; then
        echo "another package manager is at work: $who, after $waited s" >&2
        exit \(PackageSteps.busy)
        fi
        sleep 1; waited=$((waited + 1))
        done
        }
        # A transaction about the packages $names. A script of a package that fails after its files were put in place is no
        # failure to rpm; here it is one, and the note stays, so that it runs again.
        transact() {
        kept=1
        if ! [ -e "$note" ]; then
        kept=
        mkdir -p -m 0700 /var/lib/cso-provision && { echo "$(date +%s) $release"; printf '%s\\n' $names; } >"$note.cso-tmp" &&
        sync -- "$note.cso-tmp" && mv -fT -- "$note.cso-tmp" "$note" || die "cannot write $note"
        fi
        said=$(mktemp) || die "cannot make a temporary file"
        { (dnf_ "$@" 2>&1); echo "$?" >"$said.status"; } | tee "$said"
        read -r status <"$said.status" || status=255
        broken=
        while read -r line; do case $line in
        "Error in "*" scriptlet in rpm package "*|*" scriptlet failed, "*) broken=$line ;;
        esac; done <"$said"
        rm -f -- "$said" "$said.status"
        [ "$status" -lt 128 ] || die "dnf did not end by itself (status $status)"
        if [ "$status" -eq 0 ] && [ "$broken" ]; then die "$broken"; fi
        [ "$kept" ] || rm -f -- "$note" || die "cannot remove $note"
        [ "$status" -ne \(PackageSteps.busy) ] || exit "$status"
        return "$status"
        }
        # What a transaction that was cut off has left: two versions of a package, or packages whose scripts did not end.
        repair() {
        [ -e "$note" ] || doubled || return 0
        wanted=$release
        if [ -e "$note" ]; then read -r began release <"$note"; fi
        if doubled; then dnf_ remove --duplicates || die "cannot remove the older ones of packages that are installed twice"; fi
        if ! [ -e "$note" ]; then release=$wanted; return 0; fi
        again=$(rpm -qa --qf '%{INSTALLTIME} %{NAME}.%{ARCH}\\n' | while read -r time name; do
        case $name in gpg-pubkey.*) continue ;; esac
        if [ "$time" -ge "$began" ]; then printf '%s ' "$name"; fi
        done)
        echo "a transaction was cut off; installing once more: ${again:-nothing}"
        if [ "$again" ]; then
        transact reinstall -- $again || die "cannot install once more what was cut off: $again; when it is right, remove $note"
        fi
        rm -f -- "$note" || die "cannot remove $note"
        release=$wanted
        }
        # Kernels may stand beside each other.
        doubled() { [ "$(rpm -qa --qf '%{NAME}.%{ARCH}\\n' | grep -v -e '^kernel' -e '^gpg-pubkey' | sort | uniq -d)" ]; }

        """
    }

    static func install(_ transaction: PackageSteps.Transaction) -> HostStep {
        let packages = transaction.missing
        let words = packages.map { package in package.version.map { "\(package.name)-\($0.text)" } ?? package.name }
        let held = transaction.held(true)
        var script = opening(wait: transaction.wait)
        if !held.isEmpty || !transaction.held(false).isEmpty { script += exclusions }
        script += "repair\n"
        if !transaction.held(false).isEmpty { script += "exclude no \(words: transaction.held(false))\n" }
        if !words.isEmpty {
            if !held.isEmpty {
                // A package that the recipe holds is the recipe's to change.
                script += """
                    conf=$(mktemp) || die "cannot make a temporary file"
                    trap 'rm -f -- "$conf"' EXIT
                    edited no \(words: held) >"$conf" || die "cannot write $conf"

                    """
            }
            script += """
                names=\(word: packages.map(\.name).joined(separator: " "))
                if ! transact install -- \(words: words); then
                # The metadata may be too old to name what is wanted. If they are not, it was the transaction itself that failed,
                # and asking again would only repeat it.
                if dnf_ install --downloadonly -- \(words: words) >/dev/null 2>&1; then die "cannot install \(script: PackageSteps.list(words))"; fi
                dnf_ --refresh makecache || die "cannot read the repositories' metadata"
                \(script: offers(packages))transact install -- \(words: words) || die "cannot install \(script: PackageSteps.list(words))"
                fi

                """
        }
        if !held.isEmpty { script += "exclude yes \(words: held)\n" }
        return HostStep(
            PackageSteps.summary(transaction, words), script: script, isSupervised: true, limit: transaction.limit)
    }

    private static func offers(_ packages: [PackageSteps.Package]) -> ShellText {
        var script: ShellText = ""
        for package in packages {
            guard let version = package.version else { continue }
            script += """
                offered=$(dnf_ repoquery --qf '%{epoch}:%{version}-%{release}' -- \(word: package.name))
                found= shown=
                for version in $offered; do
                shown="$shown ${version#0:}"
                case $version in \(script: version.shellPattern(on: .amazon))) found=1 ;; esac
                done
                [ "$found" ] || die "no repository offers \(script: ShellText(script: "\(package.name) \(version.text)")); offered:${shown:- nothing}"

                """
        }
        return script
    }

    static func remove(_ transaction: PackageSteps.Transaction) -> HostStep {
        let names = transaction.names
        // rpm refuses if something needs them, where dnf would remove that too. `dnf remove` would also take what nothing needs
        // any more. rpm itself does not wait for dnf.
        return HostStep(
            "remove \(StepText.list(names))",
            script: """
                \(script: opening(wait: transaction.wait))idle
                repair
                said=$(rpm -e -- \(words: names) 2>&1) || die "cannot remove \(script: PackageSteps.list(names)): $(printf %s "$said" | tr -s '\\n\\t' '  ')"


                """, isSupervised: true, limit: transaction.limit)
    }

    // MARK: Held packages

    /// `exclude yes|no NAME...` changes `excludepkgs` of dnf.conf; `edited` prints what it would be. Names of others stay, and so
    /// does every other line.
    private static let exclusions: ShellText = """
        edited() {
        wanted=$1; shift
        section= inside= rest= list=
        while IFS= read -r line || [ "$line" ]; do
        case $line in
        "["*) section=${line%%]*} inside= ;;
        [" \t"]*) if [ "$inside" ]; then list="$list $line"; continue; fi ;;
        "#"*|";"*) ;;
        *=*) inside=
        if [ "$section" = "[main" ]; then case ${line%%[= \t]*} in exclude|excludepkgs)
        inside=1 list="$list ${line#*=}"; continue ;;
        esac; fi ;;
        esac
        rest="$rest$line
        "
        done <\(word: configuration)
        kept=$(set -f; IFS=' ,\t'; for name in $list; do
        for mine in "$@"; do if [ "$name" = "$mine" ]; then continue 2; fi; done
        printf '%s ' "$name"
        done)
        if [ "$wanted" = yes ]; then kept="$kept$*"; fi
        case $rest in "[main]"*|*"
        [main]"*) ;; *) rest="[main]
        $rest" ;; esac
        printf '%s' "$rest" | while IFS= read -r line; do
        printf '%s\\n' "$line"
        if [ "${line%%]*}" = "[main" ] && [ "${kept% }" ]; then printf 'excludepkgs=%s\\n' "${kept% }"; fi
        done
        }
        exclude() {
        t=\(word: configuration + ".cso-tmp")
        edited "$@" >"$t" && chmod --reference=\(word: configuration) -- "$t" && chown --reference=\(word: configuration) -- "$t" ||
        die "cannot write $t"
        if [ -e /sys/fs/selinux/enforce ]; then chcon --reference=\(word: configuration) -- "$t" || die "cannot keep its SELinux context"; fi
        sync -- "$t" && mv -fT -- "$t" \(word: configuration) || die "cannot write "\(word: configuration)
        }

        """
}
