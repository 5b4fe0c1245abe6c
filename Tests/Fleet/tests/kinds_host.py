"""The kinds that change a host itself, on a real one: line, sysctl, hostname, timer, mount."""

import contextlib

from support.harness import check, contains, equal, lacks, test
from support.hosts import Host
from support.world import fleet, same_files

HOST = Host("frontend01")
NAME = "frontend01.prod-ha.cso.ss"
ALL = {
    "line:/etc/ssh/sshd_config: ^[[:space:]]*#?[[:space:]]*MaxAuthTries([[:space:]]|$)",
    "line:/etc/environment: HOSTKINDS_A=1", "line:/etc/environment: HOSTKINDS_B=2",
    "sysctl:net.ipv4.tcp_keepalive_time", "sysctl:net.ipv4.tcp_rmem", "hostname:/etc/hostname",
    "timer:hostkinds.timer", "mount:/srv/hostkinds/scratch", "mount:/srv/hostkinds/etc",
}
ONCE = {"unit:hostkinds.service", "directory:/srv/hostkinds"}


@contextlib.contextmanager
def bare():
    """The host as it came, with a cloud-init that would rename it. Hosts of the fleet have /proc/sys read-only, as systemd-nspawn
    gives it; the network's part of it is the host's own and may be written."""
    fleet("reset", HOST.name)
    try:
        HOST.await_banner()
        HOST.sh("mount -o remount,bind,rw /proc/sys")
        HOST.sh("mkdir -p /etc/cloud && echo 'preserve_hostname: false' >/etc/cloud/cloud.cfg")
        yield
    finally:
        fleet("reset", HOST.name)


def changes(run):
    return set(run.changes(HOST.name))


@test("line, sysctl, hostname, timer, mount: made once, then untouched; drift is mended; absent takes all of it away", limit=240)
def each_kind(world):
    with bare():
        env = world.small("hostkinds", hosts=[HOST])
        fstab = HOST.read("/etc/fstab")
        sshd = HOST.read("/etc/ssh/sshd_config")
        run = world.apply("--role", "hostkinds", env=env).expect(0, "changed")
        equal(changes(run), ALL | ONCE, "what the first run did")
        see_all_there()

        before = HOST.fingerprint()
        mounts = HOST.sh("grep hostkinds /proc/self/mountinfo")
        world.apply("--role", "hostkinds", env=env).expect(0, "unchanged")
        same_files(HOST, before)
        equal(HOST.sh("grep hostkinds /proc/self/mountinfo"), mounts, "the mounts")

        # By hand, each in its own way.
        HOST.sh(r"""
            sed -i 's/^MaxAuthTries 5$/MaxAuthTries 9/' /etc/ssh/sshd_config; echo 'MaxAuthTries 3' >>/etc/ssh/sshd_config
            printf 'HOSTKINDS_B=2' >/etc/environment
            echo 7200 >/proc/sys/net/ipv4/tcp_keepalive_time
            rm /etc/sysctl.d/90-cso-provision-net.ipv4.tcp_rmem.conf
            rm /etc/cloud/cloud.cfg.d/99-cso-provision-hostname.cfg; hostname changed-by-hand
            systemctl -q disable --now hostkinds.timer
            mount -o remount,size=1m /srv/hostkinds/scratch
            umount /srv/hostkinds/etc; sed -i '\#/srv/hostkinds/etc#d' /etc/fstab; echo '# by hand' >>/etc/fstab""")
        drifted = ALL - {"line:/etc/environment: HOSTKINDS_B=2"}
        run = world.plan("--role", "hostkinds", env=env).expect(2, "would-change")
        by = {c["resource"]: c["differences"] for c in run.hosts[HOST.name]["changes"]}
        equal(by["sysctl:net.ipv4.tcp_keepalive_time"], {"live": {"observed": "7200", "desired": "600"}}, "the live value alone")
        check({"persisted", "boot"} == set(by["sysctl:net.ipv4.tcp_rmem"]), "the value after a boot alone", str(by))
        check({"live", "survives-cloud-init"} == set(by["hostname:/etc/hostname"]), "the name", str(by))
        check(drifted <= set(by), "each drift is found", str(sorted(drifted - set(by))))
        run = world.apply("--role", "hostkinds", env=env).expect(0, "changed")
        equal(changes(run), drifted, "what was mended")
        see_all_there()
        world.apply("--role", "hostkinds", env=env).expect(0, "unchanged")

        gone = world.small("hostkinds", hosts=[HOST], there="false")
        run = world.apply("--role", "hostkinds", env=gone).expect(0, "changed")
        equal(HOST.read("/etc/fstab"), fstab + b"# by hand\n", "fstab but for what was added by hand")
        equal(HOST.read("/etc/ssh/sshd_config").replace(b"#MaxAuthTries 6\n", b""),
              sshd.replace(b"#MaxAuthTries 6\n", b""), "sshd_config without the line")
        equal(HOST.read("/etc/environment"), b"", "the environment")
        equal(HOST.sh("grep hostkinds /proc/self/mountinfo; ls -d /etc/sysctl.d/90-* /etc/hostname /etc/cloud/cloud.cfg.d/* "
                      "/etc/systemd/system/hostkinds* 2>/dev/null; systemctl list-units --all --no-legend 'hostkinds*'; true"),
              "", "what is left")
        world.apply("--role", "hostkinds", env=gone).expect(0, "unchanged")
        equal(HOST.leftovers(), [], "leftovers")


def see_all_there():
    equal(HOST.sh("/usr/sbin/sshd -T 2>/dev/null | grep -i maxauthtries").strip(), "maxauthtries 5", "what sshd makes of it")
    equal(HOST.sh("grep -c MaxAuthTries /etc/ssh/sshd_config").strip(), "1", "lines of sshd_config")
    equal(sorted(HOST.read("/etc/environment").decode().split()), ["HOSTKINDS_A=1", "HOSTKINDS_B=2"], "the environment")
    equal(HOST.sh("sysctl -n net.ipv4.tcp_keepalive_time net.ipv4.tcp_rmem").split(), ["600", "4096", "131072", "4194304"],
          "the values now")
    # What the host's own tool ends with.
    HOST.sh("echo 1 >/proc/sys/net/ipv4/tcp_keepalive_time; sysctl -q --system >/dev/null 2>&1 || true")
    equal(HOST.sh("sysctl -n net.ipv4.tcp_keepalive_time").strip(), "600", "the value after `sysctl --system`")
    equal(HOST.sh("cat /etc/hostname; hostname; hostnamectl --static").split(), [NAME] * 3, "the name")
    contains(HOST.read("/etc/cloud/cloud.cfg.d/99-cso-provision-hostname.cfg").decode(), "preserve_hostname: true", "cloud-init")
    equal(HOST.sh("systemctl is-active hostkinds.timer; systemctl is-enabled hostkinds.timer").split(), ["active", "enabled"],
          "the timer")
    contains(HOST.sh("systemctl list-timers --no-legend hostkinds.timer"), "hostkinds.service", "its next time")
    equal(HOST.sh("findmnt -rno FSTYPE,SIZE /srv/hostkinds/scratch; stat -c %a /srv/hostkinds/scratch").split(),
          ["tmpfs", "4M", "750"], "the file system in memory")
    check(HOST.exists("/srv/hostkinds/etc/sshd_config"), "the second place of /etc/ssh")
    HOST.sh("findmnt --verify >/dev/null")
    equal(HOST.sh("grep -c hostkinds /etc/fstab").strip(), "2", "lines of fstab")


@test("what would undo a kernel parameter at boot is named; a timer that failed last time is not started again; a mount in use "
      "stays, its user named", limit=200)
def what_cannot_be_mended(world):
    with bare():
        env = world.small("hostkinds", hosts=[HOST])
        world.apply("--role", "hostkinds", env=env).expect(0, "changed")
        HOST.sh("echo 'net.ipv4.tcp_keepalive_time=7200' >/etc/sysctl.d/99-local.conf")
        run = world.apply("--role", "hostkinds", env=env).expect(3)
        contains(run.hosts[HOST.name]["reason"], "/etc/sysctl.d/99-local.conf sets net.ipv4.tcp_keepalive_time otherwise",
                 "the reason")
        HOST.sh("rm /etc/sysctl.d/99-local.conf")

        HOST.sh(": >/run/hostkinds.fails; systemctl start hostkinds.service 2>/dev/null || true")
        equal(HOST.sh("systemctl is-failed hostkinds.service").strip(), "failed", "the service of the timer")
        world.apply("--role", "hostkinds", env=env).expect(0, "unchanged")
        equal(HOST.sh("wc -l </run/hostkinds.log").strip(), "1", "how often it ran")

        HOST.sh("cd /srv/hostkinds/scratch && exec setsid sleep 300 >/dev/null 2>&1 & echo $! >/run/hostkinds.pid")
        gone = world.small("hostkinds", hosts=[HOST], there="false")
        run = world.apply("--role", "hostkinds", env=gone).expect(3)
        pid = HOST.sh("cat /run/hostkinds.pid").strip()
        contains(run.hosts[HOST.name]["reason"], f"/srv/hostkinds/scratch is in use and stays mounted: {pid} (sleep)", "the reason")
        equal(HOST.status("findmnt /srv/hostkinds/scratch"), 0, "it is mounted")
        HOST.sh(f"kill {pid}")
        world.apply("--role", "hostkinds", env=gone).expect(0, "changed")


@test("files beneath a mount point are named and not hidden; a calendar that systemd cannot read never takes its place", limit=200)
def refused(world):
    with bare():
        env = world.small("hostkinds", hosts=[HOST])
        HOST.sh("mkdir -p /srv/hostkinds/scratch; : >/srv/hostkinds/scratch/.setup-done")
        before = HOST.fingerprint()
        run = world.apply("--role", "hostkinds", env=env).expect(3)
        contains(run.hosts[HOST.name]["reason"], "holds files of its own that it would hide: .setup-done", "the reason")
        same_files(HOST, before)
        HOST.sh("rm /srv/hostkinds/scratch/.setup-done")

        roles = world.fresh_folder("roles") / "hostkinds"
        text = (world_recipe() / "role.yaml").read_text()
        roles.mkdir()
        (roles / "role.yaml").write_text(text.replace('"*-*-* 03:15:00"', '"at tea time"'))
        run = world.apply("--role", "hostkinds", env={**env, "CSO_ROLES": str(roles.parent)}).expect(3)
        contains(run.hosts[HOST.name]["reason"], "hostkinds.timer: the new content is not valid", "the reason")
        contains(run.hosts[HOST.name].get("output", ""), "at tea time", "systemd's own words")
        check(not HOST.exists("/etc/systemd/system/hostkinds.timer"), "the timer's file is not there")


def world_recipe():
    from support.world import RECIPES
    return RECIPES / "hostkinds/hostkinds"


@test("a mount that does not answer is unknown: the plan ends, names it, and nothing after it is touched")
def dead_mount(world):
    with bare():
        # Each access hangs, as on NFS whose server is gone: a file system whose program never answers.
        HOST.sh("""mkdir -p /srv/dead
            setsid sh -c 'exec 3<>/dev/fuse; mount -i -t fuse.sshfs -o fd=3,rootmode=40000,user_id=0,group_id=0 nowhere:/share /srv/dead \
            && : >/run/dead-mounted; exec sleep 300' >/dev/null 2>&1 & echo $! >/run/dead.pid
            for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /run/dead-mounted ] && exit 0; sleep 0.2; done; exit 1""")
        env = world.small("deadmount", hosts=[HOST])
        run = world.plan("--role", "deadmount", env=env).expect(3)
        contains(run.hosts[HOST.name]["reason"], "mount:/srv/dead", "the reason")
        contains(run.hosts[HOST.name]["reason"], "does not answer: no answer within 10 s", "the reason")
        run = world.apply("--role", "deadmount", env=env).expect(3)
        check(not HOST.exists("/etc/after-the-mount"), "what comes after it is not touched")
        lacks(HOST.read("/etc/fstab").decode(), "/srv/dead", "fstab")
        HOST.sh("kill $(cat /run/dead.pid); umount -l /srv/dead")
