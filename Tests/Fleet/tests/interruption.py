"""Two runs at once, a run that is asked to end, and a controller that dies while a long step runs."""

import contextlib
import os
import signal
import time

from support.harness import check, contains, equal, test, wait_until
from support.world import fleet

STEP = "take some time"


def log(host):
    return host.read("/var/lib/cso-slow/log").decode().split("\n")[:-1] if host.exists("/var/lib/cso-slow/log") else []


@contextlib.contextmanager
def slow_run(world, round, seconds):
    """A run on the spare host whose step takes so long, once that step was announced: (host, environment, run). The host is
    bare again at the end."""
    env = world.small("slow", seconds=seconds, round=round)
    started = world.product.start("apply", "--role", "slow", "--yes", "--output", "json", env=env)
    try:
        started.await_progress(STEP)
        yield world.spare, env, started
    finally:
        started.ensure_ended()
        world.spare_bare()


def await_step(host):
    wait_until(lambda: log(host), 5, "the step begins on the host")


@test("two runs at once: one works, the other ends with 5 and names it")
def two_runs(world):
    with slow_run(world, "two-runs", 4) as (host, env, started):
        with_folder = {**env, "CSO_STATE": str(world.folder("other-state"))}  # as from another controller
        second = world.apply("--role", "slow", env=with_folder).expect(5, "refused")
        check(second.seconds < 4, f"it does not wait: {second.seconds:.1f} s")
        plan = world.plan("--role", "slow", env=env)
        check(plan.code == 2, "plan takes no lock and is not kept out", str(plan))
        first = world.product.remember(started.finish()).expect(0, "changed")
        contains(second.hosts[host.name]["reason"], first.json["run"], "the reason names the other run")
        equal(second.hosts[host.name]["outcome"], "refused", "outcome")
        equal(log(host), ["begun two-runs", "ended two-runs"], "the step ran once")
        world.apply("--role", "slow", env=env).expect(0, "unchanged")
        equal(host.leftovers(), [], "leftovers")


@test("unlock breaks the lock of a run that hangs, and says whose it was; the step of that run is waited for")
def unlock(world):
    with slow_run(world, "unlock", 4) as (host, env, started):
        await_step(host)
        run = world.product.run("unlock", host.name, "--yes", env=env).expect(0)
        first = world.product.remember(started.finish(30)).expect(4, "unreachable")
        contains(run.out + run.err, first.json["run"], "whose lock it was")
        world.apply("--role", "slow", env=env).expect(0, "changed")
        equal(log(host), ["begun unlock", "ended unlock"], "the step ran once")
        equal(host.leftovers(), [], "leftovers")
        # Nothing to break is no error.
        world.product.run("unlock", host.name, "--yes", env=env).expect(0)


@test("SIGINT once: it ends after the current step with 130 and complete JSON; the next run goes on")
def interrupted(world):
    with slow_run(world, "interrupted", 3) as (host, env, started):
        started.send(signal.SIGINT)
        run = world.product.remember(started.finish(30)).expect(130, "interrupted")
        contains(run.err, "after the current step", "what it says at once")
        equal(run.outcomes(), {host.name: "interrupted"}, "outcomes")
        check(f"command:{STEP}" in run.changes(host.name), "what was done is in the document", str(run.hosts))
        equal(log(host), ["begun interrupted", "ended interrupted"], "the step came to its end")
        check(not host.exists("/var/lib/cso-slow/after"), "no further step")
        equal(host.leftovers(), [], "leftovers")
        run = world.apply("--role", "slow", env=env).expect(0, "changed")
        equal(set(run.changes(host.name)), {"file:/var/lib/cso-slow/after"}, "what the next run does")
        equal(len(log(host)), 2, "the step ran once")


@test("SIGINT while a silent host is waited for: no step is under way, so it ends at once with 130")
def interrupted_waiting(world):
    host = world.spare
    env = world.small("slow", deadline="20s")
    fleet("cut", host.name)
    started = world.product.start("plan", "--role", "slow", "--output", "json", env=env)
    try:
        time.sleep(1)
        began = time.monotonic()
        started.send(signal.SIGINT)
        run = world.product.remember(started.finish(40)).expect(130, "interrupted")
        check(time.monotonic() - began < 2, f"at once, not after {time.monotonic() - began:.1f} s")
        equal(run.outcomes(), {host.name: "interrupted"}, "outcomes")
    finally:
        started.ensure_ended()
        fleet("mend", host.name)


@test("SIGINT twice: it ends at once; the step goes on by itself and the next run waits for it")
def interrupted_twice(world):
    with slow_run(world, "twice", 4) as (host, env, started):
        began = time.monotonic()
        started.send(signal.SIGINT)
        time.sleep(0.3)
        started.send(signal.SIGINT)
        run = world.product.remember(started.finish(30))
        equal(run.code, 130, "exit code")
        check(time.monotonic() - began < 2, "at once")
        world.after_a_dead_run("--role", "slow", env=env).expect(0, "changed")
        equal(log(host), ["begun twice", "ended twice"], "the step ran once")
        equal(host.leftovers(), [], "leftovers")


@test("the controller is killed while a long step runs: the step comes to its end, the next run waits and finishes")
def killed_during_step(world):
    with slow_run(world, "killed", 8) as (host, env, started):
        await_step(host)
        started.kill()
        began = time.monotonic()
        run = world.after_a_dead_run("--role", "slow", env=env).expect(0, "changed")
        check(time.monotonic() - began > 3, "the next run waited for the step")
        contains(run.err, "waiting for", "what it says")
        equal(log(host), ["begun killed", "ended killed"], "the step ran once, to its end")
        equal(host.read("/var/lib/cso-slow/after"), b"killed\n", "the step after it")
        equal(host.leftovers(), [], "leftovers")
        world.apply("--role", "slow", env=env).expect(0, "unchanged")


@test("the connection breaks while a long step runs: unreachable, the step comes to its end, the next run goes on")
def cut_during_step(world):
    with slow_run(world, "cut", 5) as (host, env, started):
        await_step(host)
        for pid, _, words in host.processes():
            if words and words[0].startswith("sshd: provision"):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        run = world.product.remember(started.finish(30)).expect(4, "unreachable")
        contains(run.hosts[host.name]["reason"], "cut", "the reason")
        world.after_a_dead_run("--role", "slow", env=env).expect(0, "changed")
        equal(log(host), ["begun cut", "ended cut"], "the step ran once, to its end")
        equal(host.leftovers(), [], "leftovers")


@test("a black hole while a long step runs: three missed heartbeats, then cut", limit=120)
def silent_during_step(world):
    with slow_run(world, "hole", 6) as (host, env, started):
        await_step(host)
        try:
            fleet("cut", host.name)
            began = time.monotonic()
            run = world.product.remember(started.finish(60)).expect(4, "unreachable")
            seconds = time.monotonic() - began
            check(seconds <= 17, f"three heartbeats of 5 s and a bit: {seconds:.1f} s")
            fleet("mend", host.name)
            world.after_a_dead_run("--role", "slow", env=env).expect(0, "changed")
            equal(log(host), ["begun hole", "ended hole"], "the step ran once")
            equal(host.leftovers(), [], "leftovers")
        finally:
            fleet("mend", host.name)


@test("a host whose systemd answers nobody for a while keeps its run: heartbeats go on, and the step's end is seen", limit=120)
def busy_systemd(world):
    with slow_run(world, "busy", 2) as (host, env, started):
        await_step(host)
        leader = host.leader
        os.kill(leader, signal.SIGSTOP)
        try:
            time.sleep(26)  # longer than three heartbeats after the first question that stays open
        finally:
            os.kill(leader, signal.SIGCONT)
        world.product.remember(started.finish(60)).expect(0, "changed")
        equal(log(host), ["begun busy", "ended busy"], "the step ran once")
        equal(host.leftovers(), [], "leftovers")
