"""Zone, secrets and credentials that are wrong: exit 1, a reason, and nothing changed on any host, though there is
something to do."""

import contextlib
import json

from support import secrets_search
from support.harness import check, contains, equal, lacks, test

SITE = "/etc/nginx/conf.d/backend-lb.conf"
AWS = "{aws: env-prod-ha-passwords-v2, region: eu-west-2}"


@contextlib.contextmanager
def work_to_do(world):
    """backend02 differs from its recipe; that this is so in the end as well is proved by a run that puts it right."""
    world.converged()
    right = world.second.read(SITE)
    world.second.write(SITE, right + b"# by hand\n")
    try:
        with world.untouched():
            yield
    finally:
        world.second.write(SITE, right)


def refused(world, *parts, seconds=30, **options):
    run = world.backend(seconds=seconds, **options).expect(1)
    for part in parts:
        contains(run.err, part, "the message")
    check(run.json["hosts"] == [] and run.json["mistakes"], "JSON holds the mistakes", run.out)
    return run


@test("a declared name that the zone does not have: exit 1, nothing changed")
def nxdomain(world):
    with work_to_do(world):
        copy = world.inventory(("hosts: [backend01, backend02]", "hosts: [backend01, backend02, backend09]"))
        run = refused(world, "backend09.prod-ha.cso.ss", "does not exist", env={"CSO_INVENTORY": copy})
        lacks(run.err, "backend01", "the message: only the missing name is at fault")


@test("SERVFAIL is not taken for `does not exist`: exit 1, nothing changed")
def servfail(world):
    with work_to_do(world):
        copy = world.inventory(("name: prod-ha.cso.ss", "name: broken.cso.ss"))
        run = refused(world, "backend01.broken.cso.ss", "SERVFAIL", env={"CSO_INVENTORY": copy})
        lacks(run.err, "does not exist", "the message")


@test("a resolver that does not answer: exit 1 within its deadline")
def silent_resolver(world):
    with work_to_do(world):
        copy = world.inventory(("server: 10.1.0.2", "server: 10.1.0.77"), ("  deadline: 5s", "  deadline: 2s"))
        run = refused(world, "no answer within 2 s", env={"CSO_INVENTORY": copy})
        check(run.seconds < 3.5, f"within the deadline of 2 s and a second: {run.seconds:.1f} s")


@test("a public address, an address twice: refused with the reason, exit 1")
def wrong_addresses(world):
    with work_to_do(world):
        copy = world.inventory(("name: prod-ha.cso.ss", "name: faults.cso.ss"),
                               ("hosts: [backend01, backend02]", "hosts: [public, twin-a, twin-b]"))
        refused(world, "203.0.113.5", "outside of the fleet's network", "one address", "10.1.128.77", env={"CSO_INVENTORY": copy})


def secret_file(world, change):
    """The fleet's secret as a file in the form of `aws secretsmanager get-secret-value`."""
    values = dict(secrets_search.values())
    change(values)
    path = world.fresh_folder("secret") / "secret.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"Name": "env-prod-ha-passwords-v2", "VersionId": "v1", "VersionStages": ["AWSCURRENT"],
                                "SecretString": json.dumps(values, ensure_ascii=False)}))
    return path


def with_file(world, path):
    return {"CSO_INVENTORY": world.inventory((AWS, f"{{file: {path}}}"))}


@test("a missing or empty secret: exit 1 with its name, never a default, nothing changed")
def missing_secret(world):
    def spoil(values):
        del values["db_password"]
        values["keystone_password"] = ""
    with work_to_do(world):
        run = refused(world, "passwords.db_password", "passwords.keystone_password", "empty",
                      env=with_file(world, secret_file(world, spoil)))
        found = secrets_search.in_bytes((run.out + run.err).encode(), secrets_search.patterns(secrets_search.values()))
        equal(found, [], "secrets in the message")


@test("the same secrets from a file are the same: unchanged; a file that others may read is refused")
def secrets_from_file(world):
    world.converged()
    path = secret_file(world, lambda values: None)
    world.backend(env=with_file(world, path)).expect(0, "unchanged")
    path.chmod(0o644)
    with work_to_do(world):
        refused(world, "chmod 600", env=with_file(world, path))


@test("a secret that Secrets Manager does not have: exit 1, nothing changed")
def unknown_secret(world):
    with work_to_do(world):
        copy = world.inventory(("aws: env-prod-ha-passwords-v2", "aws: env-prod-ha-passwords-v3"))
        refused(world, "env-prod-ha-passwords-v3", env={"CSO_INVENTORY": copy})


@test("no answer from AWS, or no credentials: exit 1, nothing changed")
def aws_down(world):
    with work_to_do(world):
        # Nothing listens there: as when the endpoint of the VPC is gone.
        run = refused(world, env={"AWS_ENDPOINT_URL": "http://10.1.0.5:5999"}, seconds=90)
        check(run.seconds < 62, f"within the minute that a fetch may take: {run.seconds:.1f} s")
        refused(world, env={"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"})
        refused(world, "aws", env={"PATH": str(world.fresh_folder("empty"))})


@test("an encrypted or unusable login key without anybody to ask: exit 1")
def unusable_key(world):
    with work_to_do(world):
        refused(world, "/nonexistent/key", env={"CSO_SSH_KEY": "/nonexistent/key"})
