internal import Model

/// The steps of a release. What is promised: until the archive was verified and unpacked nothing has changed; from then to
/// the marker there is `previous`, so that whoever comes next knows that an installation did not end and what was there
/// before; the marker appears whole, after the gate, by a rename.
struct ReleaseScript {
    private let release: ReleaseResource
    private let facts: HostFacts

    init(_ release: ReleaseResource, on facts: HostFacts) {
        self.release = release
        self.facts = facts
    }

    var install: HostStep {
        let returns = release.onFailure == .return
        let script =
            opening + unpacking + backing + measuring + attempting + keeping + failing + """
                fetch
                unpack
                measure_inputs
                back_up
                disrupt
                if attempt "$d"; then
                mark
                prune
                echo "release $n $v is installed"
                exit 0
                fi
                failed

                """
        let attempts = release.limit + (release.ready?.deadline ?? .zero) + .seconds(60 + 630 * release.restart.count)
        return HostStep(
            summary("install release \(release.name) \(release.version)"), script: script, isSupervised: true,
            limit: attempts * (returns ? 2 : 1) + Self.unpackingLimit)
    }

    /// Only the link, or earlier releases that are too many.
    var tidy: HostStep {
        HostStep(
            "tidy release \(release.name)",
            script: opening + keeping + """
                [ -f "$r/marker" ] && [ "$old" ] || die "release $n: its marker is gone; look again"
                d=$old
                point "$d" || die "release $n: $why"
                prune

                """, isSupervised: true, limit: .seconds(300))
    }

    var remove: HostStep {
        var script = opening + attempting + keeping
        script += """
            if [ -d "$f/.$n" ]; then
            if [ -f "$r/marker" ]; then mv -f -- "$r/marker" "$r/previous" || die "cannot move $r/marker"; fi

            """
        if let uninstall = release.uninstall {
            script += """
                if [ "$old" ]; then
                printf %s \(word: uninstall.text) >"$r/uninstall" || die "cannot write below $r"
                run "$old" "$r/uninstall" || { tail -n 20 -- "$r/$old.log" >&2; die "release $n: cannot be removed: $why"; }
                fi

                """
        }
        script += """
            if [ "$link" ] && [ -L "$link" ]; then
            case $(readlink -- "$link") in "$f"/*) rm -f -- "$link" || die "cannot remove $link" ;; esac
            fi
            for y in previous begun; do
            [ -f "$r/$y" ] || continue
            while read -r k x z; do
            if [ "$y" = begun ]; then x=$k; fi
            [ -z "$x" ] || rm -rf -- "${f:?}/${x:?}" || die "cannot remove $f/$x"
            done <"$r/$y"
            done
            rm -rf -- "$r" || die "cannot remove $r"
            fi

            """
        return HostStep(
            "remove release \(release.name)", script: script, isSupervised: true, limit: release.limit + .seconds(300))
    }

    private func summary(_ text: String) -> String {
        release.restart.isEmpty ? text : "\(text) and restart \(StepText.list(release.restart.map(\.rawValue)))"
    }

    /// Copying from a slow share, hashing and unpacking gigabytes.
    private static let unpackingLimit = Duration.seconds(3600)

    // MARK: Pieces

    /// `$old`, `$oldv`: directory and version of the release that held last, empty if there is none that could be
    /// returned to. `$d`: the directory of the new one, never that of the old one.
    private var opening: ShellText {
        StepText.opening + """
            n=\(word: release.name) v=\(word: release.version) h=\(word: release.sha256) a=\(word: release.archive)
            f=\(word: release.folder) r=\(word: release.records) link=\(word: release.current ?? "")
            [ -d "$f" ] || die "$f does not exist; declare the directory before the release"
            case $(stat -f -c %T -- "$f") in
            nfs* | cifs | smb* | ceph | v9fs) die "$f lies on a network share; a release has to lie on the host's own disk" ;;
            esac
            # Nothing that an installer leaves running may hold it, so it is closed for all that is run here.
            exec 9>/run/lock/cso-install || die "cannot open /run/lock/cso-install"
            flock -n 9 || die "another installer is at work on this host (/run/lock/cso-install is locked); nothing was changed"
            sweep() { rm -rf -- "$r/archive.cso-tmp" "$r/unpack.cso-tmp" "$r/marker.cso-tmp" "$r/inputs.cso-tmp" "$r"/backup/*.cso-tmp; }
            # Until the disruption nothing is owed either. Names of units hold no blanks.
            trap 'sweep; rm -f -- ${cso_notes-}; rmdir -- "$r" 2>/dev/null' EXIT
            trap 'exit 143' HUP INT TERM
            old='' oldv='' why=''
            for k in previous marker; do
            if [ -f "$r/$k" ]; then
            old='' oldv=''
            while read -r w x y z; do
            if [ "$w" = release ] && [ -z "$old" ] && [ -d "$f/$x" ]; then old=$x oldv=$y; fi
            break
            done <"$r/$k"
            fi
            done
            d=$v
            [ "$old" != "$d" ] || d=$v-$(printf %.12s "$h")
            point() {
            [ "$link" ] || return 0
            if [ -d "$link" ] && ! [ -L "$link" ]; then why="$link is a directory; a link does not replace it"; return 1; fi
            if [ "$(readlink -- "$link" 2>/dev/null)" = "$f/$1" ]; then return 0; fi
            rm -f -- "$link.cso-tmp"
            ln -sT -- "$f/$1" "$link.cso-tmp" && mv -fT -- "$link.cso-tmp" "$link" && return 0
            rm -f -- "$link.cso-tmp"
            why="$link cannot be made to point to $f/$1"
            return 1
            }

            """
    }

    /// `fetch`: a verified copy on the host's own disk. `unpack`: its content, complete and owned as it shall be.
    private var unpacking: ShellText {
        let owner = release.attributes.owner ?? "root"
        let group = release.attributes.group ?? "root"
        let extract: ShellText =
            switch release.format {
            case .tar:
                """
                tar -x --no-same-owner --strip-components=\(release.strip) -C "$r/unpack.cso-tmp" -f "$r/archive.cso-tmp" \
                || die "$a cannot be unpacked"

                """
            // 1 = a warning, and all was unpacked (unzip(1)).
            case .zip:
                """
                command -v unzip >/dev/null || die "there is no unzip on this host; declare \\`package: unzip\\` before"
                k=0; unzip -o -q "$r/archive.cso-tmp" -d "$r/unpack.cso-tmp" </dev/null >&2 || k=$?
                [ "$k" -le 1 ] || die "$a cannot be unpacked: unzip ended with $k"

                """
            }
        return """
            fetch() {
            mkdir -p -m 0700 -- "$r" || die "cannot make $r"
            sweep || die "cannot sweep $r"
            size=$(timeout -s KILL 20 stat -L -c %s -- "$a") || die "$a: there is no such archive, or its share does not answer; put it there first"
            free=$(df --output=avail -k -- "$f" | tail -n 1)
            [ "$((size / 1024 * 3))" -le "$((free))" ] || die "$f has $((free / 1024)) MiB left; three times the archive's $((size >> 20)) MiB are needed"
            timeout -s KILL 1800 cp -- "$a" "$r/archive.cso-tmp" || die "$a cannot be copied to $r"
            found=$(sha256sum <"$r/archive.cso-tmp") || die "$a: its copy cannot be read"
            found=${found%% *}
            [ "$found" = "$h" ] || die "$a is not the archive that the recipe pins: its sha256 is $found and not $h; nothing was changed"
            }
            unpack() {
            mkdir -m 0700 -- "$r/unpack.cso-tmp" || die "cannot make $r/unpack.cso-tmp"
            umask 022
            \(script: extract)\
            umask 077
            [ "$(ls -A "$r/unpack.cso-tmp")" ] || die "$a is empty"
            chown -hR -- \(word: "\(owner):\(group)") "$r/unpack.cso-tmp" || die "cannot give the release to "\(word: "\(owner):\(group)")
            chmod -- \(word: ModeText.text(release.attributes.mode ?? 0o750)) "$r/unpack.cso-tmp" || die "cannot set the mode of the release"
            rm -f -- "$r/archive.cso-tmp"
            }

            """
    }

    /// `back_up`: what a release that held had made, two of them. One that did not end is no backup of anything.
    private var backing: ShellText {
        guard !release.backup.isEmpty else { return "back_up() { :; }\n" }
        let left = release.backupWithout.map { "--exclude=" + $0.dropFirst() }
        return """
            back_up() {
            [ -f "$r/marker" ] && ! [ -f "$r/previous" ] && [ "$old" ] || return 0
            mkdir -p -m 0700 -- "$r/backup" || die "cannot make $r/backup"
            b=$r/backup/$(date -u +%Y%m%dT%H%M%SZ)-$old.tar.gz
            set --
            for x in \(words: release.backup); do
            if [ -e "$x" ]; then set -- "$@" "${x#/}"; fi
            done
            [ "$#" -gt 0 ] || return 0
            k=0
            tar -c -z -f "$b.cso-tmp" -C / --one-file-system --anchored --no-wildcards \(words: left) -- "$@" || k=$?
            # 1 = a file changed while it was read: services run.
            [ "$k" -le 1 ] || die "release $old cannot be kept in $b: tar ended with $k; nothing was changed"
            sync -- "$b.cso-tmp" && mv -f -- "$b.cso-tmp" "$b" || die "cannot write $b"
            # Names begin with their time, so the oldest come first.
            set -- "$r"/backup/*.tar.gz
            while [ "$#" -gt 2 ]; do rm -f -- "$1" || die "cannot remove $1"; shift; done
            }

            """
    }

    /// `measure_inputs`: of all that is installed from here on; `mark_inputs` when it held.
    private var measuring: ShellText {
        guard !release.inputs.isEmpty else { return "measure_inputs() { :; }\nmark_inputs() { :; }\n" }
        return """
            \(script: InputMarks.measuring)\
            measure_inputs() { (umask 077; measure \(words: release.inputs)) >"$r/inputs.cso-tmp" || exit 1; }
            mark_inputs() { sync -- "$r/inputs.cso-tmp" && mv -fT -- "$r/inputs.cso-tmp" "$r/inputs" || die "cannot write $r/inputs"; }

            """
    }

    /// `disrupt`: from here on the earlier release is no longer marked. `attempt DIRECTORY`: installs what was unpacked
    /// there and asks its gate; `$why` says what failed.
    private var attempting: ShellText {
        let units = release.restart.map(\.rawValue)
        var restart: ShellText = ":\n"
        if !units.isEmpty {
            restart = """
                systemctl daemon-reload || { why="systemctl daemon-reload failed"; return 1; }
                for u in \(words: units); do
                systemctl reset-failed -- "$u" 2>/dev/null
                systemctl restart -- "$u" || { systemctl status --no-pager --full -n 20 -- "$u" >&2; why="$u cannot be started"; return 1; }
                done

                """
            // A start reads every file, so nothing is owed to it any more.
            for unit in release.restart { restart += OwedNotes.strikeOff(unit) }
        }
        let ready = release.ready
        return """
            disrupt() {
            trap sweep EXIT
            if [ -f "$r/marker" ]; then mv -f -- "$r/marker" "$r/previous" || die "cannot move $r/marker"
            elif ! [ -f "$r/previous" ]; then : >"$r/previous" || die "cannot write below $r"; fi
            # What one that was cut off had unpacked.
            x=
            if [ -f "$r/begun" ]; then read -r x <"$r/begun" || x=; fi
            for x in "$x" "$d"; do
            [ -z "$x" ] || [ "$x" = "$old" ] || rm -rf -- "${f:?}/${x:?}" "$r/$x.install" "$r/$x.ready" || die "cannot remove $f/$x"
            done
            printf '%s\\n' "$d" >"$r/begun" || die "cannot write below $r"
            sync -- "$r"
            \(script: record(release.install, as: "install"))\
            \(script: record(ready?.command, as: "ready"))\
            mv -T -- "$r/unpack.cso-tmp" "$f/$d" || die "cannot put the release to $f/$d"
            if [ -e /sys/fs/selinux/enforce ] && command -v restorecon >/dev/null; then restorecon -R -- "$f/$d"; fi
            sync -- "$f"
            }
            run() {
            : >"$r/$1.log" || { why="cannot write $r/$1.log"; return 1; }
            k=0
            ( cd -- "$f/$1" && umask 022 && exec timeout -k 10 \(release.limit.components.seconds) sh -eu "$2" ) >>"$r/$1.log" 2>&1 </dev/null 9>&- || k=$?
            case $k in
            0) ;;
            124) why="the installer was ended because its time limit of \(release.limit.components.seconds) s had passed"; return 1 ;;
            *) why="the installer ended with status $k"; return 1 ;;
            esac
            \(script: refusing)}
            restart() {
            \(script: restart)}
            ready() {
            [ -f "$r/$1.ready" ] || return 0
            read -r now x </proc/uptime
            end=$((${now%.*} + \(ready?.deadline.components.seconds ?? 120))) k=0
            while :; do
            if said=$(timeout -s KILL 20 sh "$r/$1.ready" </dev/null 2>&1 9>&-); then
            k=$((k + 1)); [ "$k" -lt \(ready?.successes ?? 2) ] || return 0
            else
            k=0
            read -r now x </proc/uptime
            if [ "${now%.*}" -ge "$end" ]; then
            printf '%s\\n' "$said" | tail -n 5 >&2
            why="its gate did not hold within \(ready?.deadline.components.seconds ?? 120) s"; return 1
            fi
            fi
            sleep \(script: ShellText(script: (ready?.interval ?? .seconds(1)).inDecimalSeconds))
            done
            }
            attempt() {
            why=
            point "$1" || return 1
            if [ -f "$r/$1.install" ]; then run "$1" "$r/${2:-$1.install}" || { tail -n 20 -- "$r/$1.log" >&2; return 1; }; fi
            restart || return 1
            ready "$1"
            }

            """
    }

    private func record(_ text: ShellText?, as suffix: ShellText) -> ShellText {
        guard let text else { return "" }
        return """
            printf '%s\\n' \(word: text.text) >"$r/$d."\(script: suffix) || die "cannot write below $r"

            """
    }

    /// A black box may end with 0 after an error, or without having made anything.
    private var refusing: ShellText {
        var script: ShellText = ""
        // An uninstaller takes away what the installer made.
        if release.isAbsent { return ":\n" }
        if let pattern = release.refusedLog {
            script += """
                k=0; found=$(grep -E -m 1 -e \(word: pattern) -- "$r/$1.log") || k=$?
                case $k in
                0) why="the installer ended with 0, but its log says: $found"; return 1 ;;
                1) ;;
                *) why="its log cannot be searched for "\(word: pattern); return 1 ;;
                esac

                """
        }
        if !release.creates.isEmpty {
            script += """
                for x in \(words: release.creates); do
                [ -e "$x" ] || [ -L "$x" ] || { why="the installer made no $x"; return 1; }
                done

                """
        }
        return script.text.isEmpty ? ":\n" : script
    }

    /// `mark`: the release is the one in use, the earlier ones stand behind it. `prune`: those that are too many go.
    private var keeping: ShellText {
        """
        write() { sync -- "$r/marker.cso-tmp" && mv -f -- "$r/marker.cso-tmp" "$r/marker" && sync -- "$r" || die "cannot write $r/marker"; }
        mark() {
        # What it stands for is on the disk before it: the release, and what the installer made where we know of it.
        sync -f -- "$f" \(words: release.creates) || die "cannot sync the release; it is not marked"
        {
        echo "release $d $v $h"
        while read -r w x y; do
        if [ "$w" = release ] && [ "$x" != "$d" ] && [ -d "$f/$x" ]; then echo "release $x $y"; fi
        done <"$r/previous"
        } >"$r/marker.cso-tmp" || die "cannot write below $r"
        mark_inputs
        write
        rm -f -- "$r/previous" "$r/begun"
        }
        prune() {
        k=0
        while read -r w x y; do
        [ "$w" = release ] || continue
        k=$((k + 1))
        if [ "$k" -le \(release.keep + 1) ]; then echo "release $x $y"
        else rm -rf -- "${f:?}/${x:?}" "$r/$x.install" "$r/$x.ready" "$r/$x.log" || die "cannot remove $f/$x"; fi
        done <"$r/marker" >"$r/marker.cso-tmp"
        write
        }

        """
    }

    /// Ends the step, whatever could be returned to.
    private var failing: ShellText {
        guard release.onFailure == .return else {
            return """
                failed() { die "release $n $v failed: $why; it is left as it is and not marked (on_failure: leave); see $r/$d.log"; }

                """
        }
        var prepare: ShellText = ""
        var script: ShellText = ""
        if let rollback = release.rollback {
            prepare = """
                printf '%s\\n' \(word: rollback.text) >"$r/rollback" || die "cannot write below $r"
                [ -f "$r/$old.install" ] || : >"$r/$old.install"

                """
            script = " rollback"
        }
        return """
            failed() {
            first="release $n $v failed: $why"
            [ "$old" ] || die "$first; there is no earlier release to return to; see $r/$d.log"
            printf '%s\\n' "$first; returning to $oldv"
            \(script: prepare)\
            attempt "$old"\(script: script) || die "$first; returning to release $oldv failed too: $why; no release is marked; see the logs in $r"
            mark_inputs
            mv -f -- "$r/previous" "$r/marker" && sync -- "$r" || die "$first; cannot mark $oldv again"
            rm -rf -- "${f:?}/${d:?}" "$r/$d.install" "$r/$d.ready" "$r/begun"
            die "$first; returned to release $oldv, which passed its gate; see $r/$d.log"
            }

            """
    }
}

extension Duration {
    /// For sleep(1).
    fileprivate var inDecimalSeconds: String {
        let thousandths = components.attoseconds / 1_000_000_000_000_000
        let digits = String(thousandths)
        return "\(components.seconds).\(String(repeating: "0", count: 3 - digits.count))\(digits)"
    }
}

extension HostFacts {
    /// The network mount that holds `path`, if the nearest mount above it is one. Links in the way are the step's to see.
    func networkMount(of path: String) -> String? {
        let above = mounts.filter { mount in
            mount.point == "/" || path == mount.point || path.hasPrefix(mount.point + "/")
        }
        // Of two on one point the later one covers the other.
        var nearest: HostFacts.Mount?
        for mount in above where mount.point.utf8.count >= nearest?.point.utf8.count ?? 0 { nearest = mount }
        return nearest?.isNetwork == true ? nearest?.point : nil
    }
}
