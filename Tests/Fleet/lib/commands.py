"""The commands of `fleet`. Each is short: what it promises, and the order of the parts that keep it."""

import contextlib
import fcntl
import json
import os
import shlex
import shutil
import sys
import time

from . import amazon, cgroups, cloud, database, dns, guest, image, keys, limits, machine, network, nfs, repository, roster, saves, services, settings as s, share, standin, tools
from .shell import FleetError, say, timed

COMPLETE = s.RUN / "complete"  # there while a whole fleet stands; absent while one is being built up or taken down


@contextlib.contextmanager
def lock():
    """One changing command at a time. The kernel drops the lock with the process, so none is ever stale."""
    s.RUN.mkdir(parents=True, exist_ok=True)
    with open(s.RUN / "lock", "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            say(f"waiting for another fleet command: {file.read().strip() or 'unknown'}")
            deadline = time.monotonic() + 900
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise FleetError("another fleet command has held the lock for 15 minutes", "fleet status") from None
                    time.sleep(0.2)
        file.truncate(0)
        file.write(f"pid {os.getpid()}, {' '.join(sys.argv[1:])}\n")
        file.flush()
        yield


def require_root():
    if os.geteuid() != 0:
        raise FleetError("namespaces, mounts and systemd-nspawn need root", "run it as root, or with sudo")


def require_up():
    if not COMPLETE.exists():
        raise FleetError("the fleet is not up", "Tests/Fleet/fleet up")


# --- up and down ---------------------------------------------------------------------------------------------------


def up():
    require_root()
    tools.require()
    network.refuse_if_taken()
    with lock():
        began = time.monotonic()
        if not COMPLETE.exists() and remains():
            say("cleaning what an earlier run left")
            clean(grace=0)
        # A fleet that stands is mended where a part is missing, and otherwise left alone; also by the next `up`, when this
        # one fails.
        build()
        with timed("network, zone, packages, database, share, AWS"):
            limits.raise_limits()
            network.ensure_vpc()
            dns.start()
            repository.start()
            database.start()
            nfs.start()
            cloud.start()
        hosts = roster.hosts()
        off = [host for host in hosts if not machine.running(host)]
        if off:
            with timed(f"{len(off)} hosts"):
                machine.start_all(off)
        keys.write_known_hosts()
        COMPLETE.write_text("\n")
        say(f"up in {time.monotonic() - began:.1f} s; `eval \"$(Tests/Fleet/fleet env)\"` points a controller at it")


def build():
    keys.ensure()
    standin.ensure()
    hosts = roster.hosts()
    if image.wanted_id() != image.current_id() and any(machine.running(host) for host in hosts):
        # Their disks are differences to what is about to change.
        say("the image's list changed: hosts go off for a new one")
        machine.stop_all(hosts)
    image.ensure()
    repository.ensure([found[1] for found in map(machine.stands_on, hosts) if found])
    if any(host.is_amazon for host in hosts):
        if not amazon.is_built():
            machine.stop_all([host for host in hosts if host.is_amazon])
        amazon.ensure()
    if any(host.is_guest for host in hosts):
        guest.ensure()
    database.ensure()
    share.ensure()
    cloud.ensure()


def down():
    require_root()
    with lock():
        began = time.monotonic()
        clean(grace=10)
        say(f"down in {time.monotonic() - began:.1f} s")


def remains():
    return bool(cgroups.all_groups() or network.namespaces() or os.path.exists(f"/sys/class/net/{s.JUMP_LINK}")
                or mounts_below(s.DISKS))


def mounts_below(folder):
    with open("/proc/self/mountinfo") as table:
        return [line.split()[4] for line in table if line.split()[4].startswith(str(folder) + "/")]


def clean(grace):
    """Ends everything of ours by what the kernel knows of it: cgroups, namespaces, mounts, links. No list that a
    killed run may have failed to write is believed."""
    COMPLETE.unlink(missing_ok=True)
    cloud.save()
    if grace:
        machine.stop_all(roster.hosts(), grace)
        database.stop()
    for group in cgroups.all_groups():
        group.end()
    for pid in network.pids_inside():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    network.remove_all()
    for folder in (s.DISKS, s.CACHE):
        image.unmount_below(folder)
    cgroups.remove_root()
    limits.restore()
    shutil.rmtree(dns.FOLDER, ignore_errors=True)


# --- one host ------------------------------------------------------------------------------------------------------


def reset(names, new_keys, state=None):
    """Back to the bare image, or to a saved state, in seconds: same address, no cut, and the same keys unless new ones are
    asked for."""
    require_root()
    require_up()
    if state and (new_keys or not names):
        raise FleetError("--to is for hosts that are named, with their own keys")
    with lock():
        hosts = [roster.find(name) for name in names] if names else roster.hosts()
        for host in hosts if state else []:
            saves.require(host, state)
        machine.stop_all(hosts, grace=0)  # what is on the disk is thrown away, so nothing needs to be written out
        for host in hosts:
            if state:
                saves.bring_back(host, state)
            else:
                (machine.destroy if new_keys else machine.wipe)(host)
            network.forget(host.name)
            if new_keys:
                keys.forget(host)
        machine.start_all(hosts)
        if new_keys:
            # known_hosts keeps the old key: that is the state that a controller has to notice.
            say("known_hosts still has the old keys; `fleet trust` writes the new ones")
        else:
            keys.write_known_hosts()


def save(name, state):
    """Keeps a host's disk under a name. The host is off meanwhile, and comes back."""
    require_root()
    require_up()
    with lock():
        host = roster.find(name)
        saves.place(host, state)
        machine.stop_all([host], grace=30)
        try:
            saves.save(host, state)
        finally:
            machine.start_all([host])


def trust():
    """Writes known_hosts from the keys that the hosts have now."""
    keys.write_known_hosts()


def start(names):
    require_root()
    require_up()
    with lock():
        hosts = [roster.find(name) for name in names]
        machine.start_all([host for host in hosts if not machine.running(host)])


def stop(names):
    """Power off. A stopped instance's address is silent: it neither answers nor refuses."""
    require_root()
    require_up()
    with lock():
        hosts = [roster.find(name) for name in names]
        machine.stop_all(hosts)
        for host in hosts:
            network.set_stopped(host.name, True)


def cut(names, off):
    require_root()
    require_up()
    with lock():
        for name in names:
            network.set_cut(name, off)


def add(names, bare, address):
    require_root()
    require_up()
    with lock():
        if address and len(names) != 1:
            raise FleetError("--address is for one host")
        new = []
        for name in names:
            new.append(roster.new_host(name, bare, address))
            roster.save_added(roster.added() + [new[-1]])
        if any(host.is_amazon for host in new) and not amazon.is_built():
            # Hosts over the old layer are made anew with it.
            stale = [host for host in roster.hosts() if host.is_amazon and machine.running(host)]
            machine.stop_all(stale)
            amazon.ensure()
            new += stale
        if any(host.is_guest for host in new):
            guest.ensure()
        announce(new)
        with timed(f"{len(new)} hosts"):
            machine.start_all(new)
        keys.write_known_hosts()


def remove(names):
    require_root()
    with lock():
        gone = [roster.find(name) for name in names]
        for host in gone:
            if not host.added:
                raise FleetError(f"{host.name} is one of the eight", f"fleet stop {host.name}")
        machine.stop_all(gone, grace=0)
        for host in gone:
            machine.detach(host)
            machine.destroy(host)
            saves.forget(host)
            keys.forget(host)
            network.forget(host.name)
        roster.save_added([host for host in roster.added() if host not in gone])
        if COMPLETE.exists():
            announce(gone)
            keys.write_known_hosts()


def database_command(action):
    require_root()
    if action == "exec":
        return database.execute()
    require_up()
    with lock():
        if action == "reset":
            database.reset()
        elif action == "rotate":
            database.rotate()
            cloud.seed()
        else:
            database.use(action)


def share_command(action):
    require_root()
    require_up()
    with lock():
        share.reset()


def announce(hosts):
    """The zone learns of added and removed hosts; Route 53 only of members of roles."""
    dns.reload()
    if any(host.has_role for host in hosts):
        cloud.seed()


def execute(name, command):
    require_root()
    machine.execute(roster.find(name), command)


def inits(names):
    require_root()
    print(" ".join(str(machine.leader(roster.find(name))) for name in names))


# --- telling -------------------------------------------------------------------------------------------------------


def status(as_json):
    cut_off, stopped = network.cuts(), network.stopped()
    rows = []
    for host in roster.hosts():
        if not machine.running(host):
            state = "stopped" if host.name in stopped else "off"
        elif host.name in cut_off or host.zone in cut_off:
            state = "cut"
        else:
            state = "up" if machine.banner(host) else "no sshd"
        rows.append({"host": host.name, "address": host.address, "az": host.zone, "state": state})
    addresses = {"dns": s.RESOLVER, "packages": s.PACKAGES, "aws": s.AWS, "database": s.DATABASE, "efs": s.MOUNT_TARGETS["eu-west-2a"]}
    parts = {name: services.running(name) for name in addresses}
    whole = COMPLETE.exists()
    if as_json:
        print(json.dumps({"complete": whole, "services": parts, "hosts": rows}))
    else:
        for row in rows:
            print(f"{row['host']:<12} {row['address']:<14} {row['az']:<11} {row['state']}")
        for name, runs in parts.items():
            print(f"{name:<12} {addresses[name]:<14} {'':<11} {'up' if runs else 'off'}")
        if not whole:
            print("not a whole fleet: Tests/Fleet/fleet up")
    return 0 if whole and all(parts.values()) and all(row["state"] == "up" for row in rows) else 1


def env():
    """What a controller needs, as shell exports. PATH gets a folder that holds only a current `aws`."""
    exports = {**cloud.CREDENTIALS, "CSO_INVENTORY": s.REPOSITORY_ROOT / "Inventory/local", "CSO_ROLES": s.REPOSITORY_ROOT / "Roles",
               "CSO_SSH_KEY": keys.LOGIN_KEY, "CSO_SSH_USER": s.PROVISION_USER, "CSO_KNOWN_HOSTS": keys.KNOWN_HOSTS,
               "CSO_RESOLVER": s.RESOLVER, "CSO_HOSTED_ZONE": cloud.hosted_zone()}
    for name, value in exports.items():
        print(f"export {name}={shlex.quote(str(value))}")
    print(f'case ":$PATH:" in *:{cloud.BIN}:*) ;; *) export PATH={shlex.quote(str(cloud.BIN))}:"$PATH" ;; esac')
