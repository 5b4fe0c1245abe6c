"""`cso-provision --role backend`, from bare hosts to converged ones, and once more."""

import hashlib

from support import secrets_search
from support.harness import check, contains, equal, test
from support.web import told

PORTS = {8103: "config", 8090: "customers", 8091: "blob-store", 8092: "event", 8093: "catalog", 8094: "service-instances",
         8096: "request", 8097: "fulfillment", 8098: "api-doc", 8099: "reporting", 8100: "pricing", 8101: "ticketing",
         8105: "export"}
KEYS = {"propertiesEncryptionKey": "password_encryption_key", "serviceAccountPassword": "service_password",
        "serviceAccountPasswordEncrypted": "service_password", "javaSecurityPassword": "keystore_password",
        "dbUserPassword": "db_password", "rabbitmqUserPassword": "rabbitmq_password",
        "idmAdminPassword": "keystone_password"}
STATES = {"outcome", "run", "command", "seconds", "hosts"}


@test("plan on bare hosts ends with 2, names everything, and changes nothing")
def plan_on_bare(world):
    world.bare()
    with world.untouched():
        run = world.plan("--role", "backend").expect(2, "would-change")
        check(STATES <= run.json.keys(), "the document has all keys", str(run.json.keys()))
        equal(run.json["command"], "plan", "command")
        equal([h["host"] for h in run.json["hosts"]], ["backend02", "backend01"], "order: eu-west-2c first")
        equal([h["az"] for h in run.json["hosts"]], ["eu-west-2c", "eu-west-2a"], "zones")
        for host in run.json["hosts"]:
            equal(host["outcome"], "would-change", host["host"])
            changes = {c["resource"]: c for c in host["changes"]}
            for resource in ("package:nginx-light", "user:ecs", "file:/opt/ecs/setup.properties",
                             "service:cso-backend.service", "transfer:/opt/ecs/security/cluster.key"):
                check(resource in changes, f"the plan of {host['host']} names {resource}", str(sorted(changes)))
            for change in host["changes"]:
                check(change["action"] in ("create", "update", "remove", "run", "transfer", "restart", "reload"),
                      f"a known action: {change['action']}")
        text = world.product.run("plan", "--role", "backend").expect(2)
        contains(text.out, "+ package:nginx-light", "the plan as text")
    for host in world.backends:
        check(not host.exists("/run/cso-provision") and not host.exists("/var/lib/cso-provision"),
              f"plan made a folder on {host.name}")


@test("the main job: bare hosts become changed with exit 0, eu-west-2c before eu-west-2a", limit=300)
def first_apply(world):
    world.bare()
    secrets = secrets_search.values()
    with secrets_search.Watch(secrets_search.patterns(secrets, with_hashes=False)) as watch:
        run = world.backend(seconds=260).expect(0, "changed")
    world.first_apply, world.first_watch = run, watch
    equal(run.outcomes(), {"backend01": "changed", "backend02": "changed"}, "outcomes")
    hosts = [host for host, text in run.progress() if host.startswith("backend") and not text.startswith("taking")]
    last_of_2c = max(i for i, h in enumerate(hosts) if h == "backend02")
    first_of_2a = min(i for i, h in enumerate(hosts) if h == "backend01")
    check(last_of_2c < first_of_2a, "backend02 (eu-west-2c) is done before backend01 (eu-west-2a) begins", str(run.progress()))
    for name in ("backend01", "backend02"):
        changes = run.changes(name)
        equal(changes.get("package:nginx-light"), "create", f"nginx of {name}")
        check("service:cso-backend.service" in changes, f"the service of {name} is among the changes")
    equal(run.changes("backend02").get("once:make the cluster key"), "run", "the leader makes the key")
    equal(run.changes("backend01").get("transfer:/opt/ecs/security/cluster.key"), "transfer", "the other gets it")
    for host in world.backends:
        equal(host.leftovers(), [], f"leftovers of {host.name}")
    world.is_converged()


@test("a second run says unchanged and has touched nothing: no file, no service, no process of ours left")
def second_run(world):
    world.converged()
    before = {host: host.fingerprint() for host in world.backends}
    check(all(len(files) > 100 for files in before.values()), "the fingerprint sees the hosts' files")
    with world.untouched():
        run = world.backend().expect(0, "unchanged")
        equal(run.outcomes(), {"backend01": "unchanged", "backend02": "unchanged"}, "outcomes")
        equal([h["changes"] for h in run.json["hosts"]], [[], []], "changes")
        equal(world.plan("--role", "backend").expect(0).json["outcome"], "unchanged", "plan")
    for host in world.backends:
        equal(host.leftovers(), [], f"leftovers of {host.name}")
        ours = [words for _, _, words in host.processes() if any("cso:" in w or "cso_mark" in w for w in words)]
        equal(ours, [], f"processes on {host.name}")
    # The control: the fingerprint sees a rewrite with the same content.
    content = world.first.read("/etc/nginx/conf.d/backend-lb.conf")
    host_before = world.first.fingerprint()
    world.first.write("/etc/nginx/conf.d/backend-lb.conf", content)
    check(host_before != world.first.fingerprint(), "the fingerprint does not see a rewritten file: it cannot prove anything")


@test("every service of both hosts answers with the release, also through nginx")
def answers(world):
    world.converged()
    for host in world.backends:
        for port, service in PORTS.items():
            status, body = told(host, port, "/api-doc/" if service == "api-doc" else "/system/info")
            equal((status, body["service"], body["version"], body["host"]), (200, service, "2.4.4", host.name), f"{port}")
        status, body = told(host, 8080, "/config/system/info", name="backend.prod-ha.cso.ss")
        equal((status, body["service"], body["host"]), (200, "config", host.name), "through nginx")


@test("the awkward secret arrives byte for byte, is read so by its reader, and is executed nowhere")
def awkward_secret(world):
    world.converged()
    secrets = secrets_search.values()
    equal(secrets["service_password"], "p%40$(id)\"'\\@:/?#&é x", "the fleet's awkward secret")
    for host in world.backends:
        for key, name in KEYS.items():
            digest = host.sh(f"cd /opt/prov/releases/2.4.4 && python3 installer_p3.py --digest {key}").strip()
            equal(digest, hashlib.sha256(secrets[name].encode()).hexdigest(), f"digest of {key} on {host.name}")
        stat = host.sh("stat -c '%a %U %G' /opt/ecs/setup.properties").strip()
        equal(stat, "600 root root", "setup.properties")
        # `$(id)` as a command would have said this somewhere.
        for path in ("/opt/ecs/setup.properties", "/var/log/ecs/installer.log"):
            check(b"uid=" not in host.read(path), f"$(id) was executed: {path}")


@test("the cluster key is made once, equal on both hosts, 0640 root:ecs")
def cluster_key(world):
    world.converged()
    found = [(h.read("/opt/ecs/security/cluster.key"), h.sh("stat -c '%a %U %G' /opt/ecs/security/cluster.key").strip())
             for h in world.backends]
    equal(found[0], found[1], "the keys of the two hosts")
    equal(len(found[0][0]), 64, "its length")
    equal(found[0][1], "640 root ecs", "mode, owner and group")
    # A host that lost it gets the other's; no new one is made.
    world.first.sh("rm /opt/ecs/security/cluster.key")
    run = world.backend().expect(0, "changed")
    equal(run.changes("backend01").get("transfer:/opt/ecs/security/cluster.key"), "transfer", "what was done")
    check("once:make the cluster key" not in run.changes("backend01"), "a second key was made", str(run.changes("backend01")))
    equal([h.read("/opt/ecs/security/cluster.key") for h in world.backends], [found[0][0]] * 2, "the keys after it")
    equal(run.outcomes()["backend02"], "unchanged", "the other host")
