"""The whole fleet: every box from bare hosts, by one run; and a secret is found nowhere but in its place, on any of them."""

import os

from leaks import controller_files, files
from lib import share
from support import secrets_search
from support.answers import Client
from support.harness import check, equal, test
from support.hosts import Host
from support.world import fleet

ROLES = ("rabbitmq", "keystone", "backend", "frontend")
HOSTS = [Host(f"{role}{number}") for role in ROLES for number in ("01", "02")]

# Where a role keeps what Secrets Manager has, and nowhere else on its hosts.
PLACES = {
    "rabbitmq": ["/var/lib/rabbitmq/.erlang.cookie"],
    "keystone": ["/etc/keystone/my.cnf"],
    "backend": ["/opt/ecs/setup.properties"],
    "frontend": ["/opt/ecs/setup.properties"],
}


def role_of(host):
    return host.name.rstrip("0123456789")


def unchanged(run):
    run.expect(0, "unchanged")
    equal(run.outcomes(), {host.name: "unchanged" for host in HOSTS}, "outcomes")
    return run


@test("eight bare hosts, a new database and an empty share become the whole fleet in one run of --all; the next one changes "
      "nothing; no secret is in any output, argv, environment, journal or file but its own", limit=1200)
def whole(world):
    fleet("reset", *[host.name for host in HOSTS])
    fleet("database", "reset")
    fleet("share", "reset")
    world.distrust()
    world.product.run("secrets", "init", "--all", "--yes").expect(0)
    world.publish()
    secrets = secrets_search.held()
    wanted = secrets_search.patterns(secrets)
    runs = []
    with secrets_search.Watch(secrets_search.patterns(secrets, with_hashes=False)) as watch:
        first = world.apply("--all", seconds=900).expect(0, "changed")
        equal(first.outcomes(), {host.name: "changed" for host in HOSTS}, "outcomes")
        runs += [first, unchanged(world.apply("--all")), unchanged(world.apply("--all", "--verify-secrets"))]
        runs.append(world.product.run("plan", "--all", "--verbose").expect(0))
        runs += failures(world)
        runs.append(unchanged(world.apply("--all")))
    check(watch.report["sweeps"] > 200 and watch.report["longest"] < 1,
          f"{watch.report['sweeps']} sweeps, the longest pause {watch.report['longest']:.2f} s")
    equal(watch.hits, [], "argv and environments")
    for run in runs:
        equal(secrets_search.in_bytes((run.out + run.err).encode(), wanted), [], f"output of `{' '.join(run.argv)}`")
    equal(controller_files(world, wanted), [], "files of the controller")
    for host in HOSTS:
        equal(files(world, host, wanted), PLACES[role_of(host)], f"files of {host.name} that hold a secret")


def failures(world):
    """Runs that fail where secrets are at hand: a file that its service refuses, and a password that the broker's user does
    not have any more. Each is put right by the run after it, which is given back too."""
    runs = []
    roles = world.roles({"frontend/templates/cso.conf": [("    keepalive_timeout ", "    keepalive_timeou ")]})
    runs.append(world.apply("--role", "frontend", "--verbose", env={"CSO_ROLES": roles}))
    equal(runs[-1].code, 3, "a site that nginx does not accept")
    broker = Host("rabbitmq02")
    broker.sh("rabbitmqctl -q clear_password ssp_user", timeout=60)
    runs.append(unchanged(world.apply("--role", "rabbitmq", "--role", "keystone", "--role", "backend", "--role", "frontend")))
    runs.append(world.apply("--role", "rabbitmq", "--verify-secrets", "--verbose").expect(0, "changed"))
    changes = [change for host in runs[-1].hosts.values() for change in host["changes"]]
    equal([change["resource"] for change in changes], ["rabbitmq_user:ssp_user"], "what --verify-secrets found")
    equal(changes[0]["differences"]["credential"]["observed"], "refused", "what the broker said")
    return runs


@test("the whole fleet answers real clients: tokens, messages, requests through each frontend to each backend, a file of the share")
def answers(world):
    client = Client(world.environment)
    content = os.urandom(500)
    file = share.FOLDER / "install" / f"by-a-test-{os.getpid()}"
    file.write_bytes(content)
    try:
        for one, other in (("01", "02"), ("02", "01")):
            client.token(f"keystone{one}", f"keystone{other}")
            client.message(f"rabbitmq{one}", f"rabbitmq{other}")
            client.requests(f"frontend{one}", ["backend01", "backend02"], "/config/system/info", tls=True)
        client.shared(["backend01", "backend02", "frontend01", "frontend02"], f"/opt/scripts/install/{file.name}", content)
    finally:
        file.unlink()
