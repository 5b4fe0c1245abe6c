"""Which hosts there are: the table in hosts.list, and those that `fleet add` made, kept in the state folder."""

import dataclasses
import ipaddress
import json
import re

from . import settings as s
from .shell import FleetError

ADDED = s.STATE / "added.json"
GUESTS = s.STATE / "guests.json"  # apart: a checkout from before there were any would boot them as containers


@dataclasses.dataclass(frozen=True)
class Host:
    name: str
    address: str
    zone: str
    added: bool = False
    bare: bool = False  # as a cloud hands it over: the cloud's user, keys made at first boot, nothing in known_hosts

    @property
    def role(self):
        return re.match(r"[a-z]+", self.name)[0]

    @property
    def is_amazon(self):
        """By its name alone: hosts called amazonNN have dnf and rpm (see amazon.py)."""
        return self.role == "amazon"

    @property
    def is_guest(self):
        """Hosts called efsNN have a kernel of their own, with NFS (see guest.py)."""
        return self.role == "efs"

    @property
    def has_role(self):
        return self.role not in ("load", "amazon", "efs")

    @property
    def namespace(self):
        return "cso-" + self.name

    @property
    def link(self):
        """The router's end of the cable; an interface name has 15 characters."""
        return "v-" + self.name[:13]

    @property
    def full_name(self):
        return f"{self.name}.{s.ZONE}"


def hosts():
    rows = [line.split("#")[0].split() for line in (s.FLEET / "hosts.list").read_text().splitlines()]
    return [Host(*row) for row in rows if row] + added()


def added():
    return [Host(**row) for file in (ADDED, GUESTS) if file.exists() for row in json.loads(file.read_text())]


def find(name):
    for host in hosts():
        if host.name == name:
            return host
    raise FleetError(f"no host is called {name}; there are {', '.join(h.name for h in hosts())}")


def save_added(rows):
    ADDED.parent.mkdir(parents=True, exist_ok=True)
    for file, is_guest in ((ADDED, False), (GUESTS, True)):
        sibling = file.with_suffix(".tmp")
        sibling.write_text(json.dumps([dataclasses.asdict(row) for row in rows if row.is_guest == is_guest], indent=1))
        sibling.rename(file)


def new_host(name, bare, address=None):
    """An added host. Odd numbers live in eu-west-2a, even ones in eu-west-2c, as the eight do. A third member takes the
    address after its role's first; hosts for load (load001 ...) have a range of their own. By name alone, so that the
    same name always comes back with the same address unless another is asked for."""
    match = re.fullmatch(r"(backend|frontend|keystone|rabbitmq|amazon|efs|load)(\d{2,3})", name)
    if not match or int(match[2]) == 0:
        raise FleetError(f"{name} is not a name for a host", "a role and two digits (backend03), or load001 to load999")
    role, number = match[1], int(match[2])
    zone = "eu-west-2a" if number % 2 else "eu-west-2c"
    step = (number - 1) // 2
    third = 128 if number % 2 else 192
    if role == "load":
        offset = f"{third + 16 + step // 200}.{10 + step % 200}"
    else:
        if step > 9:
            raise FleetError(f"{name} has no address: a role has ten in each zone")
        offset = f"{third}.{ {'backend': 11, 'frontend': 21, 'keystone': 31, 'rabbitmq': 41, 'amazon': 51, 'efs': 61}[role] + step}"
    if address is not None and ipaddress.ip_address(address) not in ipaddress.ip_network(s.ZONES[zone][0]):
        raise FleetError(f"{address} is not in {zone} ({s.ZONES[zone][0]})")
    host = Host(name, address or "10.1." + offset, zone, added=True, bare=bare)
    for other in hosts():
        if host.name == other.name:
            raise FleetError(f"{name} exists already", f"fleet remove {name}")
        if host.address == other.address:
            raise FleetError(f"{host.address} is taken by {other.name}")
    return host
