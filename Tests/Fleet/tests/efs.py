"""Role efs: the share as hosts see it; releases that are taken from it."""

import contextlib
import os
import pathlib
import shutil

from kinds_release import SHARE, archive, serves
from lib import settings, share
from publish import publish
from support import packages
from support.harness import check, contains, equal, test, wait_until
from support.hosts import Host
from support.world import RECIPES, fleet, same_files

HOST = Host("frontend02")
OTHERS = "# by hand\nproc /srv/proc\tproc   defaults,noauto 0 0\n"


# --- the role --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def bare(host=HOST):
    fleet("reset", host.name)
    try:
        host.await_banner()
        yield host
    finally:
        fleet("reset", host.name)


def role(world, host, source=share.ON_HOSTS, type="bind", **parameters):
    """The environment for runs of role efs alone."""
    # A guest is slow on a busy machine.
    env = world.small("efs", hosts=[host], deadline="30s", efs_source=f'"{source}"', efs_type=type, **parameters)
    return {**env, "CSO_ROLES": roles(world)}


def roles(world):
    """The shipped role alone: roles that no host has would be mistakes."""
    folder = world.fresh_folder("roles")
    shutil.copytree(pathlib.Path(world.environment["CSO_ROLES"]) / "efs", folder / "efs")
    return str(folder)


def mounts(host):
    return [line.split() for line in host.sh("cat /proc/self/mountinfo").splitlines() if line.split()[4] == "/opt/scripts"]


@test("role efs mounts the share once, read-only; a second line, other options, a second mount, an unmount are put right, and "
      "every other line of fstab stays as it is", limit=200)
def states(world):
    with bare() as host:
        env = role(world, host)
        host.sh(f"printf '%s' '{OTHERS}' >>/etc/fstab; mkdir -p /srv/proc")
        before = host.read("/etc/fstab")
        run = world.apply("--role", "efs", env=env).expect(0, "changed")
        equal(run.changes(host.name), {"mount:/opt/scripts": "create"}, "what the first run did")
        line = b"/srv/efs /opt/scripts none bind,nofail,ro 0 0\n"
        equal(host.read("/etc/fstab"), before + line, "fstab")
        equal(len(mounts(host)), 1, "mounts")
        name = f"by-a-test-{os.getpid()}"
        (share.FOLDER / name).write_text("from the other side\n")
        try:
            equal(host.read(f"/opt/scripts/{name}"), b"from the other side\n", "a file through the share")
            check(host.status(f"echo x >/opt/scripts/{name}") != 0, "no host writes to the share")
        finally:
            (share.FOLDER / name).unlink()
        files, mounted = host.fingerprint(), mounts(host)
        world.apply("--role", "efs", env=env).expect(0, "unchanged")
        same_files(host, files)
        equal(mounts(host), mounted, "the mount after the second run")

        def drifts(how, key, after=before + line):
            host.sh(how)
            run = world.plan("--role", "efs", env=env).expect(2, "would-change")
            differences = run.hosts[host.name]["changes"][0]["differences"]
            equal(list(differences), key, f"what differs after `{how}`")
            world.apply("--role", "efs", env=env).expect(0, "changed")
            equal(host.read("/etc/fstab"), after, f"fstab after `{how}`")
            equal(len(mounts(host)), 1, f"mounts after `{how}`")
            check("ro" in mounts(host)[0][5].split(","), f"it is read-only after `{how}`")
            world.apply("--role", "efs", env=env).expect(0, "unchanged")

        # As today's user data leaves it: a line for each run, none with its options.
        drifts("echo '/srv/efs /opt/scripts none bind 0 0' >>/etc/fstab", ["fstab"])
        drifts("mount -o remount,bind,rw /opt/scripts", ["options"])
        drifts("mount --bind -o ro /srv/efs /opt/scripts && mount -o remount,bind,ro /opt/scripts", ["mounted"])
        drifts("umount /opt/scripts", ["mounted", "type", "source", "options", "alive"])
        drifts("umount /opt/scripts; mount --bind /etc /opt/scripts; mount -o remount,bind,ro /opt/scripts", ["source"])
        equal(host.leftovers(), [], "leftovers")


@test("a share that nobody filled in is not mounted; a name that does not resolve and a server that does not answer are named as such",
      limit=200)
def not_reachable(world):
    with bare() as host:
        env = role(world, host, "fs-00000000000000000.efs.eu-west-2.amazonaws.com:/", "nfs4")
        fstab = host.read("/etc/fstab")
        run = world.apply("--role", "efs", env=env).expect(3)
        contains(run.hosts[host.name]["reason"], "its source is a placeholder of zeros", "the reason")
        equal(host.read("/etc/fstab"), fstab, "fstab")
        env = role(world, host, "fs-0123.efs.eu-west-2.amazonaws.com:/", "nfs4")
        run = world.apply("--role", "efs", env=env).expect(3)
        contains(run.hosts[host.name]["reason"], "its name does not resolve; an EFS has a name in each availability zone", "the reason")
        equal(mounts(host), [], "mounts")
        equal(host.sh("systemctl is-active rpcbind.service rpcbind.socket; true").split(), ["inactive"] * 2, "rpcbind")
        # An address of the network that nobody has.
        env = role(world, host, "10.1.128.99:/", "nfs4")
        run = world.apply("--role", "efs", env=env).expect(3)
        contains(run.hosts[host.name]["reason"], "TCP 2049 is not answered within 3 s; does its security group admit this host?",
                 "the reason")
        equal(mounts(host), [], "mounts")


# --- releases from the share -----------------------------------------------------------------------------------------


def releasing(world, host, version, archive_path, sha256, **parameters):
    """A role of the tests' own that takes a release from the share that role efs mounts."""
    folder = pathlib.Path(roles(world))
    text = (RECIPES / "release/release/role.yaml").read_text()
    (folder / "release").mkdir()
    (folder / "release/role.yaml").write_text(text.replace("role: release\n", "role: release\nincludes: [efs]\n"))
    env = world.small("release", hosts=[host], version=f'"{version}"', archive=archive_path, sha256=f'"{sha256}"', **parameters)
    return {**env, "CSO_ROLES": str(folder)}


@test("a published release is taken from the share, and what somebody put there in its place is refused before anything of it runs",
      limit=200)
def tampered(world):
    folder = share.FOLDER / "install"
    packages = world.fresh_folder("publish")
    (packages / "app-1.tar.gz").write_bytes(archive("1"))
    (packages / "app-2.tar.gz").write_bytes(archive("2"))
    run = publish(world, folder, packages / "app-1.tar.gz", packages / "app-2.tar.gz").expect(0, "changed")
    first, second = run.json["files"]
    where = {"efs_source": share.ON_HOSTS, "efs_type": "bind"}
    try:
        with bare() as host:
            env = releasing(world, host, "1", f"{SHARE}/{first['name']}", first["sha256"], **where)
            world.apply("--role", "release", env=env).expect(0, "changed")
            equal(serves(host), "1", "the release that serves")
            with world.untouched(host):
                world.apply("--role", "release", env=env).expect(0, "unchanged")
            # A share's other users can do this; the list beside it can be changed as well.
            (folder / second["name"]).write_bytes(archive("evil"))
            env = releasing(world, host, "2", f"{SHARE}/{second['name']}", second["sha256"], **where)
            run = world.apply("--role", "release", env=env).expect(3, "failed")
            contains(run.hosts[host.name]["reason"], "is not the archive that the recipe pins", "the reason")
            equal(host.read("/opt/app-installations"), b"1\n", "installers that ran")
            equal(serves(host), "1", "the release that serves")
            run = publish(world, folder, packages / "app-2.tar.gz").expect(0, "changed")
            equal(run.json["files"][0]["action"], "repaired", "what publish did")
            world.apply("--role", "release", env=env).expect(0, "changed")
            equal(serves(host), "2", "the release that serves")
            # Nothing of it is run on the share, nor kept open there: it can go away.
            host.sh("umount /opt/scripts")
            equal(serves(host), "2", "the release that serves without the share")
    finally:
        publish(world, folder, "--remove", first["name"], "--remove", second["name"])


# --- real NFS --------------------------------------------------------------------------------------------------------

LINE = (f"{settings.SHARE_NAME}:/ /opt/scripts nfs4 nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport,"
        "nosuid,nodev,_netdev,nofail,x-systemd.mount-timeout=90s,ro 0 0")


@test("NFSv4.1: mounted with AWS's options and read-only, once; other options need another mount, which waits for whoever uses it; "
      "while the server is silent a plan ends in time and says so", limit=420)
def real_nfs(world):
    host = packages.host("efs01")
    env = role(world, host, f"{settings.SHARE_NAME}:/", "nfs4")
    try:
        world.apply("--role", "efs", env=env).expect(0, "changed")
        check(LINE in host.sh("cat /etc/fstab").splitlines(), "the line of fstab", host.sh("cat /etc/fstab"))
        shown = host.sh("findmnt --kernel --noheadings --output FSTYPE,OPTIONS --mountpoint /opt/scripts").split()
        equal(shown[0], "nfs4", "its type")
        wanted = {"ro", "nosuid", "nodev", "vers=4.1", "hard", "noresvport", "timeo=600", "retrans=2"}
        check(wanted <= set(shown[1].split(",")), "its options", shown[1])
        check("manifest.json" in host.sh("ls /opt/scripts/install").split(), "what was published")
        check(host.status("echo x >/opt/scripts/by-hand") != 0, "no host writes to the share")
        before = mounts(host)
        world.apply("--role", "efs", env=env).expect(0, "unchanged")
        equal(mounts(host), before, "the mount after the second run")

        # As today's user data mounts it; none of it can be changed by a remount. Somebody works in it.
        host.sh(f"umount /opt/scripts && mount -t nfs4 -o nfsvers=4.1,hard,timeo=600 {settings.SHARE_NAME}:/ /opt/scripts", timeout=60)
        host.sh("cd /opt/scripts && { setsid sleep 300 >/dev/null 2>&1 & echo $! >/run/in-use; }")
        pid = host.sh("cat /run/in-use").strip()
        run = world.apply("--role", "efs", env=env).expect(3)
        contains(run.hosts[host.name]["reason"], f"/opt/scripts is in use and stays mounted: {pid} (sleep)", "the reason")
        equal(len(mounts(host)), 1, "mounts while it is in use")
        host.sh(f"kill {pid}")
        run = world.plan("--role", "efs", env=env).expect(2, "would-change")
        contains(str(run.hosts[host.name]["changes"][0]["differences"]["options"]), "noresvport", "what differs")
        world.apply("--role", "efs", env=env).expect(0, "changed")
        world.apply("--role", "efs", env=env).expect(0, "unchanged")
        equal(len(mounts(host)), 1, "mounts")

        before = mounts(host)
        fleet("cut", "efs")
        for run in (world.plan("--role", "efs", env=env, seconds=60), world.apply("--role", "efs", env=env, seconds=60)):
            run.expect(3)
            contains(run.hosts[host.name]["reason"], "it is mounted and does not answer: no answer within 10 s", "the reason")
        fleet("mend", "efs")
        # A client tries again after a while of its own.
        wait_until(lambda: host.status("timeout -s KILL 5 stat -f /opt/scripts") == 0, 120, "the share answers again", step=1)
        equal(mounts(host), before, "the mount, which nobody touched")
        world.apply("--role", "efs", env=env).expect(0, "unchanged")
    finally:
        fleet("mend", "efs", check=False)
        fleet("reset", host.name)
