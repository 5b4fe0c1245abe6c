"""Hosts 40 ms away: the fleet's relay on addresses of this machine's loopback, and a zone that names them.

Both sides go the same way at no other cost: each host has an address 127.64.x.y that stands for its 10.1.x.y and leads to
it through the relay. OpenSSH is given that address; cso-provision asks a zone of the benchmark's own, which answers with
it. (A proxy command would add a process for each host to one side.)
"""

import contextlib
import dataclasses
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

from .fleet import RELAY, ZONE
from .measure import BenchError

PORT = 22022  # not 22: this machine may have an sshd of its own on all addresses
NETWORK = {"NETWORK": "127.64.0.0/16", "ZONE_A": "127.64.128.0/18", "ZONE_C": "127.64.192.0/18"}
DELAY_MS = 20


def far(host):
    return dataclasses.replace(host, address=host.address.replace("10.1.", "127.64.", 1), port=PORT)


class Relay:
    def __init__(self, hosts, folder):
        self.counts = folder / "counts.json"
        maps = [word for host in hosts for word in ("--map", f"{far(host).address}:{PORT}={host.address}:{host.port}")]
        # With the round trip of connecting, since a kernel that is 40 ms away would not have accepted at once.
        self.process = subprocess.Popen(
            [sys.executable, str(RELAY), *maps, "--delay-ms", str(DELAY_MS), "--delay-connect", "--count", str(self.counts)],
            stdout=subprocess.PIPE)
        if not self.process.stdout.readline():
            raise BenchError("the relay did not start", f"is port {PORT} of 127.64.0.0/16 taken?")

    def totals(self):
        """Counted so far, over all hosts."""
        self.counts.unlink(missing_ok=True)
        os.kill(self.process.pid, signal.SIGUSR1)
        end = time.monotonic() + 5
        while not self.counts.exists():
            if time.monotonic() > end:
                raise BenchError("the relay does not tell its counts")
            time.sleep(0.01)
        return json.loads(self.counts.read_text())["total"]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait()
        except ChildProcessError:
            pass


class NameServer:
    """A zone of A records over UDP, in a thread; what is not in it does not exist. Enough for one resolver's questions."""

    def __init__(self, hosts):
        self.records = {host.full_name: socket.inet_aton(far(host).address) for host in hosts}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.64.0.2", 0))
        self.address = "%s:%d" % self.socket.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
            except OSError:
                return  # closed
            self.socket.sendto(self.answer(question), client)

    def answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode("ascii", "replace"))
            at += 1 + query[at]
        name, (kind,) = ".".join(labels).lower(), struct.unpack(">H", query[at + 1:at + 3])
        asked, record = query[12:at + 5], self.records.get(name)
        answer = soa = b""
        if record and kind == 1:
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + record
        else:
            zone = b"".join(bytes([len(part)]) + part.encode() for part in ZONE.split(".")) + b"\0"
            data = zone + zone + struct.pack(">5I", 1, 3600, 600, 86400, 60)
            soa = zone + struct.pack(">HHIH", 6, 1, 60, len(data)) + data
        code = 0 if record else 3
        flags = 0x8400 | (query[2] & 1) << 8 | code
        header = query[:2] + struct.pack(">HHHHH", flags, 1, 1 if answer else 0, 1 if soa else 0, 0)
        return header + asked + answer + soa

    def stop(self):
        self.socket.close()


def write_known_hosts(hosts, path):
    """The fleet's keys under the names and the port by which the relay offers them."""
    lines = []
    for host in hosts:
        found = subprocess.run(["ssh-keygen", "-F", host.address, "-f", os.environ["CSO_KNOWN_HOSTS"]],
                               capture_output=True, text=True).stdout
        keys = [line.split(" ", 1)[1] for line in found.splitlines() if line and not line.startswith("#")]
        if not keys:
            raise BenchError(f"no key of {host.address} in {os.environ['CSO_KNOWN_HOSTS']}", "Tests/Fleet/fleet trust")
        names = ",".join(f"[{name}]:{PORT}" for name in (host.full_name, host.name, far(host).address))
        lines += [f"{names} {key}\n" for key in keys]
    path.write_text("".join(lines))
    return path


@contextlib.contextmanager
def distance(hosts, folder):
    """Yields (far hosts, relay, arguments that point `Ours` at them)."""
    folder.mkdir(parents=True, exist_ok=True)
    known_hosts = write_known_hosts(hosts, folder / "known_hosts")
    relay, names = Relay(hosts, folder), NameServer(hosts)
    try:
        yield [far(host) for host in hosts], relay, dict(network=NETWORK, resolver=names.address, known_hosts=known_hosts)
    finally:
        relay.stop()
        names.stop()
