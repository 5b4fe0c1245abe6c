"""cso-provision as the benchmark runs it: a folder with the role and an inventory of just the measured hosts."""

import json
import os
import shutil

from .fleet import BENCH, ZONE
from .measure import BenchError, Command, run_together
from .opponents import data_bin

FLEET_NETWORK = {"NETWORK": "10.1.0.0/16", "ZONE_A": "10.1.128.0/18", "ZONE_C": "10.1.192.0/18"}


class Ours:
    def __init__(self, binary, hosts, folder, network=None, resolver=None, known_hosts=None):
        self.binary, self.hosts, self.folder = binary, hosts, folder
        self.roles, self.inventory = folder / "Roles", folder / "Inventory"
        shutil.copytree(BENCH / "Roles", self.roles)
        (self.roles / "bench/files/data.bin").write_bytes(data_bin())
        self.inventory.mkdir()
        blanks = {**(network or FLEET_NETWORK), "ZONE": ZONE, "RESOLVER": resolver or os.environ["CSO_RESOLVER"],
                  "USER": os.environ["CSO_SSH_USER"], "PORT": str(hosts[0].port),
                  "HOSTS": ", ".join(host.name for host in hosts)}
        text = (BENCH / "inventory.yaml.in").read_text()
        for blank, value in blanks.items():
            text = text.replace(f"@{blank}@", value)
        (self.inventory / "inventory.yaml").write_text(text)
        # What an earlier run left on this machine is not to be read, and what this one leaves goes with its folder.
        self.environment = {**os.environ, "CSO_STATE": str(folder / "state")}
        if known_hosts:
            self.environment["CSO_KNOWN_HOSTS"] = str(known_hosts)

    def argv(self):
        return [str(self.binary), "apply", "--all", "--yes", "--output", "json",
                "--inventory", str(self.inventory), "--roles", str(self.roles)]

    def converge(self):
        """Sample, and the number of resources changed on all hosts. Anything but converged hosts is an error."""
        sample, (result,) = run_together([Command(self.argv(), environment=self.environment)], self.folder)
        try:
            document = json.loads(result.stdout)
        except ValueError:
            raise BenchError(f"cso-provision ended with {result.code} and no JSON: {result.stderr.strip()[-1500:]}",
                             " ".join(self.argv())) from None
        bad = [host for host in document.get("hosts", []) if host["outcome"] not in ("changed", "unchanged")]
        if result.code or bad or len(document.get("hosts", [])) != len(self.hosts):
            reasons = "; ".join(f"{host['host']} {host['outcome']}: {host['reason']}" for host in bad[:3])
            raise BenchError(f"cso-provision ended with {result.code}: {reasons or result.stderr.strip()[-1500:]}",
                             " ".join(self.argv()))
        return sample, sum(len(host["changes"]) for host in document["hosts"])

    def unchanged(self):
        sample, changed = self.converge()
        if changed:
            raise BenchError(f"cso-provision changed {changed} resources on hosts that were right",
                             "by-hand.sh and Roles/bench must say the same")
        return sample
