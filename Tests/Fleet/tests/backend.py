"""The backends, whole: keys and stores for Java, releases that fail, passwords that rotate, what an installation depends on."""

import json
import os
import re

from lib import keys, standin
from rolling import Sampler
from support import secrets_search
from support.harness import check, contains, equal, lacks, test, wait_until
from support.web import told

SECURITY = "/opt/ecs/security"
RECORDS = "/opt/prov/releases/.backend"
ROLE = "backend/role.yaml"
PORTS = [8103, 8090, 8091, 8092, 8093, 8094, 8096, 8097, 8099, 8100, 8101, 8105]
KEYTOOL = "/opt/ecs/java/bin/keytool"


def versions(host):
    """Every service's release, asked by name at the address with the fleet's CA."""
    return {told(host, port, "/system/info")[1]["version"] for port in PORTS}


def opened(host, store, password):
    """What Java finds in a store; empty if it does not open it. The password travels in a file of root's."""
    place = host.path("/run/password-of-a-test")
    with open(os.open(place, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(password)
    try:
        return host.sh(f"{KEYTOOL} -list -keystore {SECURITY}/{store} -storepass:file /run/password-of-a-test 2>&1 || echo refused")
    finally:
        place.unlink()


def fingerprint(host, certificate):
    return host.sh(f"openssl x509 -noout -fingerprint -sha256 -in {SECURITY}/{certificate}").split("=")[1].strip()


def stores_are_right(host, password):
    trusted = opened(host, "server.truststore", password)
    contains(trusted, "trustedCertEntry", f"the CA of {host.name}")
    contains(trusted, fingerprint(host, "ca.crt"), f"the present CA in the truststore of {host.name}")
    own = opened(host, "server.keystore", password)
    contains(own, "PrivateKeyEntry", f"the key of {host.name}")
    contains(own, fingerprint(host, "server.crt"), f"the present certificate in the keystore of {host.name}")


def password():
    return secrets_search.values()["keystore_password"]


def in_backend(world, *edits):
    return {"CSO_ROLES": world.roles({ROLE: edits})}


def faulty(world, failure):
    """Roles whose new installer fails in this way, and whose gate does not wait for long."""
    return in_backend(world, ("export JAVA_HOME=/opt/ecs/java", f"export JAVA_HOME=/opt/ecs/java STANDIN_FAILURE={failure}"),
                      ("ready_deadline: 120s", "ready_deadline: 4s"))


def newer(world):
    """The inventory with release 2.4.5 for the backends."""
    old = re.search("release_sha256: ([0-9a-f]{64})", (world.scratch / "Inventory/local/inventory.yaml").read_text())[1]
    new = standin.digest("2.4.5")
    return {"CSO_INVENTORY": world.inventory(
        ("      # Of the stand-in's archive", '      release: "2.4.5"\n      # Of the stand-in\'s archive'),
        # Its comment stands at the backends only.
        (f"is another.\n      release_sha256: {old}", f"is another.\n      release_sha256: {new}"))}


def installations(host):
    """How often the installer ran here."""
    return host.read("/var/log/ecs/installer.log").count(b"STAND-IN installer")


@test("backend: Java's stores open with the fleet's password and hold the present key, certificate and CA; no run makes them again",
      limit=240)
def stores(world):
    world.converged()
    for host in world.backends:
        stores_are_right(host, password())
        modes = host.sh(f"stat -c '%a %U %G %n' {SECURITY}/*").splitlines()
        for name, mode in {"server.key": "640", "server.keystore": "640", "server.truststore": "640", "server.crt": "644"}.items():
            check(any(re.match(rf"{mode} root \w+ {SECURITY}/{name}$", line) for line in modes), f"{name} is {mode} root", str(modes))
        equal(host.sh(f"find {SECURITY} -name '.*' -type f -o -name '*.cso-tmp'"), "", "left beside them")
    contains(opened(world.first, "server.keystore", "another-password"), "refused", "another password")
    with world.untouched():
        world.backend().expect(0, "unchanged")
    # What somebody puts in their place is not believed, though it is a store.
    host = world.first
    host.sh(f"cp {SECURITY}/server.keystore {SECURITY}/server.truststore")
    run = world.backend().expect(0, "changed")
    equal(run.changes(host.name).get("command:make server.truststore"), "update", "what was done")
    lacks(str(run.changes(host.name)), "server.keystore", "the other store")
    stores_are_right(host, password())


@test("backend: services run under the one Java, with its name cache bounded, many files and no cores; another major version does not start",
      limit=240)
def java(world):
    world.converged()
    host = world.second
    pid = host.sh("systemctl show -P MainPID cso-backend.service").strip()
    words = host.path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    check(b"JAVA_HOME=/opt/ecs/java" in words, "JAVA_HOME", str(words))
    option = next(w.decode().split("=", 1)[1] for w in words if w.startswith(b"JAVA_TOOL_OPTIONS="))
    said = host.sh(f"{KEYTOOL} -J-Djava.security.debug=properties -J{option} -list -keystore {SECURITY}/none 2>&1 || true")
    for value in ("networkaddress.cache.ttl=30", "networkaddress.cache.negative.ttl=5"):
        contains(said, value, "what Java itself reads with the service's options")
    limits = host.read(f"/proc/{pid}/limits").decode()
    check(re.search(r"Max core file size +0 +0 ", limits), "no core", limits)
    # What a host in a container gets of it is bounded by this machine.
    equal(host.sh("systemctl show -P LimitNOFILE cso-backend.service").strip(), "65536", "open files")
    equal(host.sh("/opt/ecs/java/bin/java -version 2>&1 | head -1").split('"')[1].split(".")[0], "17", "Debian's major version")
    try:
        host.sh("mkdir /opt/java11 && echo 'JAVA_VERSION=\"11.0.2\"' >/opt/java11/release && ln -sfn /opt/java11 /opt/ecs/java")
        check(host.status("systemctl restart cso-backend.service") != 0, "it does not start with another one")
        run = world.backend().expect(0, "changed")
        equal(run.changes(host.name).get("symlink:/opt/ecs/java"), "update", "what was done")
    finally:
        host.sh("rm -rf /opt/java11")
    world.backend().expect(0, "unchanged")


@test("backend: 2.4.4 -> a bad 2.4.5 -> 2.4.4 again, while the other host serves; then a good 2.4.5 and back", limit=300)
def bad_release(world):
    world.converged()
    first, second = world.backends
    with Sampler([first]) as sampler:
        run = world.backend(env={**newer(world), **faulty(world, "bad-release")}, seconds=140).expect(3, "failed")
    equal(sampler.outages(first.name), [], "the host that was not attempted, meanwhile")
    equal(run.outcomes(), {"backend02": "failed", "backend01": "not-attempted"}, "outcomes")
    contains(run.hosts["backend02"]["reason"], "returned to release 2.4.4, which passed its gate", "the reason")
    contains(run.hosts["backend02"]["output"], "8103/system/info", "the gate's words: config comes first")
    for host in world.backends:
        equal(versions(host), {"2.4.4"}, f"what {host.name} serves")
    equal(second.sh("readlink /opt/install").strip(), "/opt/prov/releases/2.4.4", "what is in use")
    check(not second.exists("/opt/prov/releases/2.4.5"), "nothing of the bad one is left")

    run = world.backend(env={**newer(world), **faulty(world, "error-in-log")}, seconds=140).expect(3, "failed")
    contains(run.hosts["backend02"]["reason"], "the installer ended with 0, but its log says", "an exit with 0 is not believed")
    contains(run.hosts["backend02"]["output"], "requested failure; the installation goes on", "the end of its log")
    equal(versions(second), {"2.4.4"}, "what serves after it")
    world.backend().expect(0, "unchanged")

    run = world.backend(env=newer(world), seconds=140).expect(0, "changed")
    for host in world.backends:
        equal(versions(host), {"2.4.5"}, f"what {host.name} serves")
        equal(host.sh("readlink /opt/install").strip(), "/opt/prov/releases/2.4.5", "what is in use")
    backups(second)
    world.backend(seconds=140).expect(0, "changed")
    for host in world.backends:
        equal(versions(host), {"2.4.4"}, f"what {host.name} serves in the end")
        equal(host.leftovers(), [], f"leftovers of {host.name}")


def backups(host):
    """Two of them at most, root's alone, of a release that held, and nothing of ours that is secret in them."""
    kept = host.sh(f"ls {RECORDS}/backup").split()
    check(1 <= len(kept) <= 2 and all(name.endswith("-2.4.4.tar.gz") for name in kept), "backups", str(kept))
    equal(set(host.sh(f"stat -c '%a %U' {RECORDS}/backup {RECORDS}/backup/*").splitlines()), {"700 root", "600 root"}, "modes")
    names = host.sh(f"tar -tzf {RECORDS}/backup/{kept[-1]}").splitlines()
    check("opt/ecs/backend/release.json" in names, "it holds the release", str(names))
    ours = ("opt/ecs/security", "opt/ecs/setup.properties")
    check(not any(name.startswith(ours) for name in names), "and no key, no password", str(names))


@test("backend: an installation that was cut off with its controller is begun anew, by whatever release is then wanted", limit=240)
def cut_off(world):
    world.converged()
    host = world.second
    started = world.product.start("apply", "--role", "backend", "--yes", env={**newer(world), **faulty(world, "hang")})
    try:
        started.await_progress("install release backend 2.4.5")
        wait_until(lambda: host.exists("/opt/ecs/backend") and not host.exists("/opt/ecs/backend/start"), 30, "it is half done")
        started.kill()
        # As a power cut ends what runs on the host.
        host.sh("systemctl kill -s KILL 'cso-2*'")
    finally:
        started.ensure_ended()
        world.product.remember(started.finish())
    run = world.after_a_dead_run("--role", "backend", seconds=140).expect(0, "changed")
    equal(run.outcomes(), {"backend02": "changed", "backend01": "unchanged"}, "outcomes")
    equal(versions(host), {"2.4.4"}, "what serves")
    check(not host.exists("/opt/prov/releases/2.4.5"), "nothing of the other is left")
    equal(host.leftovers(), [], "leftovers")
    world.backend().expect(0, "unchanged")


@test("backend: a new certificate means new stores and a new installation, known beforehand; nothing else does", limit=200)
def new_certificate(world):
    world.converged()
    host, other = world.first, world.second
    ran = {each: installations(each) for each in world.backends}
    old = fingerprint(host, "server.crt")
    host.sh(f"rm {SECURITY}/server.crt")
    with world.untouched(other):
        text = world.product.run("plan", "--role", "backend").expect(2).out
        for part in ("certificate:/opt/ecs/security/server.crt", "command:make server.keystore", "release:backend"):
            contains(text, part, "the plan")
        run = world.backend(seconds=140).expect(0, "changed")
    done = run.changes(host.name)
    for resource in ("certificate:/opt/ecs/security/server.crt", "command:make server.keystore", "release:backend"):
        check(resource in done, f"{resource} was done", str(done))
    check(fingerprint(host, "server.crt") != old, "another certificate")
    stores_are_right(host, password())
    equal({each: installations(each) - ran[each] for each in world.backends}, {host: 1, other: 0}, "installations")
    # A file that is written anew with the same content is no other input.
    properties = host.read("/opt/ecs/setup.properties")
    host.write("/opt/ecs/setup.properties", properties)
    world.backend().expect(0, "unchanged")
    # Changed by hand it is put right, and what was installed was installed with what is there then.
    host.write("/opt/ecs/setup.properties", properties + b"by=hand\n")
    run = world.backend().expect(0, "changed")
    equal(installations(host) - ran[host], 1, "installations after a file was put right")


@test("backend: a rotated keystore password arrives in the properties, in both stores and in an installation, and is shown nowhere",
      limit=300)
def rotated(world):
    world.converged()
    values = secrets_search.values()
    other = "another-Store-4q9w!~ #%"
    path = world.fresh_folder("rotated") / "passwords.json"
    keys.write_private(path, json.dumps({"Name": "p", "SecretString": json.dumps({**values, "keystore_password": other})}))
    inventory = world.inventory(("  passwords: {aws: env-prod-ha-passwords-v2, region: eu-west-2}", f"  passwords: {{file: {path}}}"))
    wanted = secrets_search.patterns({"rotated": other}, with_hashes=False)
    host = world.second

    def apply(*argv, **options):
        """One of the two is enough to see it."""
        return world.apply("--host", host.name, *argv, seconds=200, **options)

    try:
        with secrets_search.Watch(wanted) as watch:
            run = apply("--verbose", env={"CSO_INVENTORY": inventory}).expect(0, "changed")
        equal(watch.hits, [], "argv and environments")
        equal(secrets_search.in_bytes((run.out + run.err).encode(), wanted), [], "output")
        stores_are_right(host, other)
        contains(opened(host, "server.keystore", password()), "refused", "the old password")
        equal(versions(host), {"2.4.4"}, "what it serves")
        apply(env={"CSO_INVENTORY": inventory}).expect(0, "unchanged")
    finally:
        apply().expect(0, "changed")
    # Java refuses what is not ASCII in a store's password: that is said, and the old stores stay.
    keys.write_private(path, json.dumps({"Name": "p", "SecretString": json.dumps({**values, "keystore_password": "größer als"})}))
    try:
        run = apply(env={"CSO_INVENTORY": inventory}).expect(3, "failed")
        contains(run.hosts[host.name]["output"], "may hold ASCII only", "what is said")
        stores_are_right(host, password())
    finally:
        apply().expect(0, "changed")
