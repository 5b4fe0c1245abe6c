"""A host with a kernel of its own: the same image and disk layers as any host, booted by User Mode Linux.

Hosts in containers have the machine's kernel, which may know no network file system. UML is Linux 6.1 as an ordinary
program: it needs no KVM, and has NFS 4.1 as a module. Its two network cards are taps in the VPC: `ens5` in the zone's
bridge as any host's, and one for the fleet alone (169.254.N.0/30), over which `fleet exec` comes in by an sshd of its own,
so that neither a cut nor what a test does to the host's sshd shuts it out.
"""

import os
import pathlib
import shlex
import shutil
import subprocess

from . import image, keys, network, repository, settings as s
from .cgroups import Group
from .shell import clean_environment, run, timed

PROGRAM = "/usr/bin/linux.uml"
MODULES = pathlib.Path("/usr/lib/uml/modules")
CACHE = s.CACHE / "uml"  # a layer over the image: the kernel's modules, and what the guest has beside other hosts
STAMP = s.CACHE / "uml.id"
PACKAGES = ["nfs-common"]
MEMORY = 384  # MiB
DOOR = 1022  # a port of its own, since the host's own sshd listens on all addresses


# --- the layer -----------------------------------------------------------------------------------------------------


def wanted_id():
    return image.digest(pathlib.Path(__file__), image.STAMP.read_text(), *sorted(p.name for p in MODULES.iterdir()))


def is_built():
    return STAMP.exists() and STAMP.read_text().split()[0] == wanted_id() and CACHE.is_dir()


def ensure():
    """Builds the layer when its inputs changed. A guest's disk image has it in itself, so guests may run meanwhile."""
    if is_built():
        return
    STAMP.unlink(missing_ok=True)
    image.remove_tree(CACHE)
    with timed("layer of the guest's kernel modules"):
        for folder in ("upper", "work", "root"):
            (CACHE / folder).mkdir(parents=True)
        version = next(MODULES.iterdir()).name
        target = CACHE / "upper/usr/lib/modules" / version
        shutil.copytree(MODULES / version, target, ignore=shutil.ignore_patterns("sound", "wireless", "media"))
        furnish(CACHE / "upper")
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={image.BASE},upperdir={CACHE}/upper,workdir={CACHE}/work", CACHE / "root")
        try:
            image.in_root(CACHE / "root", "depmod", version)
            install(CACHE / "root")
        finally:
            image.unmount_below(CACHE)
        for folder in ("var/lib/apt", "var/cache/apt"):  # as every host has them
            shutil.rmtree(CACHE / "upper" / folder, ignore_errors=True)
    STAMP.write_text(f"{wanted_id()} layer\n")


def install(root):
    """The NFS client's programs, from the fleet's own packages. A guest has them from the start: UML takes 0.1 s to start a
    program, so an installation takes minutes."""
    pool, policy, sources = root / "srv/pool", root / "usr/sbin/policy-rc.d", root / "srv/sources.list"
    pool.mkdir()
    run("mount", "--bind", repository.POOL, pool)
    try:
        policy.write_text("#!/bin/sh\nexit 101\n")  # a chroot is no place to start a daemon
        policy.chmod(0o755)
        sources.write_text("deb [trusted=yes] file:/srv/pool ./\n")
        apt = ["apt-get", "-qq", "-o", "Dir::Etc::sourcelist=/srv/sources.list", "-o", "APT::Sandbox::User=root"]
        image.in_root(root, *apt, "update")
        image.in_root(root, *apt, "-y", "--no-install-recommends", "install", *PACKAGES)
    finally:
        image.unmount_below(pool)
        pool.rmdir()
        for file in (policy, sources):
            file.unlink(missing_ok=True)


def furnish(root):
    """Network from outside, as a container's is there before it boots; and the door of `fleet exec`."""
    units = root / "etc/systemd/system"
    for folder in (units / "sysinit.target.wants", root / "etc/fleet", units / "multi-user.target.wants"):
        folder.mkdir(parents=True, exist_ok=True)
    # What the kernel got as vec0 is called as on EC2.
    (units / "fleet-network.service").write_text("""[Unit]
Description=Network of this instance
DefaultDependencies=no
Before=network-pre.target sysinit.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/fleet/network
ExecStart=/bin/sh -ec 'ip link set vec0 name ens5; ip link set lo up; ip addr add $ADDRESS/18 dev ens5; ip link set ens5 up; \\
  ip route add default via $ROUTER; ip link set vec1 name fleet0; ip addr add $INSIDE/30 dev fleet0; ip link set fleet0 up'
""")
    (units / "fleet-door.service").write_text("""[Unit]
Description=The way in of `fleet exec`
After=fleet-network.service
[Service]
ExecStart=/usr/sbin/sshd -D -f /etc/fleet/sshd_config
RuntimeDirectory=sshd
RuntimeDirectoryPreserve=yes
""")
    (units / "sysinit.target.wants/fleet-network.service").symlink_to("../fleet-network.service")
    (units / "multi-user.target.wants/fleet-door.service").symlink_to("../fleet-door.service")
    (units / "e2scrub_reap.service").symlink_to("/dev/null")  # there is no LVM, and it takes as long as all else


# --- the disk ------------------------------------------------------------------------------------------------------


def number(host):
    """1 to 20, for the fleet's own link: efs01 is 1."""
    return int(host.name[-2:])


def outside(host):
    return f"169.254.{number(host)}.1"


def inside(host):
    return f"169.254.{number(host)}.2"


def furnish_disk(host, upper):
    """What is this guest's own. `upper` is the disk's top layer, which other hosts have mounted."""
    folder = upper / "etc/fleet"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network").write_text(f"ADDRESS={host.address}\nROUTER={s.ROUTER[host.zone]}\nINSIDE={inside(host)}\n")
    (folder / "sshd_config").write_text(
        f"ListenAddress {inside(host)}\nPort {DOOR}\nHostKey /etc/fleet/host_key\nPermitRootLogin prohibit-password\nUsePAM no\nStrictModes no\n"
        "AuthorizedKeysFile /etc/fleet/authorized_keys\nPidFile none\nMaxSessions 50\nMaxStartups 50\n")
    shutil.copy(keys.LOGIN_KEY.with_suffix(".pub"), folder / "authorized_keys")
    if not (folder / "host_key").exists():
        keys.make_key("ed25519", folder / "host_key", "fleet exec")
    # The name of this image's file systems is the kernel's business; nothing is mounted twice.
    (upper / "etc/fstab").write_text("/dev/ubda / ext4 rw,relatime 0 1\n")


def has_image(disk):
    return (disk / "image.ext4").exists()


def wipe(disk, stamp):
    """Throws away what the guest changed and keeps the image, if that is of now. `stamp`: what a disk stands on now."""
    made_of = disk / "image.id"
    if not has_image(disk) or not made_of.exists() or made_of.read_text() != stamp + STAMP.read_text():
        return False
    image.unmount_below(disk)
    (disk / "changes.cow").unlink(missing_ok=True)
    return True


def make_image(host, disk):
    """The disk as a file system image, once; what the guest changes goes into a file of differences beside it."""
    target = disk / "image.ext4"
    if has_image(disk):
        return
    layers = f"{CACHE}/upper:{repository.layer((disk / 'built-from').read_text().splitlines()[1])}:{image.BASE}"
    run("mount", "-t", "overlay", "cso-" + host.name, "-o", f"lowerdir={layers},upperdir={disk}/upper,workdir={disk}/work", disk / "root")
    try:
        building = disk / "image.building"
        building.unlink(missing_ok=True)
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0", "-d", disk / "root", building, "4G",
            group=Group("build"))
        (disk / "image.id").write_text((disk / "built-from").read_text() + STAMP.read_text())
        building.rename(target)
    finally:
        image.unmount_below(disk)


# --- power ---------------------------------------------------------------------------------------------------------


def taps(host):
    return host.link, "f-" + host.name


def attach(host):
    have = run("ip", "-n", s.VPC, "-brief", "link").split()
    cable, door = taps(host)
    bridge = s.ZONES[host.zone][1]
    if not any(word.startswith(cable) for word in have):
        run("ip", "-n", s.VPC, "tuntap", "add", cable, "mode", "tap")
        network.batch([f"link set {cable} master {bridge}", f"link set {cable} type bridge_slave isolated on", f"link set {cable} up"], s.VPC)
    if not any(word.startswith(door) for word in have):
        run("ip", "-n", s.VPC, "tuntap", "add", door, "mode", "tap")
        network.batch([f"addr add {outside(host)}/30 dev {door}", f"link set {door} up"], s.VPC)


def detach(host):
    for tap in taps(host):
        run("ip", "-n", s.VPC, "link", "del", tap, check=False)


def launch(host, disk, group):
    make_image(host, disk)
    attach(host)
    # UML keeps the guest's memory in a file: on a tmpfs of its own, since /dev/shm may be small and /run not executable.
    memory = disk / "memory"
    memory.mkdir(exist_ok=True)
    if not os.path.ismount(memory):
        run("mount", "-t", "tmpfs", "-o", f"size={MEMORY + 16}m", "cso-memory", memory)
    # A reboot is UML's program begun anew, under its first word, with all files still open: a tap among them is in use.
    start = disk / "kernel"
    start.write_text("#!/usr/bin/python3 -IS\nimport os, sys\nos.closerange(3, 65536)\n"
                     f"os.execv({PROGRAM!r}, sys.argv)\n")
    start.chmod(0o755)
    cable, door = taps(host)
    card = "transport=tap,ifname={},depth=128,gro=1,mac={}"
    mac = "02:0a:01:{:02x}:{:02x}:{:02x}".format
    parts = [int(part) for part in host.address.split(".")]
    # Without `lsm` this kernel has SELinux on, with no policy and no labels; `selinux=0` is nothing that it knows.
    argv = [start, f"ubd0={disk}/changes.cow,{disk}/image.ext4", "root=/dev/ubda", "rw", f"mem={MEMORY}M", f"umid={host.name}",
            f"uml_dir={memory}/", "con=null", "con0=null,fd:1", "ssl=null", "init=/lib/systemd/systemd", "quiet", "lsm=capability,yama",
            "vec0:" + card.format(cable, mac(0, *parts[2:])), "vec1:" + card.format(door, mac(1, *parts[2:]))]
    with open(disk / "console.log", "wb") as console:
        subprocess.Popen(group.enter() + ["setsid", "nice", "-n", "-10", "ip", "netns", "exec", s.VPC, *argv], stdin=subprocess.DEVNULL, stdout=console,
                         stderr=console, env=clean_environment(TMPDIR=str(memory), HOME=str(memory)), cwd="/")


def power_off(host):
    """Asks, and does not wait."""
    subprocess.Popen(["timeout", "10", *enter(host, ["systemctl", "--no-block", "poweroff"])], stdin=subprocess.DEVNULL,
                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kernel(group):
    """The pid of the guest's kernel: the one that no other of its processes started. None if it is off."""
    program = pathlib.Path(PROGRAM).resolve()

    def is_guest(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/exe").readlink() == program
        except OSError:
            return False

    for pid in filter(is_guest, group.pids()):
        try:
            parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
        if not is_guest(parent):
            return pid
    return None


def enter(host, command):
    """The argv that runs a command as root in the guest, by the fleet's own way in."""
    return ["ip", "netns", "exec", s.VPC, "ssh", "-q", "-F", "none", "-p", str(DOOR), "-i", str(keys.LOGIN_KEY), "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=10", "-o", "BatchMode=yes",
            f"root@{inside(host)}", "/usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TERM=dumb "
            + shlex.join(command) + "; exit $?"]
