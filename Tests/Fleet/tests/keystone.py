"""Role keystone on real hosts: the pair on one database, tokens of one valid on the other, rotations, drift, and refusals."""

import contextlib
import json
import os
import pathlib
import re
import secrets
import subprocess
import threading
import time

from lib import database

from leaks import controller_files, files
from support import secrets_search, web
from support.harness import check, contains, equal, lacks, test, wait_until
from support.hosts import Host, moved_away
from support.world import fleet

ZONE = "prod-ha.cso.ss"
REGION = "eu-west-2"
# Every character that a URL, an INI file, a shell, SQL, JSON or oslo.config takes for its own.
AWKWARD = "p%40$(id)%s\"'\\@:/?#& ={;}x"
MY_CNF = "/etc/keystone/my.cnf"
KEYS = "/etc/keystone/fernet-keys"
CATALOG = f"https://keystone.{ZONE}:5000/api/idm/v3"
LOGS = ("/var/log/", "/var/lib/cso-provision/")


class Api:
    """One member's API by its own address, its certificate verified by the fleet's CA and for its own name."""

    def __init__(self, pair, host):
        self.pair, self.host = pair, host

    def ask(self, method, path, body=None, **headers):
        connection = web.Client(self.host.address, 5000, f"{self.host.name}.{ZONE}", web.believing(self.pair.authority()), 30)
        try:
            connection.request(method, "/api/idm" + path, body=None if body is None else json.dumps(body),
                               headers={"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def token(self, password=None, fails=False):
        identity = {"methods": ["password"], "password": {"user": {
            "name": "admin", "domain": {"id": "default"}, "password": password or self.pair.password}}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        status, headers, body = self.ask("POST", "/v3/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
        if fails:
            return status
        check(status == 201, f"{self.host.name} issues a token, and answered {status}")
        self.catalog = json.loads(body)["token"]["catalog"]
        return headers["X-Subject-Token"]

    def accepts(self, token):
        status, _, _ = self.ask("GET", "/v3/auth/tokens", **{"X-Auth-Token": token, "X-Subject-Token": token})
        return status == 200

    def list(self, kind, token):
        status, _, body = self.ask("GET", f"/v3/{kind}", **{"X-Auth-Token": token})
        equal(status, 200, f"GET {kind}")
        return sorted(entry["name"] for entry in json.loads(body)[kind])


class Pair:
    """Both keystone hosts with an inventory whose secrets are this test's own."""

    def __init__(self, world):
        self.world = world
        self.one, self.two = self.hosts = [Host("keystone01"), Host("keystone02")]
        self.tag = secrets.token_hex(4)
        self.password = AWKWARD + self.tag
        self.database_password = AWKWARD + secrets.token_hex(4)
        self.store("passwords", keystone_password=self.password)
        self.store("keystone", database_password=self.database_password)
        self.environment = {"CSO_INVENTORY": world.inventory(
            ("env-prod-ha-passwords-v2", f"cso-test-passwords-{self.tag}"), ("env-prod-ha-keystone", f"cso-test-keystone-{self.tag}"),
            ("env-prod-ha-pki", f"cso-test-pki-{self.tag}"))}
        self.apis = [Api(self, host) for host in self.hosts]

    def store(self, source, **values):
        """A new version of a source's secret."""
        self.secretsmanager("put" if hasattr(self, "stored_" + source) else "create", f"cso-test-{source}-{self.tag}", values)
        setattr(self, "stored_" + source, True)

    def secretsmanager(self, verb, name, values):
        words = ["create-secret", "--name", name] if verb == "create" else ["put-secret-value", "--secret-id", name]
        file = self.world.fresh_folder("secret") / "value"
        file.write_text(json.dumps(values))
        try:
            self.aws(*words, "--secret-string", f"file://{file}")
        finally:
            file.unlink()

    def aws(self, *words):
        done = subprocess.run(["aws", "secretsmanager", *words, "--region", REGION], stdin=subprocess.DEVNULL,
                              env={**os.environ, **self.world.environment}, stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout or "{}")

    def authority(self):
        return self.one.read("/etc/keystone/tls/ca.crt").decode() if self.one.exists("/etc/keystone/tls/ca.crt") \
            else self.two.read("/etc/keystone/tls/ca.crt").decode()

    def secrets(self):
        return {"the administrator": self.password, "the database": self.database_password,
                "the database's administrator": database.secret()["values"]["password"]}

    # --- running ---

    def apply(self, *words, roles=None, **options):
        return self.world.after_a_dead_run("--role", "keystone", *words, env=self.env(roles), seconds=600, **options)

    def plan(self, *words, roles=None):
        return self.world.plan("--role", "keystone", *words, env=self.env(roles))

    def rotate(self):
        return self.world.product.run("rotate", "fernet", "--yes", "--output", "json", env=self.environment, seconds=200)

    def env(self, roles=None):
        return {**self.environment, **({"CSO_ROLES": roles} if roles else {})}

    # --- what is there ---

    def sql(self, text):
        return database.sql(text)

    def keys(self, host, folder=KEYS):
        """name -> content; the owner's alone."""
        found = {}
        for path in host.path(folder).iterdir():
            if path.name.isdigit():
                equal(oct(path.stat().st_mode & 0o777), "0o600", f"mode of key {path.name}")
                found[path.name] = path.read_text()
        return found

    def fingerprint(self, host):
        return {path: entry for path, entry in host.fingerprint().items() if not path.startswith(LOGS) and "__pycache__" not in path}

    def same_keys(self):
        for folder in (KEYS, "/etc/keystone/credential-keys"):
            one, two = (self.keys(host, folder) for host in self.hosts)
            check(one == two and len(one) >= 2, f"{folder} is the same on both")

    def crosswise(self):
        """A token of each is valid on the other."""
        for issuer, other in (self.apis, self.apis[::-1]):
            check(other.accepts(issuer.token()), f"a token of {issuer.host.name} is valid on {other.host.name}")

    def settled(self):
        self.apply().expect(0, "unchanged")


def pair(world):
    """The converged pair; made by the first test that needs it."""
    if not hasattr(world, "keystone"):
        install(world)
    return world.keystone


def install(world):
    """From bare hosts and a database without keystone. Returns what happened, for the test that looks into it."""
    clean()
    pair = Pair(world)
    init = world.product.run("secrets", "init", "--role", "keystone", "--yes", env=pair.environment).expect(0)
    with secrets_search.Watch(secrets_search.patterns(pair.secrets(), with_hashes=False)) as watch:
        first = pair.apply().expect(0, "changed")
    world.keystone = pair
    return pair, watch, [init, first]


def clean():
    fleet("reset", "keystone01", "keystone02")
    database.sql("DROP DATABASE IF EXISTS keystone; DROP USER IF EXISTS 'keystone'@'10.1.%';")


# --- from bare to working ------------------------------------------------------------------------------------------


@test("keystone: a bare pair to working: tokens cross, a second run changes nothing, no secret is anywhere else", limit=1200)
def whole_life(world):
    pair, watch, runs = install(world)
    pair.crosswise()
    pair.same_keys()
    token = pair.apis[0].token()
    urls = {(e["interface"], e["url"], e["region"]) for s in pair.apis[0].catalog for e in s["endpoints"]}
    equal(urls, {(i, CATALOG, "RegionOne") for i in ("admin", "internal", "public")}, "catalog")
    equal(pair.apis[1].list("roles", token), ["admin", "member", "reader"], "roles")
    check("system" in pair.apis[1].list("domains", token), "the domain `system`")
    for host in pair.hosts:
        listening = host.sh("ss -Hltn").split("\n")
        ports = {line.split()[3].rsplit(":", 1)[1] for line in listening if line}
        equal(ports - {"22", "53"}, {"5000"}, f"what listens on {host.name}")
        equal(host.sh("find /var/log/keystone -user root -type f"), "", "logs that root made")
        equal(host.sh("dpkg-query -W -f '${db:Status-Abbrev}' keystone 2>/dev/null || true").strip(), "", "package keystone")
        equal(host.leftovers(), [], "leftovers")
    before = [pair.fingerprint(host) for host in pair.hosts]
    bootstraps = sum(bootstrap_runs(host) for host in pair.hosts)
    runs.append(pair.apply().expect(0, "unchanged"))
    equal([pair.fingerprint(host) for host in pair.hosts], before, "files after a second run")
    equal(sum(bootstrap_runs(host) for host in pair.hosts), bootstraps, "runs of bootstrap")
    equal(bootstraps, 1, "bootstrap was run once, by one of them")
    check(all(api.accepts(token) for api in pair.apis), "the administrator's token of before is valid")
    runs.append(pair.plan("--verify-secrets").expect(0))
    # The secrets: looked for in every form, everywhere.
    wanted = secrets_search.patterns(pair.secrets())
    for run in runs:
        equal(secrets_search.in_bytes((run.out + run.err).encode(), wanted), [], f"output of `{' '.join(run.argv)}`")
    equal(watch.hits, [], "argv and environments")
    check(watch.report["sweeps"] > 100, "the watch saw something")
    equal(controller_files(world, wanted), [], "files of the controller")
    for host in pair.hosts:
        equal(files(world, host, wanted), [MY_CNF], f"files of {host.name} that hold a secret")
        equal(host.sh(f"stat -c '%a %U:%G' {MY_CNF}").strip(), "640 root:keystone", "its mode")


def bootstrap_runs(host):
    journal = host.sh("journalctl -q --no-pager -o cat || true").splitlines()
    return sum(line.startswith("Started ") and "run once: bootstrap keystone" in line for line in journal)


# --- keys ----------------------------------------------------------------------------------------------------------


@test("keystone: three rotations under a loop of issue-here, validate-there without one failure; keys are equal after each", limit=400)
def rotations(world):
    p = pair(world)
    stop, found = threading.Event(), []

    def loop():
        count = 0
        while not stop.is_set():
            issuer, other = p.apis if count % 2 else p.apis[::-1]
            try:
                found.append(None if other.accepts(issuer.token()) else f"a token of {issuer.host.name} was refused")
            except Exception as error:  # whatever it is, it is a failure of the service
                found.append(f"{issuer.host.name} -> {other.host.name}: {error!r}")
            count += 1
    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        wait_until(lambda: len(found) >= 2, 60, "the loop runs")
        for _ in range(3):
            before = p.keys(p.one)
            run = p.rotate().expect(0, "changed")
            equal(run.json["command"], "rotate", "the report's command")
            after = p.keys(p.one)
            highest = str(max(map(int, before)) + 1)
            equal(after[highest], before["0"], "the staged key is the primary one")
            check(after["0"] != before["0"] and len(after) <= 3, f"a new one is staged, three are kept: {sorted(after)}")
            p.same_keys()
            seen = len(found)
            wait_until(lambda: len(found) >= seen + 2, 60, "the loop goes on")
    finally:
        stop.set()
        thread.join(60)
    equal([entry for entry in found if entry], [], f"failures of {len(found)} tokens")
    check(len(found) >= 8, f"{len(found)} tokens were tried")
    p.settled()


@test("keystone: a rotation killed half-way is finished by the next run and not repeated; a member that is away refuses it", limit=400)
def cut_rotation(world):
    p = pair(world)
    for moment, finish in (("copy the keys", "apply"), ("copy the keys", "rotate"), ("rotate the keys", "apply")):
        before = p.keys(p.one)
        started = world.product.start("rotate", "fernet", "--yes", env=p.environment)
        started.await_progress(moment)
        started.kill()
        world.product.remember(started.finish())
        wait_until(lambda: p.plan().code in (0, 2), 30, "the dead run's lock is free")
        run = p.apply() if finish == "apply" else p.rotate()
        if run.code == 5:  # the dead run's host notices at its next heartbeat
            time.sleep(6)
            run = p.apply() if finish == "apply" else p.rotate()
        run.expect(0)
        p.same_keys()
        after = p.keys(p.one)
        promoted = max(map(int, after)) - max(map(int, before))
        check(promoted <= 1 or finish == "rotate" and promoted <= 2, f"rotated {promoted} times")
        p.crosswise()
    before = p.keys(p.one)
    with off(p.two):
        run = p.rotate()
        equal(run.code, 6, "exit code while a member is away")
        contains(run.out, "could not be asked", "why")
    equal(p.keys(p.one), before, "keys")


@contextlib.contextmanager
def off(host):
    """A host that cannot be logged in to."""
    host.sh("systemctl stop ssh.socket ssh.service 2>/dev/null || systemctl stop ssh")
    try:
        yield
    finally:
        host.sh("systemctl start ssh")
        host.await_banner()


@test("keystone: a wiped member returns with the same keys before it serves; different keys are refused and stay", limit=400)
def wiped(world):
    p = pair(world)
    keys = p.keys(p.one)
    token = p.apis[0].token()
    p.two.sh("systemctl stop apache2; rm -rf /etc/keystone /var/lib/cso-provision /var/log/keystone /usr/local/share/keystone")
    run = p.apply().expect(0, "changed")
    equal(run.hosts["keystone01"]["outcome"], "unchanged", "the other member")
    equal(p.keys(p.two), keys, "its keys")
    order = [c["resource"] for c in run.hosts["keystone02"]["changes"]]
    check(order.index(f"keystone_keys:{KEYS}") < next(i for i, r in enumerate(order) if r.startswith("service:")), "keys come first", order)
    check(p.apis[1].accepts(token), "a token of before is valid there")
    p.crosswise()
    p.settled()
    # Two sets that know nothing of each other: nobody but the operator can tell which is right.
    p.two.sh(f"cd {KEYS} && for f in *; do head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\\n' >$f; done")
    strange = p.keys(p.two)
    for run in (p.apply(), p.rotate()):
        equal(run.code, 6, "exit code")
        contains(run.out, "have different keys", "why")
    equal((p.keys(p.one), p.keys(p.two)), (keys, strange), "both sets stay")
    p.two.sh(f"mv {KEYS} /etc/keystone/put-aside")
    p.apply().expect(0, "changed")
    p.two.sh("rm -rf /etc/keystone/put-aside")
    p.same_keys()


def expected(run):
    """(resource, keys) of what differs now, without what is right and may only be altered by it."""
    return [(c["resource"], sorted(c["differences"])) for h in run.hosts.values() for c in h["changes"] if c["differences"]]


# --- the database --------------------------------------------------------------------------------------------------


@test("keystone: the database's certificate is verified by the host and by keystone itself; another CA is no connection", limit=300)
def wrong_authority(world):
    p = pair(world)
    host = p.two
    bundle = host.read("/etc/keystone/database-ca.pem")
    strange = (database.TLS / "strange.pem").read_bytes()
    connect = ("runuser -u keystone -- python3 -c 'import sqlalchemy, configparser; c = configparser.RawConfigParser();"
               "c.read(\"/etc/keystone/keystone.conf\"); sqlalchemy.create_engine(c[\"database\"][\"connection\"]).connect()' 2>&1")
    equal(host.status(connect), 0, "keystone's own connection")
    host.write("/etc/keystone/database-ca.pem", strange)
    try:
        contains(host.sh(connect, check=False), "CERTIFICATE_VERIFY_FAILED", "with another CA")
    finally:
        host.write("/etc/keystone/database-ca.pem", bundle)
    # By the zone's alias, which is not in the certificate.
    alias = connect.replace("c[\"database\"][\"connection\"]", f"c[\"database\"][\"connection\"].replace(\"{database.s.DATABASE_NAME}\", \"mysql.{ZONE}\")")
    contains(host.sh(alias, check=False), "CERTIFICATE_VERIFY_FAILED", "by a name that is not in it")
    name = f"cso-test-ca-{p.tag}"
    p.secretsmanager("create", name, {"pem": strange.decode()})
    folder = pathlib.Path(p.environment["CSO_INVENTORY"]) / "inventory.yaml"
    text = folder.read_text()
    folder.write_text(re.sub(r"database_ca: \{aws: [^,]*,", f"database_ca: {{aws: {name},", text))
    try:
        run = p.apply("--host", "keystone02")
        check(run.code in (3, 6), f"exit {run.code}", str(run))
        contains(run.out, "certificate is not accepted", "why")
    finally:
        folder.write_text(text)
    p.apply().expect(0)
    p.settled()


@test("keystone: a rotated database password is set in the server first; privileges, TLS and the file drift and come back", limit=400)
def account(world):
    p = pair(world)
    p.database_password = AWKWARD + secrets.token_hex(4)
    p.store("keystone", database_password=p.database_password)
    found = p.plan().expect(2)
    contains(found.out, "secrets of keystone", "version -> version")
    lacks(found.out, p.database_password, "the plan")
    run = p.apply().expect(0, "changed")
    equal({c["resource"] for h in run.hosts.values() for c in h["changes"] if c["action"] != "reload"}, {"database:keystone"}, "changes")
    p.crosswise()
    p.settled()
    p.sql("GRANT DELETE, CREATE VIEW ON keystone.* TO 'keystone'@'10.1.%'; GRANT PROCESS ON *.* TO 'keystone'@'10.1.%';"
          "REVOKE INDEX ON keystone.* FROM 'keystone'@'10.1.%'; ALTER USER 'keystone'@'10.1.%' REQUIRE NONE;")
    found = p.plan().expect(2)
    equal(expected(found), [("database:keystone", ["privileges", "tls"])], "one member mends what all share")
    p.apply().expect(0, "changed")
    p.settled()
    # Changed by hand in the server: seen by a login that is refused, and by nothing else.
    p.sql("ALTER USER 'keystone'@'10.1.%' IDENTIFIED BY 'by hand';")
    p.apply().expect(0, "changed")
    p.crosswise()
    p.settled()


@test("keystone: a catalog that points at one member is corrected once, and tokens of before stay valid", limit=200)
def catalog(world):
    p = pair(world)
    token = p.apis[0].token()
    p.sql(f"UPDATE keystone.endpoint SET url = 'https://keystone01.{ZONE}:5000/api/idm/v3';")
    found = p.plan().expect(2)
    equal([resource for resource, _ in expected(found)], ["once:settle keystone's catalog, roles, domains and projects"],
          "one change, of one host")
    p.apply().expect(0, "changed")
    equal(set(p.sql("SELECT DISTINCT url FROM keystone.endpoint;").split()), {CATALOG}, "the catalog")
    equal(p.sql("SELECT COUNT(*) FROM keystone.endpoint;").strip(), "3", "endpoints")
    check(p.apis[1].accepts(token), "a token of before")
    p.settled()


@test("keystone: a schema that is behind the package is expanded; what db_sync --check says is told apart; no contraction unasked",
      limit=300)
def schema(world):
    p = pair(world)
    host = p.two
    versions = "/usr/lib/python3/dist-packages/keystone/common/sql/migrations/versions"
    head = host.read(f"{versions}/EXPAND_HEAD")
    fake = ("#!/bin/sh\nfor word; do last=$word; done\necho \"$last as $(id -un)\" >>/run/manage-calls\n"
            "case $last in --check) exit $(cat /run/manage-status) ;; esac\n")
    try:
        with moved_away(host, "/usr/bin/keystone-manage"):
            host.sh("cat >/usr/bin/keystone-manage <<'EOF'\n" + fake + "EOF\nchmod 0755 /usr/bin/keystone-manage\n"
                    f"echo 0123456789ab >{versions}/EXPAND_HEAD; : >/run/manage-calls; chmod 0666 /run/manage-calls")
            for status, calls, words in ((1, ["--check"], "says nothing of the schema"), (3, ["--check"], "says nothing of the schema"),
                                         (4, ["--check"], "waits for --contract"),
                                         # 0 although the package is newer: the trap of keystone 22.
                                         (0, ["--check", "--expand"], "still differs"), (2, ["--check", "--expand"], "still differs")):
                host.sh(f"echo {status} >/run/manage-status; chmod 0644 /run/manage-status; : >/run/manage-calls")
                run = p.apply("--host", "keystone02")
                equal(run.code, 3, f"exit code where --check says {status}")
                contains(run.out, words, f"why, where --check says {status}")
                equal(host.sh("cat /run/manage-calls").split("\n")[:-1], [f"{call} as keystone" for call in calls],
                      f"calls where --check says {status}")
            # All of the members have a newer package, whose second half is due: only with its name.
            host.sh("rm /usr/bin/keystone-manage")
    finally:
        host.write(f"{versions}/EXPAND_HEAD", head)
    tail = {each: each.read(f"{versions}/CONTRACT_HEAD") for each in p.hosts}
    try:
        for each in p.hosts:
            each.write(f"{versions}/CONTRACT_HEAD", b"ba9876543210\n")
        run = p.apply()
        equal(run.code, 6, "exit code")
        contains(run.out, "--allow contract-keystone-schema", "what it needs")
        # One member with the older package still relies on what would go.
        p.one.write(f"{versions}/CONTRACT_HEAD", tail[p.one])
        p.settled()
    finally:
        for each, content in tail.items():
            each.write(f"{versions}/CONTRACT_HEAD", content)
    p.settled()


# --- the administrator, policies -----------------------------------------------------------------------------------


@test("keystone: an administrator's password that is refused is never reset unasked; both explanations are given", limit=400)
def administrator(world):
    p = pair(world)
    old, token = p.password, p.apis[0].token()
    p.password = AWKWARD + secrets.token_hex(4)
    p.store("passwords", keystone_password=p.password)
    found = p.plan()
    contains(found.out, "the secret was rotated, or the password was changed in keystone", "both explanations")
    run = p.apply()
    equal(run.code, 6, "exit code")
    contains(run.out, "--allow reset-keystone-admin", "what it needs")
    equal(p.apis[0].token(p.password, fails=True), 401, "the new password")
    check(p.apis[1].accepts(token), "a token of before")
    with secrets_search.Watch(secrets_search.patterns(p.secrets(), with_hashes=False)) as watch:
        p.apply("--allow", "reset-keystone-admin").expect(0, "changed")
    equal(watch.hits, [], "argv and environments")
    p.crosswise()
    equal(p.apis[0].token(old, fails=True), 401, "the old password")
    p.settled()


@test("keystone: a policy that is no policy leaves the old one in its place; healthcheck's file takes a member out", limit=300)
def policy(world):
    p = pair(world)
    before = p.two.read("/etc/keystone/policy.yaml")
    for text in ("identity:list_users: [unclosed\n", "identity:list_users: role:admin and and\n"):
        roles = pathlib.Path(world.roles({}))
        (roles / "keystone/files/policy.yaml").write_text(text)
        run = p.apply(roles=str(roles))
        equal(run.code, 3, "exit code")
        contains(run.out, "the new content is not valid; the old file stays", "why")
        equal(p.two.read("/etc/keystone/policy.yaml"), before, "the policy")
    p.two.sh("touch /etc/keystone/healthcheck_disable")
    try:
        wait_until(lambda: p.apis[1].ask("GET", "/healthcheck")[0] == 503, 10, "the healthcheck is off")
        found = p.plan()
        contains(found.out, "503", "the plan sees it")
    finally:
        p.two.sh("rm -f /etc/keystone/healthcheck_disable")
    p.settled()


@test("keystone: on MySQL 8 the database, its account and the schema are made, drift is mended, and while a rotated password goes from "
      "host to host both are accepted", limit=600, extended=True)
def on_mysql(world):
    p = pair(world)
    fleet("database", "mysql")
    try:
        contains(p.sql("SELECT VERSION();"), "8.0.", "the server")
        p.apply().expect(0, "changed")
        p.crosswise()
        p.settled()
        # As the account itself: its rights are those of the role, and there is no way in without TLS.
        grants = p.two.sh(f"mariadb --defaults-file={MY_CNF} -BN -e 'SHOW GRANTS'")
        contains(grants, "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER ON `keystone`.* TO", "the rights")
        p.sql("GRANT CREATE VIEW ON keystone.* TO 'keystone'@'10.1.%'; GRANT PROCESS ON *.* TO 'keystone'@'10.1.%';"
              "REVOKE INDEX ON keystone.* FROM 'keystone'@'10.1.%'; ALTER USER 'keystone'@'10.1.%' REQUIRE NONE;")
        equal(expected(p.plan().expect(2)), [("database:keystone", ["privileges", "tls"])], "one member mends what all share")
        p.apply().expect(0, "changed")
        p.settled()
        # The first host is given the new password, and the other one goes on with the old one: two are accepted.
        old = p.two.read(MY_CNF)
        p.database_password = AWKWARD + secrets.token_hex(4)
        p.store("keystone", database_password=p.database_password)
        p.apply("--host", "keystone02").expect(0, "changed")
        check(p.two.read(MY_CNF) != old, "one host has the new password")
        equal(p.one.read(MY_CNF), old, "the other host's file")
        for host in p.hosts:
            host.sh("systemctl restart apache2")  # no connection of before
        p.crosswise()
        p.apply().expect(0, "changed")
        check(p.one.read(MY_CNF) != old, "the other host has the new password")
        p.crosswise()
        p.settled()
    finally:
        fleet("database", "mariadb")
        clean()
        del world.keystone


@test("keystone: the fleet is as it was before")
def end(world):
    if hasattr(world, "keystone"):
        del world.keystone
    clean()
