# What a skilled person writes who has no tool: one POSIX sh script that checks 40 things on a host and repairs those that
# are wrong. The benchmark's opponent; Roles/bench declares the same 40. It is run on each host as
#
#     ssh HOST sudo -n sh -s -- NAME FQDN ADDRESS ZONE PEER-FQDN=ADDRESS... < by-hand.sh
#
# on all hosts at once, and prints `changed THING` or `unchanged THING` for each. A right host is found right with eight
# processes: what is there is asked once a kind, and compared in the shell. `bench` appends the payload of data.bin below the last line.
#
# It checks as much as the role: type, mode, owner, group, content, link target, package, ids, home, shell, unit file, enabled,
# active, units that systemd has to read again. It writes through a sibling and a rename, and restarts what a changed file concerns.
# What it does not do: take a lock; show a plan or ask; sync what it wrote to the disk; look again after a change, or wait to see
# whether a service stays up; survive its connection (a drop in the middle of apt-get ends apt-get, and an owed restart is
# forgotten); tell "absent" from "could not be asked"; have a deadline; hide secrets; report what differs; run on another family.
set -u
umask 077
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin
name=$1 fqdn=$2 address=$3 zone=$4
shift 4
nl='
'
work=/run/bench-by-hand.$$
changed=0 unchanged=0 restart=''
mkdir -m 0700 "$work" || exit 1
trap 'rm -rf "$work"' EXIT

unchanged() { unchanged=$((unchanged + 1)); echo "unchanged $1"; }
changed() { changed=$((changed + 1)); echo "changed $1"; }
fail() { echo "failed $1" >&2; exit 1; }

# --- what shall be there ---------------------------------------------------------------------------------------------

# File contents go to $work/1, 2, ... by `want`, a builtin each, so that one sha256sum sees wanted and present ones.
files='' count=0
want() { # PATH CONTENT
    count=$((count + 1))
    printf %s "$2" >"$work/$count" || fail "file:$1"
    files="$files $1"
}

want /etc/bench/main.conf "# main configuration of $name
name = $fqdn
address = $address
zone = $zone
workers = 4
include = /etc/bench/conf.d
"
peers='' leader=no
[ "${1%%=*}" != "$fqdn" ] || leader=yes
for peer in "$@"; do peers="${peers}peer ${peer%%=*} ${peer#*=}$nl"; done
want /etc/bench/peers.conf "# all members of the role, $name among them
$peers"
want /etc/bench/env "BENCH_NAME=$name
BENCH_ADDRESS=$address
BENCH_LOG_LEVEL=info
"
want /etc/bench/limits.ini "[limits]
workers = 4
files = 4096
leader = $leader
"
want /opt/bench/bin/serve '#!/bin/sh
# A service that does nothing, so that the benchmark waits for nobody'\''s start-up.
exec sleep infinity
'
want /opt/bench/bin/report '#!/bin/sh
# Prints what the benchmark'\''s services are configured with.
set -eu
for part in /etc/bench/conf.d/*.conf; do
    printf '\''%s:\n'\'' "$part"
    cat "$part"
done
'
want /opt/bench/releases/1/VERSION '1.0.0
'
want /etc/bench/conf.d/10-network.conf 'listen = 127.0.0.1:9971
backlog = 128
timeout = 30
'
want /etc/bench/conf.d/20-storage.conf 'spool = /srv/bench/spool
state = /var/lib/bench
sync = yes
'
want /etc/bench/conf.d/30-logging.conf 'folder = /var/log/bench
keep = 14
format = %t %h "%m"
'
want /etc/bench/conf.d/40-access.conf 'allow = benchops
deny = *
'
want /etc/profile.d/bench.sh '# The tools of the benchmark for who logs in.
PATH=$PATH:/opt/bench/bin
'
want /etc/sysctl.d/60-bench.conf '# Nothing is set: only the file is part of the benchmark.
'
for unit in worker watcher; do
    want /etc/systemd/system/bench-$unit.service "[Unit]
Description=Benchmark $unit
After=network.target

[Service]
Type=exec
User=benchapp
Group=benchapp
EnvironmentFile=-/etc/bench/env
ExecStart=/opt/bench/bin/serve $unit
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"
done
data=/opt/bench/share/data.bin
data_sum=66a123060ba8ff7786810208d7a8da960ed9df55ed34cd009d86a1fea9710a43

directories='/etc/bench /etc/bench/conf.d /opt/bench /opt/bench/bin /opt/bench/share /opt/bench/releases /opt/bench/releases/1
    /srv/bench /srv/bench/ops /srv/bench/spool /var/lib/bench /var/log/bench'
links='/opt/bench/current /usr/local/bin/bench-report /etc/bench/conf.d/00-main.conf'
units='bench-worker.service bench-watcher.service'

# --- what is there: one process a kind -------------------------------------------------------------------------------

# Each answer begins and ends with a line break, so that a whole line can be looked for. A missing path is simply not in it.
groups=$nl$(getent group benchapp benchops)$nl
users=$nl$(getent passwd benchapp benchops)$nl
paths=$nl$(find $directories $files $data $links -maxdepth 0 -printf '%p|%y|%m|%u|%g|%l\n' 2>/dev/null)$nl
sums=$nl$(cd "$work" && sha256sum -- * $files $data 2>/dev/null)$nl
packages=$nl$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' jq tree unzip 2>/dev/null)$nl
services=$(systemctl show -p Id,ActiveState,UnitFileState,NeedDaemonReload -- $units)

has() { case $1 in *"$nl$2$nl"*) ;; *) return 1 ;; esac; } # ANSWER LINE
is() { case $paths in *"$nl$1|$2|"*) ;; *) return 1 ;; esac; } # PATH TYPE

# --- groups, users, packages -----------------------------------------------------------------------------------------

group() { # NAME GID
    if has "$groups" "$1:x:$2:"; then unchanged "group:$1"; return; fi
    case $groups in *"$nl$1:"*) groupmod -g "$2" "$1" ;; *) groupadd -r -g "$2" "$1" ;; esac || fail "group:$1"
    changed "group:$1"
}
group benchapp 971
group benchops 970

user() { # NAME UID GID COMMENT HOME SHELL
    if has "$users" "$1:x:$2:$3:$4:$5:$6"; then unchanged "user:$1"; return; fi
    case $users in
        *"$nl$1:"*) usermod -u "$2" -g "$3" -c "$4" -d "$5" -s "$6" "$1" ;;
        *) useradd -r -M -u "$2" -g "$3" -c "$4" -d "$5" -s "$6" "$1" ;;
    esac || fail "user:$1"
    changed "user:$1"
}
user benchapp 971 971 'bench service' /srv/bench /usr/sbin/nologin
user benchops 970 970 'bench operators' /srv/bench/ops /bin/sh

missing=''
for package in jq tree unzip; do
    if has "$packages" "$package ii "; then unchanged "package:$package"; else missing="$missing $package"; fi
done
if [ -n "$missing" ]; then
    get() {
        DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=60 --no-install-recommends install $missing \
            </dev/null >"$work/apt" 2>&1
    }
    get || { apt-get -qq update </dev/null >"$work/apt" 2>&1 && get; } || { cat "$work/apt" >&2; fail "package:$missing"; }
    for package in $missing; do changed "package:$package"; done
fi

# --- directories, files, links ---------------------------------------------------------------------------------------

directory() { # PATH MODE OWNER GROUP
    if has "$paths" "$1|d|$2|$3|$4|"; then unchanged "directory:$1"; return; fi
    case $paths in *"$nl$1|"[!d]*) fail "directory:$1" ;; esac
    install -d -m "$2" -o "$3" -g "$4" "$1" || fail "directory:$1"
    changed "directory:$1"
}
for path in /etc/bench /etc/bench/conf.d /opt/bench /opt/bench/bin /opt/bench/share /opt/bench/releases /opt/bench/releases/1; do
    directory $path 755 root root
done
directory /srv/bench 750 benchapp benchapp
directory /srv/bench/ops 700 benchops benchops
directory /srv/bench/spool 770 benchapp benchops
directory /var/lib/bench 770 benchapp benchops
directory /var/log/bench 2750 benchapp adm

place() { # SOURCE PATH MODE OWNER GROUP
    install -T -m "$3" -o "$4" -g "$5" "$1" "$2.new" && mv -fT "$2.new" "$2" || { rm -f "$2.new"; fail "file:$2"; }
}
next=0
file() { # PATH MODE OWNER GROUP [UNIT...], in the order of `want`
    next=$((next + 1))
    path=$1 mode=$2 owner=$3 group=$4
    shift 4
    sum=${sums%%"  $next$nl"*}
    if has "$sums" "${sum##*"$nl"}  $path" && is "$path" f; then
        if has "$paths" "$path|f|$mode|$owner|$group|"; then unchanged "file:$path"; return; fi
        chown "$owner:$group" "$path" && chmod "$mode" "$path" || fail "file:$path"
    else
        ! is "$path" d || fail "file:$path"
        place "$work/$next" "$path" "$mode" "$owner" "$group"
        restart="$restart $*"
    fi
    changed "file:$path"
}
file /etc/bench/main.conf 644 root root bench-worker.service
file /etc/bench/peers.conf 644 root root
file /etc/bench/env 640 root benchapp bench-worker.service
file /etc/bench/limits.ini 644 root root
file /opt/bench/bin/serve 755 root root $units
file /opt/bench/bin/report 755 root root
file /opt/bench/releases/1/VERSION 444 root root
file /etc/bench/conf.d/10-network.conf 644 root root
file /etc/bench/conf.d/20-storage.conf 644 root root
file /etc/bench/conf.d/30-logging.conf 644 root root
file /etc/bench/conf.d/40-access.conf 600 benchapp benchapp
file /etc/profile.d/bench.sh 644 root root
file /etc/sysctl.d/60-bench.conf 644 root root

link() { # PATH TARGET
    if has "$paths" "$1|l|777|root|root|$2"; then unchanged "symlink:$1"; return; fi
    ! is "$1" d || fail "symlink:$1"
    ln -sfT "$2" "$1.new" && mv -fT "$1.new" "$1" || fail "symlink:$1"
    changed "symlink:$1"
}
link /opt/bench/current releases/1
link /usr/local/bin/bench-report /opt/bench/bin/report
link /etc/bench/conf.d/00-main.conf ../main.conf

# --- units and services ----------------------------------------------------------------------------------------------

was=$changed
for unit in $units; do file "/etc/systemd/system/$unit" 644 root root "$unit"; done
case $services in *NeedDaemonReload=yes*) was=-1 ;; esac
[ "$changed" -eq "$was" ] || systemctl daemon-reload || fail daemon-reload

for unit in $units; do
    state=${services#*Id="$unit$nl"}
    state=${state%%"${nl}Id="*}$nl
    right=yes
    has "$nl$state" UnitFileState=enabled || { systemctl -q enable "$unit" || fail "service:$unit"; right=no; }
    if ! has "$nl$state" ActiveState=active; then
        systemctl start "$unit" || fail "service:$unit"
        right=no
    else
        case "$restart " in *" $unit "*) systemctl restart "$unit" || fail "service:$unit"; right=no ;; esac
    fi
    if [ $right = yes ]; then unchanged "service:$unit"; else changed "service:$unit"; fi
done

# --- 1 MiB, last: a host that has it never reads the payload ---------------------------------------------------------

finish() { echo "total $changed changed, $unchanged unchanged"; exit 0; }
if has "$sums" "$data_sum  $data" && is "$data" f; then
    if has "$paths" "$data|f|644|root|root|"; then unchanged "file:$data"; finish; fi
    chown root:root "$data" && chmod 644 "$data" || fail "file:$data"
    changed "file:$data"
    finish
fi
! is "$data" d && base64 -d >"$work/data" <<'END OF DATA' && place "$work/data" "$data" 644 root root && changed "file:$data" && finish
