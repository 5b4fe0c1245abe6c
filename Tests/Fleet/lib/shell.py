"""Running commands, and failing with one line that says what to do."""

import os
import subprocess
import sys
import time


class FleetError(Exception):
    """What went wrong in one line; `remedy` is the command or the action that mends it."""

    def __init__(self, message, remedy=None):
        super().__init__(message)
        self.remedy = remedy


def say(text):
    """Progress is for people and goes to stderr; stdout belongs to results (`env`, `status`)."""
    print(f"fleet: {text}", file=sys.stderr, flush=True)


class timed:
    """Says how long a step took, since `up` and the first build have a budget."""

    def __init__(self, what):
        self.what = what

    def __enter__(self):
        self.start = time.monotonic()
        say(f"{self.what} ...")

    def __exit__(self, kind, *_):
        if kind is None:
            say(f"{self.what}: {time.monotonic() - self.start:.1f} s")


def clean_environment(**extra):
    """The C locale, no questions from packages, and nothing of the caller's proxy or Python settings removed."""
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", **extra}


def run(*argv, input=None, check=True, cwd=None, group=None, env=None):
    """Runs a command to its end and returns its stdout as text. `group` puts it into a cgroup that a later run can
    empty, so that a build that was killed half-way leaves nothing behind."""
    argv = [str(a) for a in argv]
    if group is not None:
        argv = group.enter() + argv
    done = subprocess.run(argv, input=input, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
                          env=env or clean_environment(), stdin=None if input is not None else subprocess.DEVNULL)
    if check and done.returncode != 0:
        tail = " | ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
        raise FleetError(f"`{' '.join(argv[-8:])}` failed ({done.returncode}): {tail}")
    return done.stdout


def wait_until(test, seconds, step=0.1):
    """True as soon as `test()` is true, False when the deadline has passed."""
    end = time.monotonic() + seconds
    while not test():
        if time.monotonic() >= end:
            return False
        time.sleep(step)
    return True
