"""Role rabbitmq on real hosts: a cluster from nothing, messages through both, and everything that can be wrong with a member."""

import json
import os
import secrets
import shlex
import ssl
import subprocess

from leaks import controller_files, files
from lib import keys
from support import amqp, secrets_search
from support.harness import Failed, check, contains, equal, lacks, test, wait_until
from support.hosts import Host
from support.world import fleet

ZONE = "prod-ha.cso.ss"
UNIT = "rabbitmq-server.service"
COOKIE = "/var/lib/rabbitmq/.erlang.cookie"
MEMBER = "rabbitmq_member:ssp-local"
# The worst that a password may be made of, on its way through two shells of Debian's own.
PASSWORD = keys.AWKWARD


def node(host):
    return f"rabbit@{host.name}.{ZONE}"


class Brokers:
    """An inventory of the brokers alone, with secrets of its own in Secrets Manager."""

    def __init__(self, world):
        self.world = world
        self.first, self.second = Host("rabbitmq01"), Host("rabbitmq02")
        self.both = [self.first, self.second]
        mark = secrets.token_hex(4)
        self.names = {part: f"cso-test-{part}-{mark}" for part in ("passwords", "rabbitmq", "pki")}
        self.environment = self.inventory(["rabbitmq01", "rabbitmq02"])
        self.put("passwords", {"rabbitmq_password": PASSWORD}, "create-secret", "--name")
        self.product("secrets", "init", "--all", "--yes").expect(0)

    def inventory(self, hosts):
        folder = self.world.fresh_folder("brokers")
        text = (self.world.scratch / "Inventory/local/inventory.yaml").read_text()
        text = text[:text.index("\nsecrets:")]
        sources = "".join(f"  {part}: {{aws: {name}, region: eu-west-2}}\n" for part, name in self.names.items())
        (folder / "inventory.yaml").write_text(
            f"{text}\nsecrets:\n{sources}\nroles:\n  rabbitmq: {{hosts: [{', '.join(hosts)}]}}\n")
        roles = self.world.fresh_folder("roles")
        for role in ("base", "rabbitmq"):
            subprocess.run(["cp", "-r", str(self.world.scratch / "Roles" / role), str(roles)], check=True)
        return {"CSO_INVENTORY": str(folder), "CSO_ROLES": str(roles)}

    def product(self, *argv, **options):
        return self.world.product.run(*argv, env=self.environment, **options)

    def apply(self, *argv, **options):
        return self.world.after_a_dead_run("--all", *argv, **{"env": self.environment, "seconds": 400, **options})

    def plan(self, *argv, **options):
        return self.world.plan("--all", *argv, **{"env": self.environment, **options})

    # --- secrets ---

    def aws(self, *argv, value=None):
        return subprocess.run(["aws", "secretsmanager", *argv, "--region", "eu-west-2"], env={**os.environ, **self.world.environment},
                              input=value, stdout=subprocess.PIPE, check=True).stdout

    def put(self, part, values, verb="put-secret-value", option="--secret-id"):
        self.aws(verb, option, self.names[part], "--secret-string", "file:///dev/stdin", value=json.dumps(values).encode())

    def value(self, part, key):
        return json.loads(json.loads(self.aws("get-secret-value", "--secret-id", self.names[part]))["SecretString"])[key]

    # --- what is so ---

    def ctl(self, host, command, check=True):
        return host.sh(f"rabbitmqctl -q {command}", check=check, timeout=120)

    def cluster(self, host):
        """(members, running members) as one of them sees it."""
        found = json.loads(self.ctl(host, "cluster_status --formatter json"))
        return sorted(found["disk_nodes"]), sorted(found["running_nodes"])

    def is_whole(self, hosts=None):
        hosts = hosts or self.both
        wanted = sorted(node(host) for host in hosts)
        for host in hosts:
            equal(self.cluster(host), (wanted, wanted), f"the cluster as {host.name} sees it")

    def message(self, source, target):
        amqp.pass_through(source, target, "ssp_user", PASSWORD, source.read("/etc/rabbitmq/tls/ca.crt").decode())

    def certificate(self, host):
        """The lines of what a client is shown."""
        return ssl.get_server_certificate((host.address, 5671)).split()

    def reason(self, run, host):
        return str(run.hosts[host.name].get("reason"))


def brokers(world):
    """The cluster of the module, converged."""
    found = getattr(world, "brokers", None)
    if found is None:
        fleet("reset", "rabbitmq01", "rabbitmq02")
        found = Brokers(world)
        argv_wanted = secrets_search.patterns(canaries(found), with_hashes=False)
        with secrets_search.Watch(argv_wanted) as watch:
            found.first_run = found.apply()
        found.first_run.expect(0, "changed")
        found.hits = watch.hits
        world.brokers = found
    return found


def canaries(found):
    return {"ssp_user": PASSWORD, "admin": found.value("rabbitmq", "admin_password"), "cookie": found.value("rabbitmq", "erlang_cookie")}


@test("rabbitmq: two bare hosts become one cluster, a second run does nothing, messages go through both, nothing is in the clear",
      limit=500)
def from_nothing(world):
    found = brokers(world)
    second = found.apply().expect(0, "unchanged")
    found.is_whole()
    found.message(found.first, found.second)
    found.message(found.second, found.first)
    for host in found.both:
        ports = host.sh("cat /proc/net/tcp /proc/net/tcp6")
        for port in (5672, 15672, 15692):
            lacks(ports, f":{port:04X} 00000000", f"{port} of {host.name}")
        users = json.loads(found.ctl(host, "list_users --formatter json"))
        equal(sorted((user["user"], user["tags"]) for user in users), [("admin", ["administrator"]), ("ssp_user", [])], "users")
        equal(host.sh(f"stat -c '%a %U' {COOKIE}").strip(), "400 rabbitmq", "the cookie's mode")
        equal(host.leftovers(), [], f"leftovers on {host.name}")
    try:
        ca = found.first.read("/etc/rabbitmq/tls/ca.crt").decode()
        amqp.ask(found.first, "ssp_user", PASSWORD + "x", ca, queue="letters")
        check(False, "another password is accepted")
    except Failed as refusal:
        contains(str(refusal), "ACCESS_REFUSED", "another password")
    # Its $(id) ran nowhere, and its value is in no argv, output, log, journal or file but the cookie's own.
    wanted = secrets_search.patterns(canaries(found))
    equal(found.hits, [], "argv and environments")
    for run in (found.first_run, second):
        equal(secrets_search.in_bytes((run.out + run.err).encode(), wanted), [], f"output of {' '.join(run.argv)}")
    equal(controller_files(world, wanted), [], "files of the controller")
    for host in found.both:
        equal(files(world, host, wanted), [COOKIE], f"files of {host.name}")


@test("rabbitmq: passwords are tried only when asked to, and one that was changed by hand is set again", limit=200)
def passwords(world):
    found = brokers(world)
    found.ctl(found.first, "change_password ssp_user something-else")
    found.plan().expect(0)
    run = found.plan("--verify-secrets").expect(2)
    changes = [c for host in run.hosts.values() for c in host["changes"] if c["resource"] == "rabbitmq_user:ssp_user"]
    equal([list(change["differences"]) for change in changes], [["credential"]], "what differs")
    found.apply("--verify-secrets").expect(0, "changed")
    found.message(found.first, found.second)
    found.apply("--verify-secrets").expect(0, "unchanged")


@test("rabbitmq: what was changed by hand in the cluster comes back, a configuration file restarts one member at a time, and a new "
      "certificate is served without a restart", limit=300)
def drift(world):
    found = brokers(world)
    for command in ("clear_permissions -p /ssp ssp_user", "clear_policy -p /ssp replication", "set_user_tags admin",
                    "add_user guest guest"):
        found.ctl(found.second, command)
    run = found.apply().expect(0, "changed")
    equal({resource: action for host in found.both for resource, action in run.changes(host.name).items()},
          {"rabbitmq_user:admin": "update", "rabbitmq_permission:ssp_user in /ssp": "create",
           "rabbitmq_policy:replication in /ssp": "create", "rabbitmq_user:guest": "remove"}, "changes")
    found.second.sh("sed -i 's/^heartbeat = 60/heartbeat = 580/' /etc/rabbitmq/rabbitmq.conf")
    before = found.first.units(UNIT)
    run = found.apply().expect(0, "changed")
    equal(run.changes("rabbitmq02"), {"file:/etc/rabbitmq/rabbitmq.conf": "update", f"service:{UNIT}": "restart"}, "changes")
    equal(found.first.units(UNIT), before, "the other member")
    pid = f"systemctl show -p MainPID --value {UNIT}"
    served, before = found.certificate(found.second), found.second.sh(pid)
    found.second.sh("rm /etc/rabbitmq/tls/server.crt")
    run = found.apply().expect(0, "changed")
    equal(run.changes("rabbitmq02"), {"certificate:/etc/rabbitmq/tls/server.crt": "update", f"service:{UNIT}": "reload"}, "changes")
    equal(found.second.sh(pid), before, "the node's process")
    check(found.certificate(found.second) != served, "another certificate is served")
    equal(found.certificate(found.second), found.second.read("/etc/rabbitmq/tls/server.crt").decode().split(), "what is served")
    found.apply().expect(0, "unchanged")


@test("rabbitmq: a member that died changes no membership; after a full stop the wrong one is started first, and all come back",
      limit=300)
def stops(world):
    found = brokers(world)
    found.second.sh(f"systemctl kill -s KILL {UNIT}")
    run = found.apply("--host", "rabbitmq01")
    check(run.code == 0, "the other member is as it shall be", str(run))
    equal(run.changes("rabbitmq01").get(MEMBER), None, "the member")
    equal(found.cluster(found.first)[0], sorted(map(node, found.both)), "members")
    wait_until(lambda: found.second.status("rabbitmq-diagnostics -q check_running") == 0, 90, "systemd starts it again")
    # 01 is the last to stop, and 02 the first to be started: it waits for what 01 knows.
    for host in (found.second, found.first):
        host.sh(f"systemctl stop {UNIT}", timeout=60)
    found.apply().expect(0, "changed")
    found.is_whole()
    found.message(found.first, found.second)
    found.apply().expect(0, "unchanged")


@test("rabbitmq: a member with another cookie is named as that and mended alone; a new secret is a full stop that must be allowed",
      limit=400)
def cookies(world):
    found = brokers(world)
    strange = "A" * 24
    # The node runs with the right one; what lies there is of no use to anybody.
    found.second.sh(f"rm {COOKIE}; printf {strange} >{COOKIE}; chmod 0400 {COOKIE}; chown rabbitmq: {COOKIE}")
    run = found.plan().expect(2)
    [change] = [c for c in run.hosts["rabbitmq02"]["changes"] if c["resource"].startswith("rabbitmq_cookie:")]
    equal(change["differences"]["cookie"], {"observed": "wrong", "desired": "the secret's"}, "the cookie")
    lacks(run.out, strange, "the plan")
    before = found.first.units(UNIT)
    found.apply().expect(0, "changed")
    equal(found.first.units(UNIT), before, "the other member")
    found.is_whole()

    old = found.value("rabbitmq", "erlang_cookie")
    found.put("rabbitmq", {"erlang_cookie": old[::-1], "admin_password": found.value("rabbitmq", "admin_password")})
    run = found.apply()
    check(run.code == 6, "without a word for it nothing is done", str(run))
    contains(found.reason(run, found.second), "--allow change-erlang-cookie", "the word")
    equal(found.first.units(UNIT), before, "the other member")
    found.apply("--allow", "change-erlang-cookie", "--allow", "interrupt-rabbitmq").expect(0, "changed")
    equal(found.first.read(COOKIE).decode(), old[::-1], "the cookie")
    found.is_whole()
    found.message(found.second, found.first)
    found.apply().expect(0, "unchanged")


@test("rabbitmq: a member with data of its own is refused and keeps it, and so is one whose name differs in capitals", limit=300)
def data_of_its_own(world):
    found = brokers(world)
    # 01 has a message that somebody waits for; were it blank, it would be the one that joins.
    amqp.ask(found.first, "ssp_user", PASSWORD, found.first.read("/etc/rabbitmq/tls/ca.crt").decode(), queue="kept", publish="x")
    # What an operator's hand may leave: 02 was taken out of the cluster and emptied, and somebody uses it. A node without data
    # that still knew its peers would join them by itself.
    found.second.sh("sed -i '/^cluster_formation/d' /etc/rabbitmq/rabbitmq.conf; systemctl restart " + UNIT, timeout=120)
    found.ctl(found.second, "stop_app")
    found.ctl(found.first, f"forget_cluster_node {node(found.second)}")
    for command in ("force_reset", "start_app", "add_vhost /mine"):
        found.ctl(found.second, command)
    definitions = {"queues": [{"name": "precious", "vhost": "/mine", "durable": True, "auto_delete": False, "arguments": {}}]}
    found.second.sh(f"printf %s {shlex.quote(json.dumps(definitions))} >/tmp/precious.json")
    found.ctl(found.second, "import_definitions /tmp/precious.json")
    run = found.apply("--allow", "forget-rabbitmq02", "--allow", "reset-rabbitmq02", "--allow", "interrupt-rabbitmq")
    check(run.code == 6, "it is refused, whatever is allowed", str(run))
    contains(found.reason(run, found.second), "two clusters with data", "the reason")
    contains(found.ctl(found.second, "list_queues -p /mine name"), "precious", "the queue")
    equal(found.cluster(found.first)[0], [node(found.first)], "members as 01 sees them")
    # A node's data under another spelling.
    found.second.sh(f"systemctl stop {UNIT}; cd /var/lib/rabbitmq/mnesia; mkdir rabbit@RABBITMQ02.{ZONE}; touch rabbit@RABBITMQ02.{ZONE}/x",
                    timeout=60)
    run = found.plan()
    check(run.code == 3, "another node's data stands there", str(run))
    contains(found.reason(run, found.second), "differs from " + node(found.second) + " in capitals", "the reason")


@test("rabbitmq: a replaced host joins once its old entry may be forgotten; a third member makes three, and a stale one is reported",
      limit=600)
def replacement(world):
    found = brokers(world)
    if len(found.cluster(found.first)[0]) == 1:
        # After the test before; nobody lists it, so it joins without a word.
        fleet("reset", "rabbitmq02")
        found.apply().expect(0, "changed")
    fleet("reset", "rabbitmq02")
    run = found.apply()
    check(run.code == 6, "an entry of somebody else is not forgotten by itself", str(run))
    contains(found.reason(run, found.second), "--allow forget-rabbitmq02", "the word")
    run = found.apply("--allow", "forget-rabbitmq02").expect(0, "changed")
    found.is_whole()
    found.message(found.first, found.second)
    found.apply().expect(0, "unchanged")

    fleet("add", "rabbitmq03")
    try:
        third = Host("rabbitmq03")
        hosts = [*found.both, third]
        three = found.inventory([host.name for host in hosts])
        found.apply(env=three).expect(0, "changed")
        found.is_whole(hosts)
        for host in hosts:
            contains(host.read("/etc/rabbitmq/rabbitmq.conf").decode(), "cluster_partition_handling = pause_minority", host.name)
        policies = json.loads(found.ctl(third, "list_policies -p /ssp --formatter json"))
        definition = policies[0]["definition"]
        equal(json.loads(definition) if isinstance(definition, str) else definition,
              {"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"}, "the policy")
        found.message(found.second, third)
        found.apply(env=three).expect(0, "unchanged")
        # It is taken out of the inventory, and stays a member until somebody forgets it.
        run = found.plan().expect(2)
        notes = [note for host in run.hosts.values() for note in host.get("notes", [])]
        check(any(node(third) in note and "left alone" in note for note in notes), "the stale member is named", str(run))
        equal(found.cluster(found.first)[0], sorted(map(node, hosts)), "members")
    finally:
        world.brokers = None
        fleet("remove", "rabbitmq03")
        fleet("reset", "rabbitmq01", "rabbitmq02")
