"""What is measured, part by part. Each returns rows for the table; raw samples go to `context.samples`."""

import dataclasses
import pathlib
import statistics

from . import fleet
from .all_roles import AllRoles
from .distance import DELAY_MS, distance
from .measure import BenchError, interleaved, median
from .opponents import CURVE, ByHand
from .ours import Ours
from .table import Row, limit_row, ratio_row


@dataclasses.dataclass
class Context:
    binary: pathlib.Path
    hosts: list
    folder: pathlib.Path
    repeat: int
    note: object
    samples: dict = dataclasses.field(default_factory=dict)
    touched: set = dataclasses.field(default_factory=set)
    doubts: list = dataclasses.field(default_factory=list)  # why figures should not be believed: the machine was busy

    def sides(self, name, hosts=None, known_hosts=None, **where):
        """Both sides over the same hosts, each in a folder of its own."""
        hosts = hosts or self.hosts
        self.touched.update(host.name for host in hosts)
        hand = ByHand(hosts, self.folder / name / "by-hand", known_hosts)
        (self.folder / name / "ours").mkdir(parents=True)
        ours = Ours(self.binary, hosts, self.folder / name / "ours", known_hosts=known_hosts, **where) if self.binary else None
        return ours, hand

    def measure(self, name, runs, repeat=None):
        self.note(f"{name}:")
        samples = interleaved(runs, repeat or self.repeat, self.note)
        self.samples[name] = samples
        # One slow run is what medians are for; a median far from the fastest means that the machine had other work.
        uneven = [one for one, runs in samples.items() if median(runs, "wall") > 1.3 * min(run.wall for run in runs)]
        if uneven:
            self.doubts.append(f"{name}: the median is more than 1.3 times the fastest run ({', '.join(uneven)})")
        return samples


def agree(ours, hand, note):
    """Converges the hosts and proves that both sides want the same 40 things: neither finds work after the other."""
    note("bringing the hosts to what the role says, and checking that both sides agree")
    if ours:
        ours.converge()
        hand.unchanged(CURVE)
        ours.unchanged()
    else:
        hand.converge(CURVE)
        hand.unchanged(CURVE)


def opponents(context):
    """The other side alone; needs no binary."""
    _, hand = context.sides("opponents")
    agree(None, hand, context.note)
    bare = ByHand(context.hosts, context.folder / "opponents/bare")
    bare.without_payload()
    samples = context.measure("opponents", {
        "by hand": hand.unchanged, "by hand, curve25519": lambda: hand.unchanged(CURVE),
        "by hand, curve25519, no payload": lambda: bare.unchanged(CURVE),
        "ssh true": hand.true, "ssh true, curve25519": lambda: hand.true(CURVE)})
    return [Row(f"no change, {len(context.hosts)} hosts: {name}", "", seconds(runs)) for name, runs in samples.items()]


def no_change(context):
    ours, hand = context.sides("no-change")
    agree(ours, hand, context.note)
    bare = ByHand(context.hosts, context.folder / "no-change/bare")
    bare.without_payload()
    samples = context.measure("no-change", {
        "cso-provision": ours.unchanged, "by hand": hand.unchanged, "by hand, curve25519": lambda: hand.unchanged(CURVE),
        "by hand, curve25519, no payload": lambda: bare.unchanged(CURVE),
        "ssh true": hand.true, "ssh true, curve25519": lambda: hand.true(CURVE)})
    mine = samples["cso-provision"]
    wall = median(mine, "wall")
    against = lambda name, limit=None: ratio_row(
        f"no change, {len(context.hosts)} hosts, against {name}", wall, median(samples[name], "wall"), limit)
    return [
        against("by hand", 0.8), against("by hand, curve25519", 1.1), against("by hand, curve25519, no payload"),
        against("ssh true"), against("ssh true, curve25519"),
        limit_row("controller's CPU, no change", median(mine, "cpu"), 0.25, lambda value: f"{value:.3f} s"),
        limit_row("controller's memory at its peak, no change", median(mine, "peak_kb") / 1024, 60, lambda value: f"{value:.0f} MB"),
        ratio_row("CPU of this machine, hosts included, against by hand, curve25519", median(mine, "machine_cpu"),
                  median(samples["by hand, curve25519"], "machine_cpu")),
    ]


def first_apply(context):
    ours, hand = context.sides("first-apply")
    expected = 40 * len(context.hosts)

    def bare_hosts(converge):
        def run():
            fleet.reset(context.hosts)
            sample, changed = converge()
            if changed < expected:
                raise BenchError(f"a first apply changed {changed} things, not {expected}: were the hosts bare?")
            return sample
        return run

    samples = context.measure("first-apply", {
        "cso-provision": bare_hosts(ours.converge), "by hand, curve25519": bare_hosts(lambda: hand.converge(CURVE))})
    mine, theirs = samples["cso-provision"], samples["by hand, curve25519"]
    hand.unchanged(CURVE)
    return [
        ratio_row(f"first apply, {len(context.hosts)} hosts, against by hand, curve25519", median(mine, "wall"),
                  median(theirs, "wall"), 1.3),
        ratio_row("CPU of this machine, first apply", median(mine, "machine_cpu"), median(theirs, "machine_cpu")),
    ]


def processes(context):
    """Process numbers that a run used up in a host's own namespace, threads included, less what asking uses."""
    ours, hand = context.sides("processes")
    agree(ours, hand, context.note)
    counts = {}
    runs = {"cso-provision": ours.unchanged, "by hand, curve25519": lambda: hand.unchanged(CURVE),
            "ssh true": lambda: hand.true(CURVE)}
    context.note("processes:")
    for _ in range(context.repeat):
        for name, run in runs.items():
            for host in context.hosts:
                fleet.last_pid(host)
            idle = {host: -fleet.last_pid(host) + fleet.last_pid(host) for host in context.hosts}
            before = {host: fleet.last_pid(host) for host in context.hosts}
            run()
            used = [fleet.last_pid(host) - before[host] - idle[host] for host in context.hosts]
            counts.setdefault(name, []).append(statistics.median(used))
    context.samples["processes"] = counts
    middle = {name: statistics.median(values) for name, values in counts.items()}
    context.note("  " + ", ".join(f"{name} {value:.0f}" for name, value in middle.items()))
    row = limit_row("processes started on a host, no change", middle["cso-provision"], 20, lambda value: f"{value:.0f}")
    row.other = f"{middle['by hand, curve25519']:.0f} by hand; {middle['ssh true']:.0f} for `true`, sshd's own"
    return [row]


# What design.md "A host's session" allows, as a relay can count it: how often the client speaks after the server spoke.
# Connecting is one more, which both sides have and the relay adds as a delay. libssh2, like OpenSSH, offers a key
# before it proves that it has it. The last counts as soon as it is said; whether anybody waits for an answer shows in the time.
ROUND_TRIPS = {
    "version": 1, "key exchange: offers": 1, "key exchange: keys": 1, "new keys, service": 1, "login: offer": 1,
    "login: proof": 1, "channel": 1, "exec and facts": 1, "observe": 1, "goodbye": 1,
}


def relay(context):
    with distance(context.hosts, context.folder / "relay") as (hosts, counter, where):
        known_hosts = where["known_hosts"]
        ours, hand = context.sides("relay/sides", hosts=hosts, **where)
        agree(ours, hand, context.note)
        trips = {}

        def counted(name, run):
            def count():
                before = counter.totals()
                sample = run()
                after = counter.totals()
                connections = after["connections"] - before["connections"]
                trips.setdefault(name, []).append((after["round_trips"] - before["round_trips"]) / max(connections, 1))
                if connections != len(hosts):
                    raise BenchError(f"{connections} connections for {len(hosts)} hosts: {name}")
                return sample
            return count

        samples = context.measure("relay", {
            "cso-provision": counted("cso-provision", ours.unchanged), "by hand": counted("by hand", hand.unchanged),
            "by hand, curve25519": counted("by hand, curve25519", lambda: hand.unchanged(CURVE))})
        context.samples["round trips"] = trips
    wall = median(samples["cso-provision"], "wall")
    mine = statistics.median(trips["cso-provision"])
    allowed = sum(ROUND_TRIPS.values())
    away = f"hosts {2 * DELAY_MS} ms away"
    return [
        ratio_row(f"{away}, no change, against by hand", wall, median(samples["by hand"], "wall"), 0.8),
        ratio_row(f"{away}, no change, against by hand, curve25519", wall, median(samples["by hand, curve25519"], "wall"), 1.1),
        Row(f"{away}: round trips of a connection", f"{mine:.1f}",
            f"{statistics.median(trips['by hand, curve25519']):.1f} by hand", None, f"≤ {allowed}", mine <= allowed),
    ]


def all_roles(context):
    """The whole fleet as it is shipped; its eight hosts, whatever --hosts says."""
    side = AllRoles(context.binary, context.folder / "all-roles", context.note)
    context.touched.update(side.prepare())
    context.note("all roles: from bare hosts, once")
    first = side.run("aws", "changed")
    context.samples["all-roles, first"] = {"cso-provision": [first]}
    side.run("file", "unchanged")
    samples = context.measure("all-roles", {"secrets from the aws CLI": lambda: side.run("aws", "unchanged"),
                                            "secrets from files": lambda: side.run("file", "unchanged")})
    return [Row("`--all --yes`, every role, from bare hosts (one run)", f"{first.wall:.0f} s"),
            *(Row(f"`--all --yes`, every role, nothing to do, {name}", seconds(runs)) for name, runs in samples.items())]


def scale(context, few):
    """All hosts of --hosts against the first `few` of them."""
    many = context.hosts
    small, _ = context.sides("scale/few", hosts=many[:few])
    large, hand = context.sides("scale/many")
    # The few know fewer peers, so that their peers.conf differs: they are converged anew before each is timed.
    context.note(f"bringing {len(many)} hosts to what the role says")
    hand.prepare()
    small.converge()
    few_samples = context.measure(f"scale, {few} hosts", {"cso-provision": small.unchanged})
    large.converge()
    hand.unchanged(CURVE)
    many_samples = context.measure(f"scale, {len(many)} hosts", {
        "cso-provision": large.unchanged, "by hand, curve25519": lambda: hand.unchanged(CURVE)})
    mine = many_samples["cso-provision"]
    rows = []
    for key, what in (("wall", "time"), ("cpu", "controller's CPU")):
        small_cost = median(few_samples["cso-provision"], key) / few * 1000
        large_cost = median(mine, key) / len(many) * 1000
        rows.append(Row(f"{what} for a host among {len(many)}, against among {few}", f"{large_cost:.1f} ms",
                        f"{small_cost:.1f} ms", large_cost / small_cost, "≤ 1.0", large_cost <= small_cost))
    rows.append(ratio_row(f"no change, {len(many)} hosts, against by hand, curve25519", median(mine, "wall"),
                          median(many_samples["by hand, curve25519"], "wall")))
    rows.append(Row(f"controller's memory at its peak, {len(many)} hosts", f"{median(mine, 'peak_kb') / 1024:.0f} MB"))
    return rows


def seconds(samples):
    return f"{median(samples, 'wall'):.3f} s, {median(samples, 'cpu'):.2f} CPU s"
