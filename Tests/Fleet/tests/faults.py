"""One backend ill in turn by each fault: one outcome and reason within the deadline and a second, the other host done.

The other host is given something to do that it may do alone: its service is down, and an unhealthy host may be changed
when its peer is down as well (design.md "Rolling").
"""

import contextlib
import os
import signal
import subprocess
import threading
import time

from support.harness import check, contains, equal, test
from support.hosts import moved_away
from support.world import fleet

DEADLINE = 4  # seconds for a connection in these tests
PROPERTIES = "/opt/ecs/setup.properties"


def faulty_run(world, ill, code, outcome, *parts, env=None, prepare=None):
    """A run in which `ill` shall end with this outcome, and its peer shall be put right."""
    well = next(host for host in world.backends if host is not ill)
    copy = world.inventory(("connect_deadline: 10s", f"connect_deadline: {DEADLINE}s"))
    well.sh("systemctl stop cso-backend.service")
    run = world.backend(env={"CSO_INVENTORY": copy, **(env or {})}).expect(code, outcome)
    equal(run.outcomes(), {ill.name: outcome, well.name: "changed"}, "outcomes")
    report = run.hosts[ill.name]
    for part in parts:
        contains(report["reason"], part, "the reason")
    check(run.hosts[ill.name]["changes"] == [], "nothing was done there", str(report["changes"]))
    check(report["seconds"] <= DEADLINE + 1, f"within the deadline of {DEADLINE} s and a second: {report['seconds']} s")
    equal(well.sh("systemctl is-active cso-backend.service").strip(), "active", f"the service of {well.name}")
    return run


def mended(world):
    world.backend().expect(0, "unchanged")


@test("fault: sshd is stopped, the port refuses")
def refuses(world):
    world.converged()
    ill = world.first
    ill.sh("systemctl stop ssh.service")
    try:
        faulty_run(world, ill, 4, "unreachable", "refused the connection")
    finally:
        ill.sh("systemctl start ssh.service")
        ill.await_banner()
    mended(world)


@test("fault: the host is a black hole")
def black_hole(world):
    world.converged()
    fleet("cut", world.first.name)
    try:
        faulty_run(world, world.first, 4, "unreachable", "timed out", "security group")
    finally:
        fleet("mend", world.first.name)
    mended(world)


@test("fault: it accepts connections and stays silent")
def silent(world):
    world.converged()
    ill = world.first
    ill.sh("systemctl stop ssh.service")
    # The kernel completes handshakes for whoever listens; nobody ever answers.
    listener = subprocess.Popen(["nsenter", f"--net=/proc/{ill.leader}/ns/net", "python3", "-c",
                                 "import socket, time\ns = socket.create_server(('', 22), backlog=64)\n"
                                 "print('listens', flush=True)\ntime.sleep(120)"], stdout=subprocess.PIPE)
    try:
        listener.stdout.readline()
        faulty_run(world, ill, 4, "unreachable", "said nothing")
    finally:
        listener.kill()
        listener.wait()
        ill.sh("systemctl start ssh.service")
        ill.await_banner()
    mended(world)


@test("fault: the connection closes in the middle of an answer")
def closes(world):
    world.converged()
    ill = world.first
    ended = threading.Event()
    hit = []

    def cut_once():
        # The reader is stopped, so that it can finish no answer; then its sshd goes. All by pid.
        while not ended.is_set():
            rows = ill.processes()
            reader = next((pid for pid, _, words in rows if words[:2] == ["sh", "-c"] and "cso_mark" in words[-1]), None)
            daemons = [pid for pid, _, words in rows if words and words[0].startswith("sshd: provision")]
            if reader and daemons:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(reader, signal.SIGSTOP)
                    hit.append(reader)
                    for pid in daemons:
                        os.kill(pid, signal.SIGKILL)
                return
            time.sleep(0.002)

    thread = threading.Thread(target=cut_once)
    thread.start()
    try:
        faulty_run(world, ill, 4, "unreachable", "cut")
        check(hit, "the test found no session to cut")
    finally:
        ended.set()
        thread.join()
        for pid in hit:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    mended(world)


@test("fault: no sudo")
def no_sudo(world):
    world.converged()
    with moved_away(world.first, "/etc/sudoers.d/90-provision"):
        faulty_run(world, world.first, 3, "failed", "sudo")
    mended(world)


@test("fault: the login is refused")
def no_login(world):
    world.converged()
    with moved_away(world.first, "/home/provision/.ssh/authorized_keys"):
        faulty_run(world, world.first, 4, "unreachable", "refused the login of provision", "authorized_keys")
    mended(world)


@test("fault: the host key changed, as known_hosts sees it")
def changed_key(world):
    world.converged()

    def exchange(lines):
        # backend01's lines are not hashed: the host has keys of its own and the file says others.
        mine = [line for line in lines if line.startswith("backend01.")]
        other = next(line for line in lines if line.startswith("frontend01.") and "ed25519" in line).split()
        return [line for line in lines if line not in mine] + [f"{mine[0].split()[0]} {other[1]} {other[2]}\n"]

    run = faulty_run(world, world.first, 6, "refused", "changed", "SHA256:", env=world.known_hosts(exchange))
    equal(run.hosts["backend01"]["reason"].count("SHA256:") >= 2, True, "both fingerprints are shown")
    mended(world)


@test("fault: the host key is unknown")
def unknown_key(world):
    world.converged()
    env = world.known_hosts(lambda lines: [line for line in lines if not line.startswith("backend01.")])
    faulty_run(world, world.first, 6, "refused", "unknown", "SHA256:", env=env)
    mended(world)


@test("fault: a marker in known_hosts stands for the host")
def marked_key(world):
    world.converged()
    env = world.known_hosts(lambda lines: ["@revoked " + line if line.startswith("backend01.") else line for line in lines])
    faulty_run(world, world.first, 6, "refused", "@revoked", env=env)
    mended(world)


@test("known_hosts that cannot be read: every host is refused, nothing is asked of any")
def unreadable_known_hosts(world):
    world.converged()
    for path in ("/nonexistent/known_hosts", "/etc"):
        with world.untouched():
            run = world.backend(env={"CSO_KNOWN_HOSTS": path}).expect(6, "refused")
        for host in ("backend01", "backend02"):
            contains(run.hosts[host]["reason"], f"cannot read {path}", f"the reason of {host}")


@test("a replaced host with new keys is refused until somebody trusts them")
def replaced_host(world):
    host = world.spare
    env = world.small("counting")
    fleet("reset", "--new-keys", host.name)
    try:
        run = world.apply("--role", "counting", env=env).expect(6, "refused")
        contains(run.hosts[host.name]["reason"], "changed", "the reason")
        check(not host.exists("/etc/cso-counting"), "the host was changed")
        fleet("trust")
        world.plan("--role", "counting", env=env).expect(2, "would-change")
    finally:
        fleet("trust")
        world.spare_bare()


def is_full(host, folder):
    """Mounts a full disk over a folder; ends with it."""
    @contextlib.contextmanager
    def mount():
        host.sh(f"mount -t tmpfs -o size=16k tmpfs {folder}")
        try:
            host.sh(f"head -c 65536 /dev/zero >{folder}/filler 2>/dev/null", check=False)
            yield
        finally:
            host.sh(f"umount {folder}")
    return mount()


@test("fault: the disk of a managed file is full; the old file stays in the end")
def full_disk(world):
    world.converged()
    ill, well = world.first, world.second
    with is_full(ill, "/etc/nginx/conf.d"):
        run = faulty_run_in_order(world, ill, well)
        contains(run.hosts[ill.name]["output"], "No space left", "what the step said")
        equal(ill.sh("ls /etc/nginx/conf.d").split(), ["filler"], "what the failed write left")
    world.backend().expect(0)
    equal(ill.leftovers(), [], "leftovers")


@test("fault: the disk is full where a step's input waits")
def full_state(world):
    world.converged()
    ill, well = world.first, world.second
    right = ill.read(PROPERTIES)
    ill.write(PROPERTIES, right + b"# by hand\n")
    with is_full(ill, "/var/lib/cso-provision"):
        run = faulty_run_in_order(world, ill, well)
        contains(run.hosts[ill.name]["output"], "No space left", "what the step said")
        equal(ill.read(PROPERTIES), right + b"# by hand\n", "the file, which stays as it was")
    world.backend().expect(0, "changed")
    equal(ill.read(PROPERTIES), right, "the file after the disk has room again")
    equal(ill.leftovers(), [], "leftovers")


def faulty_run_in_order(world, ill, well):
    """A fault that is only met while changing: the well host is unhealthy, so it is changed first."""
    well.sh("systemctl stop cso-backend.service")
    run = world.backend().expect(3, "failed")
    equal(run.outcomes(), {ill.name: "failed", well.name: "changed"}, "outcomes")
    return run
