"""Repositories, pins, held packages and upgrades by a real apt, on a host of their own with repositories signed for the test."""

from support import packages
from support.harness import check, contains, equal, lacks, test, wait_until

NAME = "load902"
VENDOR = "http://10.1.0.6/signed/vendor/"


def dpkg(host, name):
    text = host.sh(f"dpkg-query -W -f '${{db:Status-Abbrev}} ${{Version}}' {name} 2>/dev/null || true").split()
    return text[1] if len(text) == 2 and text[0][1] == "i" else ""


def repository(name="vendor", url=VENDOR, key="vendor", pin=None, more=""):
    return (f"{{repository: {name}, url: \"{url}\", suites: [./], key: {key}.asc, "
            f"fingerprint: \"{pin or packages.fingerprint(key)}\"{more}}}")


def fresh(world):
    packages.host("amazon01")  # the repositories are made with the layer of hosts with dnf
    host = packages.fresh(NAME)
    return host, packages.Recipe(world, host)


@test("apt: a repository comes with its key, changes and goes; unreachable or wrongly signed it leaves the old one")
def repositories(world):
    host, recipe = fresh(world)
    recipe.converge(repository(), "{package: cso-vendor}")
    equal(dpkg(host, "cso-vendor"), "1.0", "its package")
    text = host.read("/etc/apt/sources.list.d/vendor.sources")
    for wrong in (repository(url="http://10.1.0.6:81/signed/vendor/"), repository(key="stranger"),
                  repository(url="http://10.1.0.6/signed/strange/"), repository(url="http://10.1.0.6/")):
        run = recipe.apply(wrong).expect(3)
        contains(recipe.reason(run), "what was there before stays", "the message")
        equal(host.read("/etc/apt/sources.list.d/vendor.sources"), text, "the old one")
    recipe.apply(repository(), "{package: cso-vendor}").expect(0, "unchanged")
    equal(host.sh("ls -d /run/cso-repository.* 2>/dev/null || true"), "", "nothing is left of the trials")
    recipe.converge(repository(more=", priority: 1001"))
    contains(host.sh("apt-cache policy cso-vendor"), "1001", "its priority")
    recipe.converge(repository(more=", enabled: no"))
    lacks(host.sh("apt-cache policy cso-pinned"), VENDOR, "what apt knows")
    recipe.converge(repository().replace("vendor.asc", "vendor.gpg"))
    recipe.converge("{repository: vendor, state: absent}")
    equal(host.sh("ls /etc/apt/sources.list.d /etc/apt/preferences.d /etc/apt/keyrings | grep vendor || true"), "", "what is left")


@test("apt: pins, whole or a beginning; a missing version says what there is; back only with `downgrade`; held ones stay")
def pins(world):
    host, recipe = fresh(world)
    vendor = repository()
    recipe.converge(vendor, '{package: cso-pinned, version: "1.0.*"}')
    equal(dpkg(host, "cso-pinned"), "1.0.10", "the newest that fits")
    recipe.apply(vendor, '{package: cso-pinned, version: "1.*"}').expect(0, "unchanged")
    run = recipe.apply(vendor, '{package: cso-pinned, version: "3.*"}', '{package: tree}').expect(3)
    contains(recipe.reason(run), "no repository offers cso-pinned 3.*; offered: 2.0.0 1.2.0 1.0.10 1.0.1", "the message")
    equal(dpkg(host, "tree"), "", "nothing else was installed either")
    run = recipe.apply(vendor, '{package: cso-pinned, version: "1.0.1"}').expect(3)
    contains(recipe.reason(run), "downgrade", "the message")
    recipe.converge(vendor, '{package: cso-pinned, version: "1.0.1", downgrade: yes, hold: yes}')
    equal(host.sh("apt-mark showhold").split(), ["cso-pinned"], "what is held")
    host.sh("apt-get -q -y upgrade")
    equal(dpkg(host, "cso-pinned"), "1.0.1", "an operator's upgrade leaves it")
    recipe.converge(vendor, '{package: cso-pinned, version: "1.2.*", hold: yes}')
    recipe.converge(vendor, '{package: cso-pinned, hold: no}')
    equal((dpkg(host, "cso-pinned"), host.sh("apt-mark showhold")), ("1.2.0", ""), "it is let go")


@test("apt: an upgrade shows old and new, leaves excluded packages, configuration files and what is marked automatic")
def upgrade(world):
    host, recipe = fresh(world)
    vendor = repository()
    recipe.converge(vendor, '{package: cso-pinned, version: "1.0.1"}', '{package: cso-sample, version: "1.0"}')
    host.write("/etc/cso-pinned.conf", b"mine\n")
    host.sh("apt-mark auto cso-pinned")
    run = recipe.plan("{upgrade: bookworm, exclude: [cso-sample]}")
    equal(run.code, 2, "exit code")
    contains(run.out, "cso-pinned 1.0.1 -> 2.0.0", "the list")
    recipe.converge("{upgrade: bookworm, exclude: [cso-sample]}")
    equal((dpkg(host, "cso-pinned"), dpkg(host, "cso-sample")), ("2.0.0", "1.0"), "versions")
    equal(host.read("/etc/cso-pinned.conf"), b"mine\n", "the configuration file")
    contains(host.sh("apt-mark showauto"), "cso-pinned", "what is automatic")
    recipe.apply("{upgrade: bookworm, security: yes}").expect(0, "unchanged")
    run = recipe.apply("{upgrade: trixie}").expect(3)
    contains(recipe.reason(run), "bookworm", "another release is no upgrade")
    recipe.converge("{upgrade: bookworm}")
    check(not host.exists("/usr/sbin/policy-rc.d"), "no policy stays")


@test("apt: while another package manager is at work it waits, then the host is refused with its name")
def busy(world):
    host, recipe = fresh(world)
    host.sh("setsid perl -e 'use Fcntl; open(F, \">>\", \"/var/lib/dpkg/lock-frontend\"); "
            "my $l = pack(\"ssx4qqix4\", F_WRLCK, 0, 0, 0, 0); fcntl(F, F_SETLK, $l) or die; "
            "open(G, \">\", \"/run/held.tmp\"); print G $$; close G; rename \"/run/held.tmp\", \"/run/held\"; sleep 60' "
            ">/dev/null 2>&1 </dev/null &")
    wait_until(lambda: host.exists("/run/held"), 10, "the lock is held")
    try:
        run = recipe.apply("{package: tree, lock_wait: 2s}").expect(6, "refused")
        contains(recipe.reason(run), "perl (process ", "who it is")
    finally:
        host.sh("kill -KILL $(cat /run/held)")
    recipe.converge("{package: tree}")


@test("apt: a package's services do not start with it if so wanted, and no policy stays behind")
def no_start(world):
    host, recipe = fresh(world)
    recipe.converge("{package: nginx-light, start: no}")
    check(host.status("systemctl is-active -q nginx") != 0, "nginx does not run")
    check(not host.exists("/usr/sbin/policy-rc.d"), "no policy stays")
