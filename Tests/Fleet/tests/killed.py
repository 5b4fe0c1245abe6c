"""The controller dies by SIGKILL at every boundary between two frames. The next run has to bring everything in order."""

import os
import pathlib
import random
import shlex
import sys
import threading
import time

from lib import settings

from support.harness import check, equal, test, wait_until

RELAY = settings.FLEET / "frame_relay.py"
SETTINGS = "/etc/cso-counting/settings"
STARTS = "/var/lib/counting.starts"
LEDGER = "/var/lib/cso-provision/ledger"


def rendered(text):
    template = settings.FLEET / "tests/recipes/counting/counting/templates/settings"
    return template.read_bytes().replace(b"{{ text }}", text.encode())


def into(*hosts, relay=()):
    """The transport that leads from here into hosts without ssh; `relay` stands before the first one's command."""
    cases = ""
    for number, host in enumerate(hosts):
        words = [*(relay if number == 0 else ()), "nsenter", "--target", str(host.leader), "--all", "--root", "--wd", "--"]
        cases += f"{host.name}) shift; exec {shlex.join(words)} \"$@\";; "
    return ["sh", "-c", f"case $1 in {cases}esac; echo no such host >&2; exit 1", "sh", "%h"]


class WholeFile:
    """Reads a file all the time: at each moment it must be one of the contents that it may have, or not be there yet."""

    def __init__(self, host, path, *contents):
        self.path = host.path(path)
        # Before the first read: the file may be there already.
        self.allowed, self.wrong, self.reads = set(contents), [], 0
        self.ended = threading.Event()

    def allow(self, *contents):
        self.allowed = set(contents)

    def __enter__(self):
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.ended.is_set():
            allowed = self.allowed
            try:
                content = self.path.read_bytes()
            except FileNotFoundError:
                content = None
            # Both sets count: the test may have gone on to the next content in between.
            if content not in allowed and content not in self.allowed:
                self.wrong.append(content[:60] if content is not None else content)
            self.reads += 1
            time.sleep(0.003)

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()


def starts(host):
    return len(host.read(STARTS).splitlines()) if host.exists(STARTS) else 0


def run(world, text, transport=None, runner=None):
    """One run over both hosts; only the first has something to do when the text is new."""
    env = world.small("counting", [world.spare, world.witness], transport, text=text)
    return (runner or world.apply)("--host", world.spare.name, env=env)


def prepare(world, text):
    """Both hosts serve, so that one of them may be changed."""
    world.spare_bare(witness=True)
    world.apply("--role", "counting", env=world.small("counting", [world.spare, world.witness], text=text)).expect(0, "changed")


def killed_once(world, host, text, watch, how, problems):
    """One run that dies, and the run after it. Returns where it died; None when it was through before it could."""
    before = starts(host)
    watch.allow(*watch.allowed, rendered(text))
    died = how(text)
    after = run(world, text, into(host, world.witness), world.after_a_dead_run)
    where = f"after a kill at {died}" if died else "after the whole run"
    found = {
        "exit code and outcome": (after.code, after.json["outcome"] in ("changed", "unchanged")),
        "the file is right": host.read(SETTINGS) == rendered(text),
        "restarts": starts(host) - before,
        "leftovers": host.leftovers(),
    }
    wanted = {"exit code and outcome": (0, True), "the file is right": True, "restarts": 1, "leftovers": []}
    problems += [f"{where}: {what}: {found[what]}" for what in wanted if found[what] != wanted[what]]
    if found != wanted:
        # So that this boundary's fault is not every later one's too.
        run(world, text + "-mended", into(host, world.witness), world.after_a_dead_run)
        host.sh("rm -rf /run/cso-provision/steps")
        watch.allow(rendered(text), rendered(text + "-mended"))
        return died
    watch.allow(rendered(text))
    return died


@test("the controller is killed at every frame boundary: the next run converges, nothing half-way, one restart each", limit=240)
def every_boundary(world):
    host = world.spare
    try:
        prepare(world, "at-first")
        folder, problems = world.fresh_folder("boundaries"), []
        with WholeFile(host, SETTINGS, rendered("at-first")) as watch:
            number = 0
            while True:
                def how(text):
                    count, pid_file = folder / f"count-{number}", folder / f"pid-{number}"
                    relay = [sys.executable, "-B", str(RELAY), "--kill-after", str(number), "--count", str(count),
                             "--pid-file", str(pid_file), "--"]
                    # As on a host that was never managed: what a dead run has made is in the ledger whenever it died.
                    host.sh(f"rm -f {LEDGER}")
                    died = run(world, text, into(host, world.witness, relay=relay))
                    ended(pid_file)
                    ledger = host.read(LEDGER).decode() if host.exists(LEDGER) else ""
                    if host.read(SETTINGS) == rendered(text) and f"file:{SETTINGS}\n" not in ledger:
                        problems.append(f"after a kill at boundary {number}: the file is there and the ledger forgot it")
                    if died.code == -9:
                        return f"boundary {number} ({count.read_text().splitlines()[-1]})"
                    if died.code == 0:
                        return None
                    died.expect(0)
                if not killed_once(world, host, f"killed-{number}", watch, how, problems):
                    break
                number += 1
                check(number < 120, "a run of one file does not have 120 boundaries")
        check(not problems, f"{len(problems)} faults at {number} boundaries", *problems)
        # A file, its note, a restart and the proofs between: less would mean that the relay saw no frames.
        check(number >= 12, f"only {number} boundaries were seen")
        world.boundaries = number
        equal(watch.wrong[:3], [], "the file was seen half-written")
        check(watch.reads > 1000, f"the file was read {watch.reads} times: that proves nothing")
    finally:
        world.spare_bare(witness=True)


def ended(pid_file):
    """The dead run's session is gone when its relay is: what it began may take a moment to end."""
    if not pid_file.exists():
        return
    pid = pid_file.read_text().strip()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}") or "Z" == state(pid), 20, "the dead run's session ends")


def state(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


@test("the controller is killed at a few moments over ssh: the next run converges, one restart each")
def over_ssh(world):
    host = world.spare
    moments, problems = random.Random(20240607), []  # the same moments each time
    try:
        prepare(world, "at-first")
        length = run(world, "timed").expect(0, "changed").seconds
        with WholeFile(host, SETTINGS, rendered("timed")) as watch:
            for number in range(4):
                moment = moments.uniform(0.1, 0.9) * length

                def how(text):
                    started = world.product.start(
                        "apply", "--host", host.name, "--yes", "--output", "json",
                        env=world.small("counting", [host, world.witness], text=text))
                    time.sleep(moment)
                    started.kill()
                    return f"{moment:.2f} s of {length:.2f} s"
                killed_once(world, host, f"ssh-{number}", watch, how, problems)
        check(not problems, f"{len(problems)} faults", *problems)
        equal(watch.wrong[:3], [], "the file was seen half-written")
    finally:
        world.spare_bare(witness=True)
