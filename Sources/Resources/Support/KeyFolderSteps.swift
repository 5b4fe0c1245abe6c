internal import Model

/// How a folder of keystone's keys comes to be. Keystone reads the folder at each token, so that at every moment what lies
/// there must be a set that works: a key appears whole, with owner and mode, by one rename; what is being written has a name
/// that is no number, which keystone does not read.
enum KeyFolderSteps {
    /// The folder itself; `$p` is its path and the working directory. `fresh NAME` makes a new key beside its place, `put NAME`
    /// is the rename; `numbers` prints the keys that are there, the highest first.
    private static func opening(_ folder: KeystoneKeysResource) -> ShellText {
        """
        \(script: StepText.opening)p=\(word: folder.path) owner=\(word: folder.ownership)
        trap 'rm -f -- ${cso_notes-}' EXIT
        trap 'exit 143' HUP INT TERM
        if [ -L "$p" ]; then die "$p is a symbolic link; keys are not put behind one"; fi
        [ -d "$p" ] || mkdir -m 0700 -- "$p" || die "cannot make $p"
        chown -- "$owner" "$p" && chmod 0700 -- "$p" || die "$p: cannot set its owner and mode"
        cd -- "$p" || die "cannot enter $p"
        trap 'rm -f -- ./*.cso-tmp ${cso_notes-}' EXIT
        rm -f -- ./*.cso-tmp || die "$p: cannot remove what a dead run left"
        is_key() { case $1 in '' | *[!0-9]* | 0?*) return 1 ;; esac; [ -f "$1" ] && ! [ -L "$1" ] && [ -s "$1" ]; }
        numbers() { for n in *; do if is_key "$n"; then echo "$n"; fi; done | sort -rn; }
        ready() {
        chown -- "$owner" "$@" && chmod 0600 -- "$@" || die "$p: cannot set owner and mode of the new keys"
        sync -- "$@" || die "$p: cannot sync the new keys"
        }
        put() {
        mv -fT -- "$1.cso-tmp" "$1" || die "$p/$1: cannot put it in its place"
        trap 'rm -f -- ./*.cso-tmp' EXIT
        }
        fresh() {
        k=$(head -c 32 /dev/urandom | base64) || die "cannot make a key"
        # Fernet wants the URL's alphabet of base64, 44 characters, and keystone writes no line break behind it.
        printf %s "$k" | tr '+/' '-_' >"$1.cso-tmp" && [ "$(wc -c <"$1.cso-tmp")" -eq 44 ] || die "cannot make a key"
        }

        """
    }

    /// A staged key and a primary one, where there is none.
    static func make(_ folder: KeystoneKeysResource) -> HostStep {
        HostStep(
            "make new keys in \(folder.path)",
            script: opening(folder) + """
                [ -z "$(numbers)" ] || die "$p: there are keys by now; they are not replaced"
                fresh 1
                fresh 0
                ready 1.cso-tmp 0.cso-tmp
                put 1
                put 0
                sync -- . || die "cannot sync $p"

                """)
    }

    /// The staged key becomes the primary one, a new one is staged, and the oldest beyond what is kept goes. The old primary
    /// is there all the time: the new one is a second name of the staged key, before that is replaced.
    ///
    /// `from` is the primary that was seen: a rotation that is run again after it was done does nothing, and one that was
    /// cut off before the new key was staged only stages it.
    static func rotate(_ folder: KeystoneKeysResource, from highest: Int) -> HostStep {
        HostStep(
            "rotate the keys in \(folder.path)",
            script: opening(folder) + """
                set -- $(numbers)
                [ $# -gt 0 ] || die "$p: there are no keys any more"
                high=$1
                case $high in
                \(highest))
                if [ -f 0 ] && { [ "$high" -eq 0 ] || [ "$(cat 0)" != "$(cat "$high")" ]; }; then
                ln -T 0 "$((high + 1))" && sync -- . || die "$p: cannot promote the staged key"
                trap 'rm -f -- ./*.cso-tmp' EXIT
                high=$((high + 1))
                fi ;;
                \(highest + 1)) [ -f 0 ] && [ "$(cat 0)" != "$(cat "$high")" ] && exit 0 ;;
                *) die "$p: key $high is not the one that was seen; look again" ;;
                esac
                fresh 0
                ready 0.cso-tmp
                put 0
                sync -- . || die "cannot sync $p"
                set -- $(numbers)
                # The staged key is the last of them and stays; so does the primary.
                while [ $# -gt \(folder.kept) ]; do
                oldest=
                for n; do if [ "$n" -gt 0 ]; then oldest=$n; fi; done
                [ "$oldest" -lt "$high" ] || break
                rm -f -- "$oldest" || die "cannot remove $p/$oldest"
                set -- $(numbers)
                done
                sync -- . || die "cannot sync $p"

                """)
    }

    /// The set of another member, in the order that leaves no moment without an answer: the new primary first (its bytes are
    /// here already, as the staged key), the staged one last, and only then is removed what the other does not have.
    static func copy(_ folder: KeystoneKeysResource, from source: HostName) -> HostStep {
        HostStep(
            "copy the keys in \(folder.path) from \(source)",
            script: opening(folder) + """
                names=
                while read -r size name && [ "$size" != end ]; do
                case $size in '' | *[!0-9]*) die "$p: its new keys did not come whole" ;; esac
                case $name in
                '' | *[!0-9]* | 0?*) head -c "$size" >/dev/null; continue ;;
                esac
                [ "$size" -gt 0 ] || continue
                head -c "$size" >"$name.cso-tmp" && [ "$(wc -c <"$name.cso-tmp")" -eq "$size" ] \\
                || die "$p: cannot write key $name; the old keys stay"
                names="$names $name"
                done
                [ "${size-}" = end ] || die "$p: its new keys did not come whole; the old keys stay"
                [ -n "$names" ] || die "$p: the other member has no keys; the old keys stay"
                set -- $(printf '%s\\n' $names | sort -rn)
                for n; do
                if [ -d "$n" ]; then die "$p/$n is a directory"; fi
                done
                ready ./*.cso-tmp
                for n; do put "$n"; done
                for old in $(numbers); do
                case "$names " in *" $old "*) ;; *) rm -f -- "$old" || die "cannot remove $p/$old" ;; esac
                done
                sync -- . || die "cannot sync $p"

                """, input: Content([.peerFolder(source, path: folder.path)]))
    }

    /// Nothing but owner and mode.
    static func adjust(_ folder: KeystoneKeysResource) -> HostStep {
        HostStep(
            "set owner and mode of the keys in \(folder.path)",
            script: opening(folder) + """
                set -- $(numbers)
                [ $# -gt 0 ] || die "$p: there are no keys any more"
                chown -- "$owner" "$@" && chmod 0600 -- "$@" || die "$p: cannot set owner and mode"

                """)
    }
}
