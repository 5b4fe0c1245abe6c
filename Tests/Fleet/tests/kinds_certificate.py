"""Kind certificate on a real host: one CA made by `secrets init`, a key that never leaves its host, drift, renewal, cuts."""

import json
import os
import pathlib
import secrets
import subprocess
import time

from leaks import controller_files, files
from support import secrets_search
from support.harness import check, contains, equal, test, wait_until

FOLDER = "/etc/nginx/tls"
CERTIFICATE, KEY, CA = (f"{FOLDER}/{name}" for name in ("server.crt", "server.key", "ca.crt"))
RESOURCE = f"certificate:{CERTIFICATE}"
NAME = "keystone02.prod-ha.cso.ss"


class Fleet:
    """An inventory of one host with a CA of its own in Secrets Manager."""

    def __init__(self, world):
        self.world, self.host = world, world.spare
        self.secret = f"cso-test-pki-{secrets.token_hex(4)}"
        self.environment = world.small("tls")
        self.sources = f"secrets:\n  pki: {{aws: {self.secret}, region: eu-west-2}}\n"
        self._extend(self.environment)

    def _extend(self, environment):
        with open(pathlib.Path(environment["CSO_INVENTORY"]) / "inventory.yaml", "a") as file:
            file.write(self.sources)

    def with_parameters(self, **parameters):
        environment = self.world.small("tls", **parameters)
        self._extend(environment)
        return environment

    def apply(self, **parameters):
        environment = self.with_parameters(**parameters) if parameters else self.environment
        return self.world.after_a_dead_run("--role", "tls", env=environment)

    def plan(self, **parameters):
        environment = self.with_parameters(**parameters) if parameters else self.environment
        return self.world.plan("--role", "tls", env=environment)

    def init(self):
        return self.world.product.run("secrets", "init", "--all", "--yes", env=self.environment).expect(0)

    def value(self):
        """The CA as Secrets Manager holds it."""
        done = subprocess.run(["aws", "secretsmanager", "get-secret-value", "--secret-id", self.secret, "--region", "eu-west-2"],
                              env={**os.environ, **self.world.environment}, stdout=subprocess.PIPE, check=True)
        return json.loads(json.loads(done.stdout)["SecretString"])["ca"]

    def differences(self, run):
        changes = [c for c in run.hosts[self.host.name]["changes"] if c["resource"] == RESOURCE]
        check(len(changes) == 1, "one change of the certificate", str(run))
        return changes[0]["differences"]

    def key_of_certificate(self):
        return self.host.sh(f"openssl x509 -in {CERTIFICATE} -noout -pubkey")

    def serial(self):
        return self.host.sh(f"openssl x509 -in {CERTIFICATE} -noout -serial")

    def serves(self, name=NAME):
        """A client on the host that trusts nothing but the CA's file is content with what nginx shows."""
        script = (f"openssl s_client -connect 127.0.0.1:8443 -servername {name} -verify_hostname {name} -verify_return_error "
                  f"-no-CApath -CAfile {CA} </dev/null 2>&1")
        return "Verify return code: 0 (ok)" in self.host.sh(script, check=False)

    def shown_serial(self):
        return self.host.sh("openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509 -noout -serial",
                            check=False)

    def sound(self):
        host = self.host
        host.sh(f"openssl verify -no-CApath -x509_strict -purpose sslserver -verify_hostname {NAME} -CAfile {CA} {CERTIFICATE}")
        host.sh(f"openssl verify -no-CApath -verify_ip {host.address} -CAfile {CA} {CERTIFICATE}")
        equal(host.sh(f"openssl pkey -in {KEY} -pubout"), self.key_of_certificate(), "the key's public half")
        equal(host.sh(f"stat -c '%a %U:%G' {KEY} {CERTIFICATE} {CA}").split("\n")[:3],
              ["600 root:root", "644 root:root", "644 root:root"], "modes and owners")
        # nginx's new workers take over a moment after it was told to.
        wait_until(lambda: self.shown_serial() == self.serial(), 5, "nginx shows the certificate that lies there")
        check(self.serves(), "a client accepts it")
        check(not self.serves("keystone01.prod-ha.cso.ss"), "under another name it does not")
        equal(host.leftovers(), [], "leftovers")


@test("certificate: init makes one CA; a first apply issues, clients validate, a second does nothing; both keys are nowhere else",
      limit=300)
def whole_life(world):
    world.spare_bare()
    try:
        life(world)
    finally:
        world.spare_bare()


def life(world):
    fleet = Fleet(world)
    host = fleet.host
    shown = world.product.run("secrets", "list", "--all", env=fleet.environment)
    equal(shown.code, 1, "the CA is missing")
    contains(shown.out, f"pki.ca is the CA of {CERTIFICATE}", "which resources use it")
    run = world.apply("--role", "tls", env=fleet.environment)
    check(run.code == 1 and not host.exists(FOLDER), "without a CA no host is changed", str(run))
    runs = [fleet.init()]
    contains(runs[0].out, "a CA, its certificate", "what is made is shown")
    value = fleet.value()
    runs.append(fleet.init())
    contains(runs[-1].out, "every secret is there", "a second init")
    equal(fleet.value(), value, "the CA")

    blocks = value.split("-----BEGIN ")
    authority = {f"CA key, line {n}": line for n, line in enumerate(blocks[2].splitlines()) if len(line) > 40}
    check(authority, "the CA's key has lines to look for")
    argv_wanted = secrets_search.patterns(authority, with_hashes=False)
    with secrets_search.Watch(argv_wanted) as watch:
        # Nothing is there yet: a plan makes no key.
        runs.append(fleet.plan().expect(2))
        check(not host.exists(FOLDER), "a plan makes nothing")
        runs.append(fleet.apply().expect(0, "changed"))
    hits = watch.hits
    fleet.sound()
    names = host.sh(f"openssl x509 -in {CERTIFICATE} -noout -ext subjectAltName")
    contains(names, f"DNS:{NAME}, IP Address:{host.address}", "names")
    before = host.fingerprint()
    runs.append(fleet.apply().expect(0, "unchanged"))
    equal(host.fingerprint(), before, "files after a second run")

    key_lines = [line for line in host.read(KEY).decode().splitlines() if len(line) > 40]
    own = {f"host key, line {n}": line for n, line in enumerate(key_lines)}
    wanted = secrets_search.patterns({**authority, **own})
    with secrets_search.Watch(secrets_search.patterns({**authority, **own}, with_hashes=False)) as watch:
        drifts(fleet, runs)
    hits += watch.hits
    check(watch.report["sweeps"] > 50, "the watch saw something")
    # The key changes in some of the drifts: both the first and the last are looked for.
    last = {f"last key, line {n}": line for n, line in enumerate(host.read(KEY).decode().splitlines()) if len(line) > 40}
    check(set(last.values()) != set(own.values()), "a wrong key was replaced by a new one")
    wanted |= secrets_search.patterns(last)
    for each in runs:
        equal(secrets_search.in_bytes((each.out + each.err).encode(), wanted), [], f"output of `{' '.join(each.argv)}`")
    equal(hits, [], "argv and environments")
    equal(controller_files(world, wanted), [], "files of the controller")
    equal(files(world, host, wanted), [KEY], "files of the host")
    equal(files(world, host, secrets_search.patterns(authority)), [], "the CA's key on the host")


def drifts(fleet, runs):
    """What operators and time do to it; each is shown, mended, and served."""
    host = fleet.host

    def mend(what, keys, keeps_key, **parameters):
        before = host.read(KEY) if host.exists(KEY) else b""
        found = fleet.plan(**parameters).expect(2)
        check(keys <= set(fleet.differences(found)), f"{what}: {fleet.differences(found)}")
        runs.extend([found, fleet.apply(**parameters).expect(0, "changed")])
        fleet.sound()
        equal(host.read(KEY) == before, keeps_key, f"{what}: the key stays")
        runs.append(fleet.apply(**parameters).expect(0, "unchanged"))
        return fleet.differences(found)

    host.sh(f"chmod 0644 {KEY}; chown nobody {KEY}")
    equal(set(mend("open permissions", {"key_access"}, True)), {"key_access"}, "nothing but permissions")

    sign_near_end(fleet)
    old = fleet.serial()
    renewal = mend("ten days left", {"renewal"}, True)
    equal(set(renewal), {"renewal"}, "nothing but the date")
    contains(renewal["renewal"]["observed"], "due since 20", "the difference is dates")
    check(fleet.serial() != old, "another certificate")

    host.sh(f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {KEY}.new && cat {KEY}.new >{KEY} && rm {KEY}.new")
    by_hand = host.read(KEY)
    mend("a key put by hand", {"key"}, False)
    check(host.read(KEY) != by_hand, "it is not believed")

    host.sh(f"rm {CA}")
    mend("no CA beside it", {"ca"}, True)
    mend("another name", {"names"}, True, more_names="[keystone.prod-ha.cso.ss]")
    check(fleet.serves("keystone.prod-ha.cso.ss"), "under the new name")
    mend("back to one name", {"names"}, True)


def sign_near_end(fleet):
    """A certificate by the same CA, for the same key and names, that ends in ten days: as the host's would be in a year."""
    folder = fleet.world.fresh_folder("near-end")
    (folder / "ca").write_text(fleet.value())
    (folder / "ext").write_text(f"subjectAltName=DNS:{NAME},IP:{fleet.host.address}\nextendedKeyUsage=serverAuth\n")
    request = fleet.host.sh(f"openssl req -new -key {KEY} -subj /CN={NAME}")
    (folder / "csr").write_text(request)
    subprocess.run(["openssl", "x509", "-req", "-in", folder / "csr", "-CA", folder / "ca", "-CAkey", folder / "ca", "-days", "10",
                    "-extfile", folder / "ext", "-out", folder / "crt"], check=True, stderr=subprocess.DEVNULL)
    fleet.host.write(CERTIFICATE, (folder / "crt").read_bytes())
    for path in folder.iterdir():
        path.unlink()


@test("certificate: the controller killed before, between and after its steps, and a set that is half in place, converge", limit=240)
def cut(world):
    world.spare_bare()
    try:
        fleet = Fleet(world)
        fleet.init()
        fleet.apply().expect(0, "changed")
        for moment in ("make a private key", "issue /etc/nginx"):
            for delay in (0, 0.15):
                fleet.host.sh(f"rm -f {KEY} {CERTIFICATE}")
                started = world.product.start("apply", "--role", "tls", "--yes", env=fleet.environment)
                started.await_progress(moment)
                time.sleep(delay)
                started.kill()
                world.product.remember(started.finish())
                fleet.apply().expect(0)
                fleet.sound()
        # As a cut between two renames leaves it: the new key beside the old certificate.
        fleet.host.sh(f"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {KEY}; : >{CERTIFICATE}.cso-tmp")
        fleet.apply().expect(0, "changed")
        fleet.sound()
        fleet.apply().expect(0, "unchanged")
    finally:
        world.spare_bare()
