"""All that a test has to do with: the program, the hosts, copies of recipes and inventories, a scratch folder."""

import contextlib
import pathlib
import shutil
import subprocess
import tempfile
import time

from lib import keys, settings, share, standin

from . import secrets_search
from .harness import Failed, check, equal, same
from .hosts import Host
from .product import Product

REPOSITORY = settings.REPOSITORY_ROOT
RECIPES = settings.FLEET / "tests/recipes"
FLEET = settings.FLEET / "fleet"
SERVICES = ["cso-backend.service", "nginx.service"]

# Recipes of the tests' own (recipes/ROLE/ is a --roles folder) for one host or two. They need no secret, so no AWS call is made.
SMALL = """fleet: local
zone: {{name: prod-ha.cso.ss, server: 10.1.0.2, deadline: 5s}}
network: [10.1.0.0/16]
availability_zones: {{eu-west-2a: 10.1.128.0/18, eu-west-2c: 10.1.192.0/18}}
az_order: [eu-west-2c, eu-west-2a]
ssh:
  user: provision
  identity: ${{CSO_SSH_KEY}}
  known_hosts: ["${{CSO_KNOWN_HOSTS}}"]
  connect_deadline: {deadline}
{transport}roles:
  {role}:
    hosts: [{hosts}]
{parameters}"""


class World:
    def __init__(self, binary, scratch):
        self.scratch = pathlib.Path(scratch)
        self.first, self.second = Host("backend01"), Host("backend02")  # eu-west-2a, eu-west-2c
        self.backends = [self.first, self.second]
        self.frontends = [Host("frontend01"), Host("frontend02")]
        # For tests that need no secret: one to be changed, and a peer that serves meanwhile.
        self.spare, self.witness = Host("keystone02"), Host("keystone01")
        # What is tested is the checkout as it was at the beginning, whoever edits it meanwhile.
        for name in ("Roles", "Inventory"):
            shutil.copytree(REPOSITORY / name, self.scratch / name)
        self.environment = {**fleet_environment(), "HOME": str(self.folder("home")), "TMPDIR": str(self.folder("tmp")),
                            "CSO_STATE": str(self.folder("state")), "TERM": "xterm",
                            "CSO_ROLES": str(self.scratch / "Roles"), "CSO_INVENTORY": str(self.scratch / "Inventory/local")}
        for name in ("NO_COLOR", "SSH_AUTH_SOCK", "XDG_STATE_HOME", "SUDO_USER"):
            self.environment.pop(name, None)
        self.product = Product(binary, self.environment)
        self.publish()
        self._is_converged = False

    @property
    def all(self):
        return [*self.backends, *self.frontends, self.spare, self.witness]

    def folder(self, name):
        path = self.scratch / name
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def fresh_folder(self, name):
        return pathlib.Path(tempfile.mkdtemp(prefix=name + ".", dir=self.scratch))

    # --- running ---

    def apply(self, *argv, **options):
        return self.product.run("apply", *argv, "--yes", "--output", "json", **options)

    def after_a_dead_run(self, *argv, **options):
        """The run after one whose controller died. The host notices that nobody reads any more when it sends its next
        heartbeat, 5 s later at most; until then the dead run's lock counts as held, which is exit 5."""
        end = time.monotonic() + 6
        while True:
            run = self.apply(*argv, **options)
            if run.code != 5 or time.monotonic() > end:
                return run
            time.sleep(0.3)

    def plan(self, *argv, **options):
        return self.product.run("plan", *argv, "--output", "json", **options)

    def backend(self, **options):
        """The main job as a script runs it."""
        return self.apply("--role", "backend", **options)

    def recent_runs(self):
        return [str(run) for run in self.product.runs[-2:]]

    def forget_runs(self):
        self.product.runs.clear()

    def check_outputs(self):
        """Whatever a test is about: nothing that the program printed holds a secret, in any form."""
        if not self.product.runs:
            return
        wanted = secrets_search.patterns(secrets_search.held())
        for run in self.product.runs:
            found = secrets_search.in_bytes((run.out + run.err).encode(errors="replace"), wanted)
            if found:
                run.out = run.err = "(not shown: it holds secrets)"
            equal(found, [], f"secrets in the output of `{' '.join(run.argv)}`")

    def publish(self):
        """The vendor's archives as recipes name them, by the share's one writer."""
        folder = share.FOLDER / "install"
        archives = [str(standin.archive(release)) for release in standin.RELEASES]
        self.product.run("publish", *archives, "--to", str(folder), "--without-mount").expect(0)

    # --- states of the fleet ---

    def distrust(self):
        """A test failed: whatever it left is put right before the next one."""
        self._is_converged = False
        fleet("mend", *[host.name for host in self.all], check=False)

    def converged(self):
        """Both backends as the shipped recipes want them."""
        if self._is_converged:
            return
        run = self.backend(seconds=260)
        if run.code != 0:
            # A test that failed half-way may have broken more than the recipes manage.
            self.bare()
            run = self.backend(seconds=260)
        run.expect(0)
        self._is_converged = True

    def bare(self):
        """Both backends as they came, with the same keys."""
        self._is_converged = False
        fleet("reset", *[host.name for host in self.backends])

    def spare_bare(self, witness=False):
        fleet("reset", self.spare.name, *([self.witness.name] if witness else []))

    def is_converged(self):
        self._is_converged = True

    @contextlib.contextmanager
    def untouched(self, *hosts):
        """Nothing is written to these hosts' disks and their services keep running, while the body runs."""
        hosts = hosts or self.backends
        before = {host: (host.fingerprint(), host.units(*SERVICES)) for host in hosts}
        yield
        for host in hosts:
            files, units = before[host]
            same_files(host, files)
            equal(host.units(*SERVICES), units, f"services of {host.name}")

    # --- inputs ---

    def inventory(self, *edits):
        """A copy of Inventory/local with exact replacements, each of which must find its text once."""
        return self._edited(self.scratch / "Inventory/local", {"inventory.yaml": edits})

    def roles(self, edits):
        """A copy of Roles; `edits` is {path: [(old, new), ...]}."""
        return self._edited(self.scratch / "Roles", edits)

    def _edited(self, source, edits):
        target = self.fresh_folder("copy") / source.name
        shutil.copytree(source, target)
        for path, replacements in edits.items():
            file = target / path
            text = file.read_text()
            for old, new in replacements:
                count = text.count(old)
                check(count == 1, f"the test wants to replace {old!r} in {file.name}, which is there {count} times")
                text = text.replace(old, new)
            file.write_text(text)
        return str(target)

    def small(self, role, hosts=None, transport=None, deadline="5s", **parameters):
        """The environment for a run over a recipe of the tests' own. `transport` is a command instead of ssh."""
        folder = self.fresh_folder("inventory")
        hosts = hosts or [self.spare]
        lines = "".join(f"      {name}: {value}\n" for name, value in parameters.items())
        lines = "    parameters:\n" + lines if parameters else ""
        words = "" if transport is None else "  transport: {command: [" + ", ".join(quoted(w) for w in transport) + "]}\n"
        (folder / "inventory.yaml").write_text(
            SMALL.format(role=role, deadline=deadline, hosts=", ".join(h.name for h in hosts), parameters=lines, transport=words))
        return {"CSO_INVENTORY": str(folder), "CSO_ROLES": str(RECIPES / role)}

    def known_hosts(self, change):
        """A known_hosts of its own; `change` gets the lines and returns others."""
        path = self.fresh_folder("trust") / "known_hosts"
        path.write_text("".join(change(keys.KNOWN_HOSTS.read_text().splitlines(keepends=True))))
        return {"CSO_KNOWN_HOSTS": str(path)}


def quoted(word):
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def same_files(host, before):
    same(before, host.fingerprint(), f"files of {host.name}")


def fleet(*argv, check=True, quiet=True):
    """The fleet's own command."""
    done = subprocess.run([str(FLEET), *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE if quiet else None, text=True)
    if check and done.returncode != 0:
        raise Failed(f"fleet {' '.join(argv)} ended with {done.returncode}: {(done.stderr or '').strip()[-400:]}")
    return done.stdout


def fleet_environment():
    """What `eval "$(fleet env)"` gives an operator's shell."""
    text = subprocess.run(["bash", "-c", f'eval "$({FLEET} env)" && env -0'], check=True, stdout=subprocess.PIPE).stdout
    return dict(entry.split("=", 1) for entry in text.decode().split("\0") if "=" in entry)
