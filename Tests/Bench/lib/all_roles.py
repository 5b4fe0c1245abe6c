"""`--all --yes` over the whole fleet as it is shipped: every role, with secrets from Secrets Manager and from files."""

import json
import os
import pathlib
import re
import shutil
import subprocess

from . import fleet
from .measure import BenchError, Command, run_together

REPOSITORY = fleet.BENCH.parent.parent
# `  passwords: {aws: NAME, region: eu-west-2}` of the inventory's secrets.
SOURCE = re.compile(r'^  (\w+): \{aws: "?([^,}"]+)"?, region: ([^,}]+)\}$', re.MULTILINE)


class AllRoles:
    """The shipped roles and the embedded fleet's inventory, in a folder of their own."""

    def __init__(self, binary, folder, note):
        self.binary, self.folder, self.note = str(binary), pathlib.Path(folder), note
        self.folder.mkdir(parents=True, mode=0o700)
        shutil.copytree(REPOSITORY / "Roles", self.folder / "Roles")
        shutil.copytree(REPOSITORY / "Inventory/local", self.folder / "aws")
        words = subprocess.run(["bash", "-c", f'eval "$({fleet.FLEET} env)" && env -0'], check=True, stdout=subprocess.PIPE).stdout
        self.environment = dict(entry.split("=", 1) for entry in words.decode().split("\0") if "=" in entry)
        self.environment |= {"CSO_STATE": str(self.folder / "state"), "CSO_ROLES": str(self.folder / "Roles")}

    def prepare(self):
        """Bare hosts, a new database and the share as in a new fleet, then everything that an operator does before the first run."""
        there = fleet.known()
        hosts = [name for name in there if re.fullmatch(r"(backend|frontend|keystone|rabbitmq)0[12]", name)]
        self.note("all roles: bare hosts, a new database, secrets, the vendor's archive")
        fleet.fleet("database", "reset")
        fleet.fleet("share", "reset")
        fleet.reset([there[name] for name in hosts])
        self.call("secrets", "init", "--yes", "--all", "--inventory", str(self.folder / "aws"))
        archives = sorted(map(str, pathlib.Path("/var/lib/cso-fleet/share/install").glob("installation-package-*.jar")))
        self.call("publish", *archives, "--to", "/var/lib/cso-fleet/share/install", "--without-mount")
        self.from_files()
        return hosts

    def call(self, *argv):
        done = subprocess.run([self.binary, *argv], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise BenchError(f"cso-provision {argv[0]} ended with {done.returncode}: {done.stderr.strip()[-800:]}")

    def from_files(self):
        """The same inventory with its secrets in files, which costs no `aws` and no network."""
        folder = self.folder / "file"
        shutil.copytree(self.folder / "aws", folder)
        text = (folder / "inventory.yaml").read_text()

        def written(source):
            name, secret, region = source.groups()
            path = folder / f"{name}.json"
            answer = subprocess.run(["aws", "secretsmanager", "get-secret-value", "--secret-id", secret, "--region", region,
                                     "--output", "json"], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True)
            if answer.returncode:
                raise BenchError(f"Secrets Manager gives no {secret}: {answer.stderr.decode(errors='replace').strip()[-300:]}")
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(answer.stdout)
            return f"  {name}: {{file: {path.name}}}"

        text, count = SOURCE.subn(written, text)
        if not count or "{aws:" in text:
            raise BenchError("the inventory's secrets are not written as this part of the benchmark reads them",
                             "see SOURCE in Tests/Bench/lib/all_roles.py")
        (folder / "inventory.yaml").write_text(text)

    def run(self, secrets, wanted):
        """One `--all --yes`; `secrets` is aws or file. Any other outcome than `wanted` on any host is an error."""
        argv = [self.binary, "apply", "--all", "--yes", "--output", "json", "--inventory", str(self.folder / secrets)]
        sample, (result,) = run_together([Command(argv, environment=self.environment)], self.folder)
        try:
            hosts = json.loads(result.stdout)["hosts"]
        except (ValueError, KeyError):
            raise BenchError(f"cso-provision ended with {result.code} and no JSON: {result.stderr.strip()[-1500:]}") from None
        other = [f"{host['host']} {host['outcome']}: {host.get('reason')}" for host in hosts if host["outcome"] != wanted]
        if result.code or other or len(hosts) != 8:
            raise BenchError(f"--all --yes ended with {result.code} for {len(hosts)} hosts, not {wanted}: {'; '.join(other[:3])}")
        return sample
