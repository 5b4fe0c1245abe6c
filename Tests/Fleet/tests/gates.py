"""Who asks a gate and when it counts; what is done only when it is allowed by name."""

import contextlib

from support.harness import check, contains, equal, test
from support.hosts import Host
from support.world import fleet

CONFIGURATION = "/etc/nginx/conf.d/cso-listening.conf"


@contextlib.contextmanager
def listening(world):
    """Both hosts serving, with all gates green."""
    first, second = Host("rabbitmq01"), Host("rabbitmq02")
    fleet("reset", first.name, second.name)
    try:
        for host in (first, second):
            host.sh("touch /run/cso-whole")
        run = apply(world, first, second).expect(0, "changed")
        equal(run.outcomes(), {"rabbitmq01": "changed", "rabbitmq02": "changed"}, "outcomes")
        yield first, second
    finally:
        fleet("reset", first.name, second.name)


def environment(world, *hosts, **parameters):
    return world.small("listening", hosts=hosts, **parameters)


def apply(world, *hosts, allow=(), **parameters):
    names = [word for name in allow for word in ("--allow", name)]
    return world.apply("--role", "listening", *names, env=environment(world, *hosts, **parameters))


@test("a gate asked by a peer, by the controller and for the whole role: each fails where the host itself sees nothing wrong", limit=240)
def vantages(world):
    with listening(world) as (first, second):
        apply(world, first, second).expect(0, "unchanged")
        contains(first.read("/etc/cso-listening/peer-rabbitmq02").decode(), f"{second.address} true", "the peer's file")
        check(not first.exists("/etc/cso-listening/peer-rabbitmq01"), "a host is no peer of its own")

        # Bound to itself alone: `ss` on the host is content, its peer is not. 02 comes first.
        run = world.plan("--role", "listening", env=environment(world, first, second, bind="127.0.0.1")).expect(2)
        gates = {(gate["scope"], gate["vantage"]) for gate in run.hosts["rabbitmq02"]["gates"]}
        equal(gates, {("host", "self"), ("host", "peer"), ("host", "controller"), ("role", "self")}, "planned gates")
        run = apply(world, first, second, bind="127.0.0.1").expect(3, "failed")
        equal(run.outcomes(), {"rabbitmq02": "failed", "rabbitmq01": "not-attempted"}, "outcomes")
        contains(run.hosts["rabbitmq02"]["reason"], "tcp 8123 asked by rabbitmq01", "the reason")
        equal(second.status("ss -Hltn 'sport = :8123' | grep -q 127.0.0.1"), 0, "the host listens, as far as it knows")
        contains(first.read(CONFIGURATION).decode(), "listen 0.0.0.0:8123", "the other host's file")
        # While 02 does not serve as others see it, 01 must not be touched; and 02 is repaired first.
        run = world.apply("--host", "rabbitmq01", env=environment(world, first, second, deny="192.0.2.7")).expect(6, "refused")
        contains(run.hosts["rabbitmq01"]["reason"], "rabbitmq02 is unhealthy", "the reason")
        apply(world, first, second).expect(0, "changed")

        # The page is denied to the controller alone.
        run = apply(world, first, second, deny="10.1.0.10").expect(3, "failed")
        contains(run.hosts["rabbitmq02"]["reason"], "asked by the controller: status 403", "the reason")
        apply(world, first, second).expect(0, "changed")


@test("gates of the whole role: after the last host, and before the first of a complete role", limit=240)
def whole_role(world):
    with listening(world) as (first, second):
        first.sh("rm /run/cso-whole")
        run = apply(world, first, second).expect(3, "failed")
        contains(run.out, "gate of the role, command test -e /run/cso-whole of rabbitmq01", "the report")
        with world.untouched(first, second):
            run = apply(world, first, second, deny="192.0.2.9").expect(6, "refused")
        contains(run.hosts["rabbitmq02"]["reason"], "--allow interrupt-listening", "the reason")
        run = apply(world, first, second, deny="192.0.2.9", allow=["interrupt-listening"]).expect(3, "failed")
        equal(run.outcomes(), {"rabbitmq02": "changed", "rabbitmq01": "failed"}, "outcomes")
        contains(run.hosts["rabbitmq01"]["reason"], "after the last host of listening was changed", "the reason")
        first.sh("touch /run/cso-whole")
        apply(world, first, second, deny="192.0.2.9").expect(0, "unchanged")


@test("a point of no return is passed only when it is allowed by name, and nothing of its role is changed before", limit=240)
def confirmed(world):
    with listening(world) as (first, second):
        change = {"valve": "true", "deny": "192.0.2.9"}
        run = world.plan("--role", "listening", env=environment(world, first, second, **change)).expect(2)
        contains(str(run.hosts["rabbitmq01"]["changes"]), "open-valve", "the plan")
        with world.untouched(first, second):
            run = apply(world, first, second, **change).expect(6, "refused")
            contains(run.hosts["rabbitmq02"]["reason"], "needs --allow open-valve", "the reason")
            run = apply(world, first, second, allow=["open-vlave"], **change)
            equal(run.code, 1, "the exit code for a name that nothing has")
            contains(run.err, 'did you mean "open-valve"?', "the remedy")
        apply(world, first, second, allow=["open-valve"], **change).expect(0, "changed")
        check(first.exists("/etc/cso-listening/valve"), "the valve is not open")
        apply(world, first, second, **change).expect(0, "unchanged")
