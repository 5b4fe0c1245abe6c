"""The embedded fleet as the benchmark uses it: through its command alone."""

import dataclasses
import json
import os
import pathlib
import re
import shlex
import subprocess
import time

from .measure import BenchError

BENCH = pathlib.Path(__file__).resolve().parent.parent
FLEET = BENCH.parent / "Fleet" / "fleet"
RELAY = BENCH.parent / "Fleet" / "relay.py"
ZONE = "prod-ha.cso.ss"
MEMORY_OF_A_HOST = 20  # MB; 100 hosts used 1.3 GB


@dataclasses.dataclass(frozen=True)
class Host:
    name: str
    address: str
    zone: str
    port: int = 22

    @property
    def full_name(self):
        return f"{self.name}.{ZONE}"


def fleet(*words, check=True, quiet=True):
    done = subprocess.run([str(FLEET), *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE if quiet else None)
    if check and done.returncode:
        raise BenchError(f"fleet {' '.join(words[:4])} failed: {(done.stderr or '').strip()}", "Tests/Fleet/fleet status")
    return done.stdout


def ensure_up(note):
    """Brings the fleet up if it is down, and takes over its environment. A host that is off is `choose`'s business."""
    state = json.loads(fleet("status", "--json", check=False) or "{}")
    if not state.get("complete") or not all(state["services"].values()):
        note("the fleet is not up: bringing it up")
        fleet("up", quiet=False)
    for line in fleet("env").splitlines():
        found = re.match(r"export (\w+)=(.*)", line)
        if found and found[1] != "PATH":
            os.environ[found[1]] = shlex.split(found[2])[0]


def known():
    """All hosts of the fleet, by name."""
    rows = json.loads(fleet("status", "--json", check=False))["hosts"]
    return {row["host"]: Host(row["host"], row["address"], row["az"]) for row in rows}


def start_those_off(hosts, note):
    rows = json.loads(fleet("status", "--json", check=False))["hosts"]
    off = {row["host"] for row in rows if row["state"] != "up"} & {host.name for host in hosts}
    if off:
        note(f"starting {', '.join(sorted(off))}")
        fleet("start", *sorted(off))


def choose(wanted, note):
    """The hosts to measure, all on: a number (the fleet's eight, then load001 ...) or names. With those that it added."""
    there = known()
    if not wanted.isdigit():
        names = wanted.split(",")
        strangers = [name for name in names if name not in there]
        if strangers:
            raise BenchError(f"no host is called {', '.join(strangers)}", "fleet add NAME, or choose from `fleet status`")
        chosen = [there[name] for name in names]
        start_those_off(chosen, note)
        return chosen, []
    count = int(wanted)
    names = [name for name in there if not name.startswith("load") and re.search("0[12]$", name)][:count]
    names += [f"load{number:03}" for number in range(1, count - len(names) + 1)]
    missing = [name for name in names if name not in there]
    add(missing, note)
    there = known()
    chosen = [there[name] for name in names]
    start_those_off(chosen, note)
    return chosen, missing


def add(names, note):
    """In groups, each after a look at what memory is left: a machine that runs out of it measures nothing."""
    for first in range(0, len(names), 23):
        group = names[first:first + 23]
        free = available_memory()
        if free < len(group) * MEMORY_OF_A_HOST + 1024:
            raise BenchError(f"{free} MB of memory are left, too little for {len(group)} more hosts", "ask for fewer with --hosts")
        note(f"adding {group[0]} to {group[-1]} ({free} MB of memory free)")
        fleet("add", *group)


def remove(names, note):
    if names:
        note(f"removing {len(names)} hosts that were added")
        fleet("remove", *names)


def available_memory():
    return int(re.search(r"MemAvailable:\s+(\d+)", open("/proc/meminfo").read())[1]) // 1024


def reset(hosts):
    """Bare hosts, booted and at rest: a boot that still goes on would be timed with what comes next."""
    fleet("reset", *[host.name for host in hosts])
    settle(hosts)


def settle(hosts, deadline=120):
    end = time.monotonic() + deadline
    for host in hosts:
        while True:
            state = fleet("exec", host.name, "--", "systemctl", "is-system-running", check=False).strip()
            if state in ("running", "degraded"):
                break
            if time.monotonic() > end:
                raise BenchError(f"{host.name} is still {state or 'silent'} after {deadline} s", f"fleet reset {host.name}")
            time.sleep(0.3)


def last_pid(host):
    """The newest process number in the host's own namespace. Asking starts processes too: see `parts.processes`."""
    return int(fleet("exec", host.name, "--", "cat", "/proc/sys/kernel/ns_last_pid"))
