"""The VPC: a router's namespace with a bridge for each availability zone, and a namespace for each host.

As in a real VPC no two hosts share a wire: bridge ports are isolated from each other and the router answers every
ARP question itself (proxy_arp_pvlan), so all traffic crosses its forward hook, also between two hosts of one zone.
That is what makes `cut` exact. A cut is a black hole (packets vanish, nobody says "unreachable"), since that is what
a lost zone or a stopped instance looks like from a security group's other side.
"""

import ipaddress
import json
import os
import pathlib

from . import roster, settings as s
from .shell import FleetError, run

CUTS = s.RUN / "cuts.json"


def namespaces():
    """Ours, by their prefix; `ip netns` keeps one file each."""
    folder = pathlib.Path("/run/netns")
    return sorted(p.name for p in folder.iterdir() if p.name.startswith("cso-")) if folder.is_dir() else []


def refuse_if_taken():
    """Our /16 may not hide a network that this machine needs for something else."""
    ours = ipaddress.ip_network(s.NETWORK)
    for route in json.loads(run("ip", "-json", "-4", "route", "show", "table", "all") or "[]"):
        if route["dst"] == "default" or route.get("dev") == s.JUMP_LINK:
            continue
        if ipaddress.ip_network(route["dst"], strict=False).overlaps(ours):
            raise FleetError(f"this machine already uses {route['dst']} on {route.get('dev')}, "
                             f"which overlaps the fleet's {s.NETWORK}", "run the fleet on another machine")


def ensure_vpc():
    refuse_if_taken()
    if s.VPC not in namespaces():
        run("ip", "netns", "add", s.VPC)
    have = {link["ifname"] for link in json.loads(run("ip", "-n", s.VPC, "-json", "link"))}
    steps = ["link set lo up"]
    for zone, (subnet, bridge) in s.ZONES.items():
        if bridge in have:
            continue
        length = subnet.split("/")[1]
        steps += [f"link add {bridge} type bridge", f"addr add {s.ROUTER[zone]}/{length} dev {bridge}", f"link set {bridge} up"]
    for zone, (subnet, bridge) in s.ZONES.items():
        steps += [f"addr replace {address}/{subnet.split('/')[1]} dev {bridge}" for address in s.SERVICE_ADDRESSES[zone]]
    batch(steps, s.VPC)
    settings = {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.send_redirects": 0}
    for _, bridge in s.ZONES.values():
        settings[f"net.ipv4.conf.{bridge}.proxy_arp_pvlan"] = 1
        # A proxy waits up to 0.8 s before it answers, in case the owner does; here the owner cannot be heard.
        settings[f"net.ipv4.neigh.{bridge}.proxy_delay"] = 0
        # A redirect would tell hosts to talk directly, which isolated ports never can.
        settings[f"net.ipv4.conf.{bridge}.send_redirects"] = 0
    writes = "".join(f"echo {value} > /proc/sys/{key.replace('.', '/')};" for key, value in settings.items())
    run("ip", "netns", "exec", s.VPC, "sh", "-ec", writes)
    ensure_jump()
    apply_cuts()


def ensure_jump():
    """The jump server is this machine: one cable into the public subnet, and a route to the rest."""
    if not os.path.exists(f"/sys/class/net/{s.JUMP_LINK}"):
        bridge = s.ZONES["public"][1]
        run("ip", "link", "add", s.JUMP_LINK, "type", "veth", "peer", "name", "v-jump", "netns", s.VPC)
        batch([f"link set v-jump master {bridge}", "link set v-jump type bridge_slave isolated on",
               "link set v-jump up"], s.VPC)
        batch([f"addr add {s.JUMP}/18 dev {s.JUMP_LINK}", f"link set {s.JUMP_LINK} up",
               f"route add {s.NETWORK} via {s.ROUTER['public']} dev {s.JUMP_LINK}"])


def attach(host):
    """A namespace with one interface named as on a Nitro instance. The cable ends in the zone's bridge."""
    if host.namespace in namespaces():
        return
    bridge = s.ZONES[host.zone][1]
    run("ip", "netns", "add", host.namespace)
    run("ip", "-n", s.VPC, "link", "add", host.link, "type", "veth", "peer", "name", "ens5", "netns", host.namespace)
    batch([f"link set {host.link} master {bridge}", f"link set {host.link} type bridge_slave isolated on",
           f"link set {host.link} up"], s.VPC)
    batch(["link set lo up", f"addr add {host.address}/18 dev ens5", "link set ens5 up",
           f"route add default via {s.ROUTER[host.zone]}"], host.namespace)


def detach(host):
    """Deleting the namespace deletes its end of the cable, and with it the other."""
    if host.namespace in namespaces():
        run("ip", "netns", "del", host.namespace)
    run("ip", "-n", s.VPC, "link", "del", host.link, check=False)


def remove_all():
    if os.path.exists(f"/sys/class/net/{s.JUMP_LINK}"):
        run("ip", "link", "del", s.JUMP_LINK)
    for name in namespaces():
        run("ip", "netns", "del", name)
    CUTS.unlink(missing_ok=True)


def pids_inside():
    """Processes in our namespaces, whoever started them: a namespace with a process in it would outlive its name."""
    return {int(pid) for name in namespaces() for pid in run("ip", "netns", "pids", name, check=False).split()}


def batch(steps, namespace=None):
    where = ["-n", namespace] if namespace else []
    run("ip", *where, "-batch", "-", input="\n".join(steps) + "\n")


# --- cuts ----------------------------------------------------------------------------------------------------------


def _silenced():
    """What is silent now, by reason. Kept in the run folder, so that a cut ends with the fleet."""
    return json.loads(CUTS.read_text()) if CUTS.exists() else {"cut": [], "stopped": []}


def _silence(reason, name, on):
    now = _silenced()
    now[reason] = sorted(set(now[reason]) | {name} if on else set(now[reason]) - {name})
    CUTS.write_text(json.dumps(now))
    apply_cuts()


def cuts():
    return set(_silenced()["cut"])


def stopped():
    return set(_silenced()["stopped"])


SERVICES = {"database": ([s.DATABASE], s.DATABASE_PORT), "efs": (list(s.MOUNT_TARGETS.values()), s.SHARE_PORT)}


def set_cut(name, cut):
    """`name` is a host, an availability zone or a service."""
    if name not in s.ZONES and name not in SERVICES:
        roster.find(name)
    _silence("cut", name, cut)


def set_stopped(name, off):
    _silence("stopped", name, off)


def forget(name):
    for reason in ("cut", "stopped"):
        if name in _silenced()[reason]:
            _silence(reason, name, False)


def apply_cuts():
    """Replaces all rules at once (nft -f is atomic). Within a zone that is cut off its hosts still see each other."""
    rules = []
    for name in sorted(cuts() | stopped()):
        if name in s.ZONES:
            subnet = s.ZONES[name][0]
            rules += [f"ip saddr {subnet} ip daddr != {subnet} drop", f"ip daddr {subnet} ip saddr != {subnet} drop"]
        elif name in SERVICES:
            addresses, port = SERVICES[name]
            for address in addresses:
                rules += [f"ip daddr {address} tcp dport {port} drop", f"ip saddr {address} tcp sport {port} drop"]
        else:
            address = roster.find(name).address
            rules += [f"ip saddr {address} drop", f"ip daddr {address} drop"]
    chains = "".join(f" chain {hook} {{ type filter hook {hook} priority 0; {'; '.join(rules)}{';' if rules else ''} }}\n"
                     for hook in ("forward", "input", "output"))
    text = f"table ip cso_cut\ndelete table ip cso_cut\ntable ip cso_cut {{\n{chains}}}\n"
    run("ip", "netns", "exec", s.VPC, "nft", "-f", "-", input=text)
