"""Kind `reboot`: owed like a restart, done once and only with permission, proved by the boot id."""

import contextlib
import signal

from killed import into
from support.harness import check, contains, equal, test, wait_until
from support.world import fleet

BOOT = "/proc/sys/kernel/random/boot_id"
NOTE = "/var/lib/cso-provision/owed/reboot:host"
FLAG = "--reboot-if-owed"


def boot(host):
    return host.read(BOOT).decode().strip()


def environment(world, **parameters):
    return world.small("reboot", hosts=[world.witness], **parameters)


@contextlib.contextmanager
def fresh(world):
    """A host that a reboot brings back: one that another checkout's fleet started may stay off."""
    fleet("reset", world.witness.name)
    try:
        yield world.witness
    finally:
        fleet("reset", world.witness.name)


def notes(run, host):
    return "; ".join(run.hosts[host.name].get("notes", []))


@test("an owed reboot is only said without permission, and done once with it: another boot id, then unchanged", limit=240)
def reboot_if_owed(world):
    with fresh(world) as host:
        env = environment(world)
        world.apply("--role", "reboot", FLAG, env=environment(world, text="first")).expect(0, "changed")
        first = boot(host)
        host.sh("touch /run/reboot-required; echo linux-image >/run/reboot-required.pkgs")
        run = world.apply("--role", "reboot", env=env).expect(0, "unchanged")
        contains(notes(run, host), "a reboot is owed: /run/reboot-required names linux-image; not done", "the note")
        equal(boot(host), first, "the boot id without permission")
        run = world.plan("--role", "reboot", FLAG, env=env).expect(2, "would-change")
        equal(run.changes(host.name), {"reboot:host": "reboot"}, "the plan")
        equal(boot(host), first, "the boot id after plan")
        run = world.apply("--role", "reboot", FLAG, env=env).expect(0, "changed")
        equal(run.changes(host.name), {"reboot:host": "reboot"}, "what was done")
        second = boot(host)
        check(second != first, "the host was not rebooted")
        equal(host.leftovers(), [], "leftovers")
        world.apply("--role", "reboot", FLAG, env=env).expect(0, "unchanged")
        equal(boot(host), second, "the boot id after a second run")


@test("a change that owes a reboot notes it; it is done later, and not when the host was rebooted meanwhile", limit=240)
def reboot_notified(world):
    with fresh(world) as host:
        before = boot(host)
        run = world.apply("--role", "reboot", env=environment(world)).expect(0, "changed")
        equal(boot(host), before, "the boot id without permission")
        equal(host.read(NOTE).decode().strip(), before, "the note holds the boot that it is owed in")
        run = world.apply("--role", "reboot", env=environment(world)).expect(0, "unchanged")
        contains(notes(run, host), "a reboot is owed: a change was made", "the note")
        # Somebody else rebooted it: the note is of an earlier boot.
        host.sh(f"echo 11111111-2222-3333-4444-555555555555 >{NOTE}")
        run = world.apply("--role", "reboot", FLAG, env=environment(world)).expect(0, "unchanged")
        equal(boot(host), before, "it was rebooted once already")
        # A further change owes it anew, and with permission it is done in the same run.
        run = world.apply("--role", "reboot", FLAG, env=environment(world, text="second")).expect(0, "changed")
        equal(run.changes(host.name), {"file:/etc/cso-reboot": "update", "reboot:host": "reboot"}, "what was done")
        check(boot(host) != before, "the host was not rebooted")
        check(not host.exists(NOTE), "the note is still there")


@test("a controller killed while the host reboots: the next run sees by the boot id that it happened", limit=240)
def reboot_killed(world):
    with fresh(world) as host:
        world.apply("--role", "reboot", env=environment(world)).expect(0, "changed")
        before = boot(host)
        # A host that is back at once would be so before anybody is killed.
        host.sh("mkdir -p /etc/systemd/system/ssh.service.d && printf '[Service]\\nExecStartPre=/bin/sleep 5\\n' "
                ">/etc/systemd/system/ssh.service.d/slow.conf && systemctl daemon-reload")
        started = world.product.start("apply", "--role", "reboot", FLAG, "--yes", "--output", "json", env=environment(world))
        started.await_progress("rebooting")
        started.send(signal.SIGKILL)
        started.finish()

        def is_back():
            with contextlib.suppress(Exception):
                return boot(host) != before and host.sh("systemctl is-system-running", check=False).strip() in ("running", "degraded")
        wait_until(is_back, 60, "the host is back")
        after = boot(host)
        world.after_a_dead_run("--role", "reboot", FLAG, env=environment(world)).expect(0, "unchanged")
        equal(boot(host), after, "it was rebooted twice")


@test("a host that does not come back is unreachable within its deadline, and the next run goes on", limit=240)
def reboot_without_return(world):
    with fresh(world) as host:
        world.apply("--role", "reboot", env=environment(world)).expect(0, "changed")
        # systemd reads it at the next boot; the sshd that runs goes on.
        host.sh("ln -sf /dev/null /etc/systemd/system/ssh.service")
        run = world.apply("--role", "reboot", FLAG, env=environment(world, back_within="15s")).expect(4, "unreachable")
        contains(run.hosts[host.name]["reason"], "did not come back within 15 s of its reboot", "the reason")
        host.sh("rm /etc/systemd/system/ssh.service; systemctl daemon-reload; systemctl start ssh.service")
        host.await_banner()
        world.after_a_dead_run("--role", "reboot", FLAG, env=environment(world)).expect(0, "unchanged")


@test("over a transport that is a command nothing is rebooted: refused, and nothing else is done")
def reboot_local(world):
    with fresh(world) as host:
        before = boot(host)
        env = world.small("reboot", hosts=[host], transport=into(host))
        run = world.apply("--role", "reboot", FLAG, env=env).expect(6, "refused")
        contains(run.hosts[host.name]["reason"], "only over SSH", "the reason")
        check(not host.exists("/etc/cso-reboot"), "a change was made all the same")
        equal(boot(host), before, "the boot id")
