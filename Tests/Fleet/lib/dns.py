"""The resolver of the VPC: BIND, with Route 53's private zone, the names that AWS itself gives (RDS, EFS), and a zone of
answers that a controller must refuse. EFS's name is another address in each availability zone, as in AWS.

Debian's own named.service is never used: this process has its own configuration and folder, and ends with the fleet.
"""

import shutil
import signal
import time

from . import roster, services, settings as s
from .cgroups import Group

FOLDER = s.RUN / "dns"

# What a controller has to refuse (README.md "Names that must be refused").
FAULTS = {
    "public": "203.0.113.5",   # a public answer: the query left the VPC
    "twin-a": "10.1.128.77",   # two names, one address
    "twin-b": "10.1.128.77",
}
BROKEN = "broken.cso.ss"
FORGOTTEN = ("forgotten01", "10.1.128.99")  # in the zone, declared by nobody


def route53_records():
    """What the organisation wrote into its zone, as (name, type, value) relative to it. Hosts that are none of the
    organisation's are left out: those for load, and those with dnf."""
    rows = [(host.name, "A", host.address) for host in roster.hosts() if host.has_role]
    return rows + [("mysql", "CNAME", s.DATABASE_NAME + "."), (FORGOTTEN[0], "A", FORGOTTEN[1])]


def records():
    """What the resolver answers in the zone: the other hosts too, and keystone's common name, which in production is the
    load balancer's: here it is both members."""
    others = [(host.name, "A", host.address) for host in roster.hosts() if not host.has_role]
    common = [("keystone", "A", host.address) for host in roster.hosts() if host.name in ("keystone01", "keystone02")]
    return route53_records() + others + common


def below(name, zone):
    return name.removesuffix("." + zone)


def head(zone, ttl=300):
    # The last number is how long "no such name" may be remembered. Route 53 says 86400 at most and 900 by its SOA.
    serial = int(time.time())
    return f"$TTL {ttl}\n@ IN SOA ns.{zone}. hostmaster.{zone}. {serial} 7200 900 1209600 900\n@ IN NS ns.{zone}.\n"


def write():
    FOLDER.mkdir(parents=True, exist_ok=True)
    here = [f"ns IN A {s.RESOLVER}"]
    zones = {s.ZONE: [f"{name} IN {kind} {value}" for name, kind, value in records()] + here,
             "faults.cso.ss": [f"{name} IN A {address}" for name, address in FAULTS.items()] + here}
    for zone, rows in zones.items():
        (FOLDER / zone).write_text(head(zone) + "\n".join(rows) + "\n")
    # RDS keeps its names for five seconds, since a failover is another address.
    (FOLDER / s.DATABASE_ZONE).write_text(
        head(s.DATABASE_ZONE, 5) + "\n".join([f"{below(s.DATABASE_NAME, s.DATABASE_ZONE)} IN A {s.DATABASE}", *here]) + "\n")
    # A zone that is declared and cannot be loaded: BIND answers SERVFAIL for every name below it.
    (FOLDER / BROKEN).write_text("this is not a zone file\n")
    # An empty root stands for the internet: any other name does not exist, at once, and no query is forwarded.
    (FOLDER / "root").write_text(f"$TTL 300\n@ IN SOA ns. hostmaster. 1 7200 900 1209600 900\n@ IN NS ns.\nns IN A {s.RESOLVER}\n")
    declared = [(zone, zone) for zone in [*zones, s.DATABASE_ZONE, BROKEN]] + [(".", "root")]
    # The mount target of the asker's own zone; the public subnet's is that of eu-west-2a.
    views = ""
    for zone, target in s.MOUNT_TARGETS.items():
        file = f"{s.SHARE_ZONE}-{zone}"
        (FOLDER / file).write_text(head(s.SHARE_ZONE, 60) + "\n".join([f"{below(s.SHARE_NAME, s.SHARE_ZONE)} IN A {target}", *here]) + "\n")
    for view, zone in [*((zone, zone) for zone in s.MOUNT_TARGETS), ("public", next(iter(s.MOUNT_TARGETS)))]:
        askers = s.ZONES[view][0] if view != "public" else "any"
        body = "".join(f'  zone "{name}" {{ type primary; file "{file}"; }};\n'
                       for name, file in [*declared, (s.SHARE_ZONE, f"{s.SHARE_ZONE}-{zone}")])
        views += f'view "{view}" {{ match-clients {{ {askers}; }};\n{body}}};\n'
    # Recursion only so that an alias is followed from zone to zone: every zone there is, the root included, is our own.
    (FOLDER / "named.conf").write_text(
        f'options {{ directory "{FOLDER}"; listen-on {{ {s.RESOLVER}; }}; listen-on-v6 {{ none; }}; recursion yes;\n'
        f'  allow-query {{ any; }}; allow-recursion {{ any; }}; allow-transfer {{ none; }}; dnssec-validation no; notify no;\n'
        f'  pid-file none; session-keyfile none; lock-file none; minimal-responses yes; }};\n'
        f'controls {{ }};\n{views}')


def start():
    write()
    # A copy under another path: AppArmor's profile for /usr/sbin/named, where one is loaded, allows only Debian's folders.
    # In the cache, since /run may not be executed from.
    server = s.CACHE / "dns-server"
    if services.running("dns"):
        Group("service-dns").signal(signal.SIGHUP)  # another checkout's `up` may have written other names
    else:
        shutil.copy2("/usr/sbin/named", server)
    services.start("dns", [server, "-g", "-n", "1", "-c", FOLDER / "named.conf"], s.RESOLVER, 53)


def reload():
    """After `add` and `remove`. SIGHUP reads the configuration and the zones again; a query never meets a gap."""
    write()
    Group("service-dns").signal(signal.SIGHUP)
