"""Registry, checks and runner of the fleet tests. A test is a function that raises when something is wrong."""

import contextlib
import dataclasses
import signal
import sys
import time
import traceback

LIMIT = 150  # seconds a test may take; each says so if it needs more


class Failed(Exception):
    """Something is not as it must be: a sentence, and details below it."""

    def __init__(self, text, *details):
        super().__init__("\n".join([text, *map(str, details)]))


@dataclasses.dataclass
class Test:
    name: str
    body: object
    limit: int
    is_extended: bool


TESTS = []


def test(name, limit=LIMIT, extended=False):
    """Registers a test under the sentence that it proves. Tests run in the order of registration. `extended`: it needs
    what `make test` does without, and is run by `--extended` or by its name."""
    def register(body):
        TESTS.append(Test(name, body, limit, extended))
        return body
    return register


# --- checks --------------------------------------------------------------------------------------------------------


def check(condition, text, *details):
    if not condition:
        raise Failed(text, *details)


def equal(found, wanted, what):
    check(found == wanted, f"{what}: found {found!r}, wanted {wanted!r}")


def contains(text, part, what):
    check(part in text, f"{what}: {part!r} is not in", indent(text))


def lacks(text, part, what):
    check(part not in text, f"{what}: {part!r} is in", indent(text))


def same(before, after, what):
    """Two maps are equal; tells the keys that are not."""
    changed = sorted(str(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    shown = [f"  {key}: {before.get(key)} -> {after.get(key)}" for key in before.keys() | after.keys()
             if before.get(key) != after.get(key)]
    check(not changed, f"{what} changed: {', '.join(changed[:6])}{' ...' if len(changed) > 6 else ''}", *sorted(shown)[:12])


def indent(text, limit=4000):
    text = text if len(text) <= limit else text[:limit // 2] + "\n...\n" + text[-limit // 2:]
    return "\n".join("    | " + line for line in text.rstrip().splitlines())


def wait_until(probe, seconds, what, step=0.05):
    """The first true answer of `probe`; a failure when the deadline passes."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(step)


# --- runner --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def time_limit(seconds):
    """Raises in the test itself, so that its `finally` still puts the fleet in order."""
    def expire(*_):
        raise Failed(f"not done within {seconds} s")
    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def attempt(test, world):
    """What went wrong in one run of the test; `None` = nothing."""
    try:
        with time_limit(test.limit):
            test.body(world)
            world.check_outputs()
    except Failed as failure:
        return str(failure)
    except KeyboardInterrupt:
        raise
    except Exception:  # a fault of the test itself is a failure too, never the end of all others
        return "the test itself broke:\n" + indent(traceback.format_exc())
    return None


def tell(word, seconds, test, problem, world):
    head, _, rest = (problem or "").partition("\n")
    print(f"{word:<6} {seconds:6.1f} s  {test.name}{': ' + head if head else ''}", flush=True)
    if rest:
        print(rest, flush=True)
    for recent in world.recent_runs() if problem else []:
        print(indent(recent), flush=True)


def run(tests, world):
    """Runs the tests one after another; a line each as it ends. One that fails is run once more, from hosts that nobody
    relies on, and both are told: what fails now and then is seen and counted. Returns (passed, failed, at the second try)."""
    passed = failed = again = 0
    for test in tests:
        for is_last in (False, True):
            began = time.monotonic()
            problem = attempt(test, world)
            seconds = time.monotonic() - began
            if problem is None:
                tell("again" if is_last else "ok", seconds, test, None, world)
                passed += 1
                again += is_last
                break
            tell("FAILED", seconds, test, problem, world)
            world.distrust()
            world.forget_runs()
            failed += is_last
        world.forget_runs()
    return passed, failed, again


def fail_early(text, remedy):
    """Ends the whole run: something that all tests need is not there. Never a skip."""
    print(f"run-tests: {text}\n  remedy: {remedy}", file=sys.stderr)
    print("0 passed, 1 failed")
    sys.exit(1)
