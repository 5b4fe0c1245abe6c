"""Hosts of their own for tests of package managers: one with dnf, one with apt, added for the tests and removed after them."""

import shutil

from lib import amazon, roster

from .harness import wait_until
from .hosts import Host
from .world import SMALL, fleet

KEYS = amazon.SERVED["rpm"] / "keys"


added = set()


def host(name):
    """Added when it is first asked for, and removed when all tests are over."""
    added.add(name)
    if not any(row.name == name for row in roster.hosts()):
        fleet("add", name)
    found = Host(name)
    found.await_banner()
    return found


def fresh(name):
    """The same, as it came."""
    found = host(name)
    fleet("reset", name)
    found.await_banner()
    # Requests and locks of its own boot are over.
    wait_until(lambda: found.sh("systemctl is-system-running || true").strip() in ("running", "degraded"), 30, "it has booted")
    return found


def remove_all():
    rows = {row.name for row in roster.hosts()}
    if added & rows:
        fleet("remove", *sorted(added & rows), check=False)


def kill_steps(host):
    """SIGKILL for all of a supervised step, as when the machine loses its power in the middle."""
    host.sh("for unit in $(systemctl list-units --plain --no-legend 'cso-*' | cut -d ' ' -f 1); do systemctl kill -s KILL $unit; done")


def fingerprint(who):
    return (KEYS / f"{who}.fingerprint").read_text().strip()


class Recipe:
    """A role of one host, whose resources are given anew for each run."""

    def __init__(self, world, target):
        self.world, self.host = world, target
        self.folder = world.fresh_folder("packages")
        (self.folder / "roles/packages/files").mkdir(parents=True)
        (self.folder / "inventory").mkdir()
        (self.folder / "inventory/inventory.yaml").write_text(
            SMALL.format(role="packages", deadline="5s", hosts=target.name, parameters="", transport=""))
        self.environment = {"CSO_INVENTORY": str(self.folder / "inventory"), "CSO_ROLES": str(self.folder / "roles")}

    def write(self, *resources):
        # A file that no resource uses is a mistake.
        for key in KEYS.iterdir():
            if any(f"key: {key.name}" in resource for resource in resources):
                shutil.copy(key, self.folder / "roles/packages/files")
            else:
                (self.folder / "roles/packages/files" / key.name).unlink(missing_ok=True)
        lines = "".join(f"  - {resource}\n" for resource in resources)
        (self.folder / "roles/packages/role.yaml").write_text(
            f"role: packages\ndescription: For tests only.\nmembers_at_once: all\nresources:\n{lines}")

    def apply(self, *resources, **options):
        self.write(*resources)
        return self.world.apply("--role", "packages", env=self.environment, **options)

    def plan(self, *resources):
        self.write(*resources)
        return self.world.plan("--role", "packages", env=self.environment)

    def converge(self, *resources):
        """Applied, and a second run finds nothing to do."""
        run = self.apply(*resources).expect(0, "changed")
        self.apply(*resources).expect(0, "unchanged")
        return run

    def start(self, *resources):
        self.write(*resources)
        return self.world.product.start("apply", "--role", "packages", "--yes", "--output", "json", env=self.environment)

    def reason(self, run):
        return run.hosts[self.host.name]["reason"]
