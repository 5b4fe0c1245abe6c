/// The program at the host's end: a constant text for `sh -c` that says hello, then takes frames from its standard input
/// until that ends.
///
/// It holds no secret and nothing that varies from run to run, so it may be seen in the process list. Headers are read by the
/// `read` builtin and bodies by `head -c`, neither of which takes a byte too many from a pipe; a script on plain standard
/// input would not do, since dash reads ahead and then executes what was meant as a step's input.
///
/// A body cut short by a lost connection is never used: a script must have its length, and an input must be followed by
/// the session's boundary before the step sees a byte of it. The input waits in an unlinked file for that.
package enum RemoteReader {
    /// Raised whenever frames or hello change their form.
    package static let version = 1

    /// The request for an SSH exec channel, understood alike by any login shell.
    package static func command(sudo: Bool) -> String {
        "exec " + (sudo ? "sudo -n -- " : "") + "sh -c '" + text + "'"
    }

    /// The same as an argument vector, for the local transport.
    package static let arguments = ["sh", "-c", text]

    /// On one line, without `'`, `!` and `\\`: these mean something between single quotes to csh or fish.
    ///
    /// Kinds of frames: Q questions, S a step, U supervision (keeps the lock's descriptor until its unit has started), E
    /// in the reader's own shell (for the lock's descriptor, 9). The exit codes 70 to 76 are our own: no random number,
    /// stream broken off (74), answer not deliverable (75), unknown frame (76).
    package static let text = source.split(separator: "\n").joined(separator: " ")

    ///
    /// `timeout` kills a step's processes and itself at one moment, and what it killed may still be within a write: the next
    /// answer begins a little later then.
    private static let source = #"""
        unset ENV BASH_ENV CDPATH;
        PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C; export PATH LC_ALL; umask 077; cd /;
        cso_r=\#(HostPaths.volatile); cso_p=\#(HostPaths.lasting);
        read -r cso_b </proc/sys/kernel/random/uuid || exit 70;
        cso_b="cso:$cso_b"; cso_n=0;
        cso_mark() {
        printf "\001%s %s %s %s\n" "$cso_b" "$1" "$2" "$3" &&
        printf "\001%s %s %s %s\n" "$cso_b" "$1" "$2" "$3" >&2 || exit 75; };
        printf "\n\#(Hello.greeting) \#(version) %s\n" "$cso_b";
        \#(facts)
        \#(remains)
        cso_mark end 0 0;
        while read -r k n m t; do
        cso_n=$((cso_n+1)); r=0; x=;
        s=$(head -c "$n"); [ "${#s}" -eq "$n" ] || exit 74;
        if [ "$m" -eq 0 ]; then exec 3</dev/null; else
        f=$cso_p/payload.${cso_b#cso:};
        [ -d $cso_p ] || mkdir -p $cso_p;
        if x=$(head -c "$m" 2>&1 >"$f"); then
        read -r x && read -r x && [ "$x" = "$cso_b" ] || { rm -f "$f"; exit 74; };
        exec 3<"$f";
        else r=74; grep -aqxFe "$cso_b" || { rm -f "$f"; exit 74; }; fi;
        rm -f "$f"; fi;
        cso_mark begin $cso_n 0;
        [ $r -eq 0 ] || echo "the input could not be stored in $cso_p: $x" >&2;
        if [ $r -eq 0 ]; then case $k in
        Q) ( exec </dev/null 3<&- 9>&-; eval "$s" ); r=$?;;
        S) timeout -s KILL "$t" sh -c "$s" <&3 3<&- 9>&-; r=$?; [ $r -ne 137 ] || sleep 0.2;;
        U) ( exec <&3 3<&-; eval "$s" ); r=$?;;
        E) eval "$s" </dev/null 3<&-; r=$?;;
        *) exit 76;;
        esac; fi;
        exec 3<&-; cso_mark end $cso_n $r;
        done
        """#

    /// Made by builtins alone; only a kernel before 6.1 costs one process, for `uname`.
    private static let facts = #"""
        for k in /etc/os-release /usr/lib/os-release; do if [ -r $k ]; then
        while read -r s; do case $s in ID=*|VERSION_ID=*) printf "os %s\n" "$s";; esac; done <$k; break; fi; done;
        read -r s </proc/sys/kernel/hostname && printf "hostname %s\n" "$s";
        read -r s </proc/sys/kernel/random/boot_id && printf "boot %s\n" "$s";
        if [ -r /proc/sys/kernel/arch ]; then read -r s </proc/sys/kernel/arch; else s=$(uname -m); fi;
        printf "arch %s\n" "$s";
        if [ -d /run/systemd/system ] && read -r s </proc/1/comm; then printf "init %s\n" "$s"; fi;
        if read -r s k n </proc/meminfo; then printf "memory %s\n" "$k"; fi;
        for k in /usr/lib/systemd/libsystemd-shared-*.so /usr/lib/*/systemd/libsystemd-shared-*.so; do
        if [ -e "$k" ]; then printf "systemd %s\n" "${k##*/libsystemd-shared-}"; break; fi; done;
        s=disabled; if [ -r /sys/fs/selinux/enforce ]; then read -r s </sys/fs/selinux/enforce; fi;
        printf "selinux %s\n" "$s";
        for k in cpus=/sys/devices/system/cpu/online vendor=/sys/class/dmi/id/sys_vendor container=/run/systemd/container; do
        s=; if [ -r "${k#*=}" ]; then read -r s <"${k#*=}"; fi; printf "%s %s\n" "${k%%=*}" "$s"; done;
        while read -r k n m t; do case $k in Uid:) printf "uid %s\n" "$m";; esac; done </proc/self/status;
        while read -r s; do printf "mount %s\n" "$s"; done </proc/self/mountinfo;
        """#

    /// What earlier sessions left: supervised steps, and the lock with whether its holder still has it open.
    private static let remains = #"""
        for k in $cso_r/steps/*; do if [ -r "$k/about" ]; then
        printf "step %s\n" "${k##*/}";
        while read -r s; do printf "about %s\n" "$s"; done <"$k/about";
        if [ -r "$k/status" ] && read -r s <"$k/status"; then printf "status %s\n" "$s"; fi;
        fi; done;
        if [ -r $cso_r/lock ]; then while read -r k s; do printf "lock %s %s\n" "$k" "$s";
        if [ "$k" = pid ] && [ "/proc/$s/fd/9" -ef $cso_r/lock ]; then printf "lock held yes\n"; fi;
        done <$cso_r/lock; fi;
        """#
}
