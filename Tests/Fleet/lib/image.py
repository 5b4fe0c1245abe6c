"""The base image: one read-only tree that all hosts share, each with an overlay of its own on top.

It is built in `CACHE/base.building` and renamed when complete, so a build that was killed is never taken for one.
"""

import hashlib
import pathlib
import re
import shutil
import uuid

from . import settings as s
from .cgroups import Group
from .shell import FleetError, run, timed

BASE = s.CACHE / "base"
STAMP = s.CACHE / "base.id"


def listed(path):
    """The lines of a list file without comments."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def digest(*parts):
    """One short id over files and texts: what was built from the same inputs is not built again."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode())
        total.update(b"\0")
    return total.hexdigest()[:16]


def files_below(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def wanted_id():
    return digest(s.FLEET / "base.list", pathlib.Path(__file__), s.SUITE, *files_below(s.FLEET / "base"))


def current_id():
    return STAMP.read_text().split()[0] if STAMP.exists() and BASE.is_dir() else None


def stamp():
    """What is written beside a finished build: the id of its inputs, and a word of its own, since the same inputs built
    on another day give other files."""
    return f"{wanted_id()} {uuid.uuid4()}\n"


def mirrors():
    """The Debian sources that this machine itself uses, as (address, release): the fleet needs no mirror of its own."""
    def look():
        text = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)",
                   "Created-By: Packages", check=False)
        rows = [line.split() for line in text.splitlines()]
        found = {(r[0], r[1]) for r in rows if len(r) >= 4 and r[1].startswith(s.SUITE) and r[2:4] == ["main", "Debian"]}
        return sorted(found) if any(release == s.SUITE for _, release in found) else []

    found = look()
    if not found:  # an image of a machine is often delivered without its package lists
        run("apt-get", "update", check=False)
        found = look()
    if not found:
        raise FleetError(f"apt on this machine knows no mirror of Debian {s.SUITE} main", "add one to /etc/apt, then apt-get update")
    return found


def ensure():
    """Returns True if the image was built anew."""
    if current_id() == wanted_id():
        return False
    STAMP.unlink(missing_ok=True)
    building = s.CACHE / "base.building"
    for tree in (building, BASE):
        remove_tree(tree)
    mirror = next(address for address, release in mirrors() if release == s.SUITE)
    with timed("base image (debootstrap)"):
        s.CACHE.mkdir(parents=True, exist_ok=True)
        run("debootstrap", "--variant=minbase", "--include=" + ",".join(listed(s.FLEET / "base.list")),
            s.SUITE, building, mirror, group=Group("build"))
        furnish(building)
    building.rename(BASE)
    STAMP.write_text(stamp())
    return True


def furnish(root):
    """From a debootstrap tree to what every host shares. Host keys, machine id and hostname are each host's own."""
    shutil.copytree(s.FLEET / "base", root, dirs_exist_ok=True)
    for path in (root / "etc/sudoers.d").iterdir():
        path.chmod(0o440)
    in_root(root, "useradd", "--create-home", "--shell", "/bin/bash", "--uid", "1000", s.PROVISION_USER)
    in_root(root, "passwd", "--lock", s.PROVISION_USER)
    for key in root.glob("etc/ssh/ssh_host_*"):
        key.unlink()
    for name in ("etc/machine-id", "var/lib/dbus/machine-id", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
    (root / "etc/machine-id").write_text("")
    for unit in MASKED:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    in_root(root, "apt-get", "clean")
    shutil.rmtree(root / "var/lib/apt/lists")
    (root / "var/lib/apt/lists/partial").mkdir(parents=True)


# Units that have nothing to do in a container and would make a boot slower or a measurement noisy.
MASKED = [
    "apt-daily.timer", "apt-daily-upgrade.timer",  # they hold dpkg's lock at random moments; tests do that on purpose
    "dpkg-db-backup.timer", "e2scrub_all.timer", "fstrim.timer",  # care for disks that are only a folder here
    "console-getty.service", "getty@tty1.service",  # nobody sits at a console; agetty would be restarted for ever
    "systemd-udevd.service", "systemd-udev-trigger.service",  # devices belong to the machine outside
    "systemd-networkd-wait-online.service",  # the address is given from outside before the host boots
    "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount",  # refused, hence "degraded"
]


def in_root(root, *argv):
    # A login path, since a caller's PATH (pyenv, a venv) means nothing in there.
    run("chroot", root, "/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *argv, group=Group("build"))


def remove_tree(tree):
    """Removes a tree of ours; what a killed debootstrap left mounted below it comes off first, or the machine's own
    /proc and /dev would be emptied through it."""
    if not tree.exists():
        return
    unmount_below(tree)
    shutil.rmtree(tree)


def unmount_below(tree):
    points = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), line.split()[4])
        if point == str(tree) or point.startswith(str(tree) + "/"):
            points.append(point)
    for point in reversed(points):
        run("umount", "--lazy", point)
