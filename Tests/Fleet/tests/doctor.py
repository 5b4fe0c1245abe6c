"""doctor on real hosts: each fault is named with the line that mends it, and nothing is changed by looking.

Faults are made on the spare host, which is reset afterwards.
"""

import contextlib
import json
import os
import subprocess
import time

from support.harness import check, contains, equal, test, wait_until
from support.world import fleet


def doctor(world, *argv, env=None):
    return world.product.run("doctor", *argv, "--output", "json", env=env)


def blockers(run, subject):
    return {f["check"]: f for f in run.json["findings"] if f["subject"] == subject and f["severity"] == "blocker"}


def finding(run, subject, name):
    found = [f for f in run.json["findings"] if f["subject"] == subject and f["check"] == name]
    check(found, f"a finding {name} of {subject}", run.out)
    return found[0]


@contextlib.contextmanager
def fault(world, script=None, mend=None):
    if script:
        world.spare.sh(script)
    try:
        yield world.spare.name
    finally:
        if mend:
            world.spare.sh(mend)
        fleet("reset", world.spare.name)


@test("doctor: the whole fleet is fit, no file of a host changes, no value is shown")
def fit(world):
    with world.untouched(*world.all):
        run = doctor(world).expect(0, "fit")
    subjects = {f["subject"] for f in run.json["findings"]}
    check(subjects >= {h.name for h in world.all} | {"secret passwords", "zone prod-ha.cso.ss", "this machine"},
          "every host, secret and name is a subject", str(subjects))
    document = subprocess.run(["aws", "secretsmanager", "get-secret-value", "--secret-id", "env-prod-ha-passwords-v2",
                               "--output", "json"], check=True, capture_output=True, env=world.environment).stdout
    values = json.loads(json.loads(document)["SecretString"]).values()
    for value in values:
        check(value not in run.out + run.err, "no value of a secret is in the output")
    # What is not there is said to be not there.
    equal(finding(run, world.spare.name, "cloud-init")["severity"], "not-applicable", "cloud-init")


@test("doctor: a port that refuses and one whose packets vanish are told apart")
def ports(world):
    with fault(world, "systemctl stop ssh.service ssh.socket 2>/dev/null; true") as host:
        run = doctor(world, "--host", host).expect(4)
        contains(blockers(run, host)["port"]["found"], "refused", "found")
    fleet("cut", world.spare.name)
    try:
        run = doctor(world, "--host", world.spare.name).expect(4)
    finally:
        fleet("mend", world.spare.name)
    contains(blockers(run, world.spare.name)["port"]["remedy"], "from_port = 22", "the remedy")
    check(run.seconds < 14, f"within the deadline of 10 s: {run.seconds:.1f} s")


@test("doctor: no sudo, an unknown key")
def refusals(world):
    with fault(world, "rm /etc/sudoers.d/90-provision") as host:
        run = doctor(world, "--host", host).expect(3)
        contains(blockers(run, host)["sudo"]["remedy"], "NOPASSWD", "the remedy")
    nobody = world.known_hosts(lambda lines: [])
    run = doctor(world, "--host", world.spare.name, env=nobody).expect(6)
    contains(blockers(run, world.spare.name)["host key"]["found"], "unknown", "found")


@test("doctor: a full disk, a busy package manager, a wrong name, what is owed and left over: all at once")
def many(world):
    script = """
        mount -t tmpfs -o size=64k tmpfs /opt
        mkdir -p /var/lib/cso-provision/owed /run/cso-provision/steps/r-1
        : >/var/lib/cso-provision/owed/restart:nginx.service
        echo 'summary of a test' >/run/cso-provision/steps/r-1/about
        systemd-run --quiet --unit=held sh -c 'exec 8>>/var/lib/dpkg/lock-frontend; sleep 300'
        hostname ip-10-1-2-3"""
    with fault(world, script) as host:
        wait_until(lambda: world.spare.status("find /proc/[0-9]*/fd -lname /var/lib/dpkg/lock-frontend | grep -q .") == 0,
                   5, "somebody has dpkg's lock open")
        run = doctor(world, "--host", host).expect(3)
        found = blockers(run, host)
        equal(sorted(found), ["disk /opt", "package manager"], "blockers")
        contains(found["package manager"]["found"], "process", "who holds it")
        for name, part in (("owed restarts", "restart nginx.service"), ("leftovers", "r-1"), ("hostname", "ip-10-1-2-3")):
            contains(finding(run, host, name)["found"], part, name)


@test("doctor: no resolver, wrong recipes, no credentials and a missing key end with 1, and hosts are looked at all the same")
def configuration(world):
    silent = world.inventory(("server: 10.1.0.2", "server: 10.1.0.3"), ("deadline: 5s", "deadline: 1s"))
    run = doctor(world, "--role", "keystone", env={"CSO_INVENTORY": silent}).expect(1)
    check("resolver" in blockers(run, "zone prod-ha.cso.ss"), "the resolver is a blocker", run.out)

    wrong = world.roles({"backend/role.yaml": [("  - service: nginx.service", "  - servce: nginx.service")]})
    run = doctor(world, "--role", "keystone", env={"CSO_ROLES": wrong}).expect(1)
    check(blockers(run, "recipes and inventory"), "the recipes' mistake is a blocker", run.out)
    equal(finding(run, world.spare.name, "sudo")["severity"], "ok", "sudo of a host")

    nobody = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "AWS_EC2_METADATA_DISABLED": "true"}
    run = doctor(world, "--role", "backend", env=nobody).expect(1)
    check("credentials" in blockers(run, "this machine"), "credentials are a blocker", run.out)

    short = world.roles({"application/templates/setup.properties": [("passwords.db_password", "passwords.db_passwort")]})
    run = doctor(world, "--role", "backend", env={"CSO_ROLES": short}).expect(1)
    contains(blockers(run, "secret passwords")["keys"]["found"], "db_passwort", "found")


@test("secrets: init makes what is missing and nothing else, list shows no value, and doctor is content")
def secrets(world):
    name = f"made-by-a-test-{os.getpid()}-{int(time.time())}"
    env = {"CSO_INVENTORY": world.inventory(("env-prod-ha-passwords-v2", name))}
    try:
        world.product.run("secrets", "list", env=env).expect(1)
        run = world.product.run("secrets", "init", env=env).expect(1)
        contains(run.err, "--yes", "without a terminal it")
        contains(run.out, "password_encryption_key: 32 random bytes", "the list")
        world.product.run("secrets", "init", "--yes", env=env).expect(0)
        first = read(world, name)
        equal(len(first["db_password"]), 40, "the length of a password")
        shown = world.product.run("secrets", "list", env=env).expect(0)
        again = world.product.run("secrets", "init", "--yes", env=env).expect(0)
        for value in first.values():
            check(value not in shown.out + shown.err + again.out + again.err, "no value is shown")
        equal(read(world, name), first, "the secret after a second init")
        doctor(world, "--role", "backend", env=env).expect(0)
    finally:
        subprocess.run(["aws", "secretsmanager", "delete-secret", "--secret-id", name, "--force-delete-without-recovery"],
                       env=world.environment, capture_output=True)


def read(world, name):
    done = subprocess.run(["aws", "secretsmanager", "get-secret-value", "--secret-id", name, "--output", "json"],
                          check=True, capture_output=True, env=world.environment)
    return json.loads(json.loads(done.stdout)["SecretString"])
