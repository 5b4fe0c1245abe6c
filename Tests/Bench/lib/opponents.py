"""The script by hand over parallel OpenSSH clients, and `ssh host true`."""

import base64
import hashlib
import os
import re

from .fleet import BENCH
from .measure import BenchError, Command, run_together

CURVE = ["-o", "KexAlgorithms=curve25519-sha256"]


def data_bin():
    """The 1 MiB file of the role: no compression helps anybody, and it is the same bytes in every run."""
    return b"".join(hashlib.sha256(b"cso-provision benchmark %d" % block).digest() for block in range(32768))


def write_script(path, payload):
    """by-hand.sh with its payload behind it, as its author would keep it."""
    path.write_text((BENCH / "by-hand.sh").read_text() + payload + "END OF DATA\nfail \"file:$data\"\n")
    return path


class ByHand:
    """One run on all hosts at once, with what an operator gets who types the loop: a process a host."""

    def __init__(self, hosts, folder, known_hosts=None):
        self.hosts, self.folder = hosts, folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.script = write_script(folder / "by-hand.sh", base64.encodebytes(data_bin()).decode())
        # No configuration of this user's may speed up or slow down OpenSSH.
        self.client = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
                       "-o", f"UserKnownHostsFile={known_hosts or os.environ['CSO_KNOWN_HOSTS']}",
                       "-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes",
                       "-i", os.environ["CSO_SSH_KEY"], "-l", os.environ["CSO_SSH_USER"]]

    def without_payload(self):
        """For hosts that have data.bin: what the script would cost if its author kept the 1.4 MB of base64 elsewhere."""
        write_script(self.script, "")

    def ssh(self, host, words, options):
        # An address, not a name: OpenSSH is spared the question to the zone that we have to ask.
        return [*self.client, *options, "-p", str(host.port), host.address, *words]

    def true(self, options=()):
        return self._run([Command(self.ssh(host, ["true"], options)) for host in self.hosts], self.hosts)[0]

    def converge(self, options=(), hosts=None):
        """Sample, and the number of things changed on all hosts, or on some of them with all as peers."""
        hosts = hosts or self.hosts
        peers = [f"{host.full_name}={host.address}" for host in self.hosts]
        commands = [
            Command(self.ssh(host, ["sudo", "-n", "sh", "-s", "--", host.name, host.full_name, host.address, host.zone,
                                    *peers], options), stdin=str(self.script))
            for host in hosts]
        sample, results = self._run(commands, hosts)
        totals = []
        for host, result in zip(hosts, results):
            found = re.search(r"^total (\d+) changed, (\d+) unchanged$", result.stdout, re.MULTILINE)
            if not found or int(found[1]) + int(found[2]) != 40:
                raise BenchError(f"by-hand.sh on {host.name} did not account for 40 things: {result.stdout[-300:]}")
            totals.append(int(found[1]))
        return sample, sum(totals)

    def prepare(self, group=8):
        """Converges a few hosts at a time: a hundred that install packages at once starve each other on few cores."""
        for first in range(0, len(self.hosts), group):
            self.converge(CURVE, self.hosts[first:first + group])

    def unchanged(self, options=()):
        sample, changed = self.converge(options)
        if changed:
            raise BenchError(f"by-hand.sh changed {changed} things on hosts that were right",
                             "by-hand.sh and Roles/bench must say the same")
        return sample

    def _run(self, commands, hosts):
        sample, results = run_together(commands, self.folder)
        for host, result in zip(hosts, results):
            if result.code:
                raise BenchError(f"ssh to {host.name} ended with {result.code}: {result.stderr.strip()[-300:]}")
        return sample, results
