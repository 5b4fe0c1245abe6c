"""Packages, repositories and upgrades by a real dnf on a host that calls itself Amazon Linux 2023, with real, signed RPM
repositories (see lib/amazon.py)."""

import time

from support import packages
from support.harness import check, contains, equal, lacks, test, wait_until

NAME = "amazon01"
OLD, NEW = "2023.6.20250107", "2023.7.20250331"
VENDOR = "http://10.1.0.6/rpm/vendor/"


def rpm(host, name):
    """Version of an installed package, or nothing."""
    return host.sh(f"rpm -q --quiet -- {name} && rpm -q --qf '%{{VERSION}} ' -- {name} || true").strip()


def repository(name="vendor", url=VENDOR, key="vendor", pin=None, more=""):
    return f"{{repository: {name}, url: \"{url}\", key: {key}.asc, fingerprint: \"{pin or packages.fingerprint(key)}\"{more}}}"


def fresh(world):
    host = packages.fresh(NAME)
    return host, packages.Recipe(world, host)


@test("dnf: packages are installed in one transaction, a second run finds nothing to do, and they are removed")
def install_and_remove(world):
    host, recipe = fresh(world)
    equal(recipe.plan("{package: [cso-tool, cso-needs]}").code, 2, "a plan finds them missing")
    before = len(host.sh("dnf -q history list 2>/dev/null || true").splitlines())
    run = recipe.converge("{package: [cso-tool, cso-needs]}")
    equal(set(run.changes(NAME)), {"package:cso-tool", "package:cso-needs"}, "changes")
    after = len(host.sh("dnf -q history list").splitlines())
    check(after - before in (1, 3), f"one transaction (with its headings): {before} -> {after}")
    equal(rpm(host, "cso-lib"), "1.0", "what it needs came with it")
    host.write("/etc/cso-tool.conf", b"mine\n")
    run = recipe.apply("{package: cso-lib, state: absent}").expect(3)
    contains(run.err + recipe.reason(run), "cso-needs", "who needs it")
    equal(rpm(host, "cso-needs"), "1.0", "it stays")
    recipe.converge("{package: [cso-lib, cso-needs, cso-tool], state: absent}")
    equal(host.read("/etc/cso-tool.conf.rpmsave"), b"mine\n", "a changed configuration file stays")
    equal(host.leftovers(), [], "leftovers")


@test("dnf: the shipped role base converges a host of the other family; a second run finds nothing to do")
def shipped_base(world):
    host, recipe = fresh(world)
    text = (recipe.folder / "inventory/inventory.yaml").read_text().replace("  packages:", "  base:")
    (recipe.folder / "inventory/inventory.yaml").write_text(text)
    environment = {"CSO_INVENTORY": str(recipe.folder / "inventory")}
    # It promises no service, and it is the role's only host.
    text = (world.scratch / "Roles/base/role.yaml").read_text()
    role = world.fresh_folder("base")
    (role / "base").mkdir()
    (role / "base/role.yaml").write_text("members_at_once: all\n" + text)
    world.apply("--role", "base", env={**environment, "CSO_ROLES": str(role)}).expect(0, "changed")
    world.apply("--role", "base", env={**environment, "CSO_ROLES": str(role)}).expect(0, "unchanged")
    equal(host.sh("id -u ecs; stat -c '%a %U:%G' /opt/ecs").split(), ["990", "750", "root:ecs"], "the host")


@test("dnf: one package that does not exist keeps all of its transaction away; services are not started")
def unavailable(world):
    host, recipe = fresh(world)
    run = recipe.apply("{package: [cso-tool, cso-nowhere]}").expect(3)
    contains(run.err, "cso-nowhere", "the message")
    equal(rpm(host, "cso-tool"), "", "nothing was installed")
    recipe.converge("{package: cso-daemon}")
    check(host.status("systemctl is-active -q cso-daemon") != 0, "its service does not run")


@test("dnf: while another one is at work it waits, then the host is refused with its name; afterwards it goes on")
def busy(world):
    host, recipe = fresh(world)
    host.sh("touch /etc/cso-slow.wait; setsid dnf -y -q install cso-slow >/dev/null 2>&1 </dev/null &")
    try:
        wait_until(lambda: host.exists("/etc/cso-slow.begun"), 20, "the other one is at work")
        began = time.monotonic()
        run = recipe.apply("{package: cso-tool, lock_wait: 3s}").expect(6, "refused")
        contains(recipe.reason(run), "dnf (process ", "who it is")
        check(time.monotonic() - began > 3, "it waited")
        run = recipe.apply("{package: cso-aside, state: absent}")
        started = recipe.start("{package: cso-tool, lock_wait: 30s}")
        started.await_progress("install cso-tool")
        time.sleep(2)
    finally:
        host.sh("rm -f /etc/cso-slow.wait")
    world.product.remember(started.finish(60)).expect(0, "changed")
    equal(rpm(host, "cso-slow") + rpm(host, "cso-tool"), "1.01.0", "both came to their end")
    equal(host.leftovers(), [], "leftovers")


@test("dnf: pins, whole or a beginning; a missing version says what there is; back only with `downgrade`")
def pins(world):
    host, recipe = fresh(world)
    vendor = repository()
    recipe.converge(vendor, '{package: cso-pinned, version: "1.0.*"}')
    equal(rpm(host, "cso-pinned"), "1.0.10", "the newest that fits")
    recipe.apply(vendor, '{package: cso-pinned, version: "1.*"}').expect(0, "unchanged")
    run = recipe.apply(vendor, '{package: cso-pinned, version: "3.*"}', '{package: cso-tool}').expect(3)
    contains(recipe.reason(run), "no repository offers cso-pinned 3.*", "the message")
    contains(recipe.reason(run), "2.0.0-1.amzn2023", "what there is")
    equal(rpm(host, "cso-tool"), "", "nothing else was installed either")
    recipe.converge(vendor, '{package: cso-pinned, version: "2.0.0"}')
    run = recipe.apply(vendor, '{package: cso-pinned, version: "1.0.1-1.amzn2023"}').expect(3)
    contains(recipe.reason(run), "downgrade", "the message")
    equal(rpm(host, "cso-pinned"), "2.0.0", "it stays")
    recipe.converge(vendor, '{package: cso-pinned, version: "1.0.1-1.amzn2023", downgrade: yes}')
    equal(rpm(host, "cso-pinned"), "1.0.1", "it goes back")


@test("dnf: a held package stays out of everybody's upgrades; other exclusions and settings stay")
def hold(world):
    host, recipe = fresh(world)
    vendor = repository()
    host.sh("printf 'excludepkgs = other*, cso-strange\\n\\tthird\\n' >>/etc/dnf/dnf.conf")
    before = host.read("/etc/dnf/dnf.conf").decode()
    held = '{package: cso-pinned, version: "1.0.*", hold: yes}'
    recipe.converge(vendor, held)
    text = host.read("/etc/dnf/dnf.conf").decode()
    for word in ("other*", "cso-strange", "third", "cso-pinned"):
        contains(text, word, "dnf.conf")
    equal(text.count("excludepkgs"), 1, "one line of exclusions")
    host.sh("dnf -y -q upgrade")
    equal(rpm(host, "cso-pinned"), "1.0.10", "an operator's upgrade leaves it")
    recipe.converge(vendor, '{package: cso-pinned, version: "1.2.*", hold: yes}')
    run = recipe.converge(vendor, '{package: cso-pinned, hold: no}')
    equal(run.changes(NAME), {"package:cso-pinned": "update"}, "changes")
    lacks(host.read("/etc/dnf/dnf.conf").decode(), "cso-pinned", "dnf.conf")
    for line in before.splitlines():
        if "=" in line and not line.startswith("exclude"):
            contains(host.read("/etc/dnf/dnf.conf").decode(), line, "dnf.conf")
    host.sh("dnf -y -q upgrade")
    equal(rpm(host, "cso-pinned"), "2.0.0", "now it is upgraded")


@test("dnf: a scriptlet that fails before is a failure; one that fails after its files lie there too, and runs again")
def scriptlets(world):
    host, recipe = fresh(world)
    host.sh("touch /etc/cso-refuse")
    recipe.apply("{package: cso-refusing}").expect(3)
    equal(rpm(host, "cso-refusing"), "", "it is not there")
    run = recipe.apply("{package: [cso-failing, cso-lib]}").expect(3)
    contains(recipe.reason(run), "scriptlet", "the message")
    equal(rpm(host, "cso-failing"), "1.0", "rpm itself takes it for installed")
    equal(recipe.plan("{package: [cso-failing, cso-lib]}").code, 2, "we do not")
    recipe.apply("{package: [cso-failing, cso-lib]}").expect(3)
    host.sh("rm /etc/cso-refuse")
    recipe.converge("{package: [cso-failing, cso-lib]}")
    equal(host.read("/etc/cso-failing.done"), b"done\n", "its script ran")


@test("dnf: a transaction that was killed in the middle is seen and finished by the next run")
def killed(world):
    host, recipe = fresh(world)
    wanted = "{package: cso-slow}"
    host.sh("touch /etc/cso-slow.wait")
    started = recipe.start(wanted)
    try:
        wait_until(lambda: host.exists("/etc/cso-slow.begun"), 30, "its script began")
        packages.kill_steps(host)
        run = world.product.remember(started.finish(30)).expect(3)
    finally:
        started.ensure_ended()
        host.sh("rm -f /etc/cso-slow.wait")
    check(not host.exists("/etc/cso-slow.done"), "its script did not end")
    equal(rpm(host, "cso-slow"), "1.0", "rpm takes it for installed")
    run = recipe.plan(wanted)
    equal(run.code, 2, "the plan sees it")
    contains(run.out, "interrupted", "what it sees")
    # Another package's step finishes it first, and so does its own.
    recipe.converge(wanted, "{package: cso-tool}")
    equal(host.read("/etc/cso-slow.done"), b"1.0\n", "its script ran to its end")
    equal(host.leftovers(), [], "leftovers")


@test("dnf: a repository comes, changes and goes; unreachable or wrongly signed it leaves the old one")
def repositories(world):
    host, recipe = fresh(world)
    pinned = '{package: cso-vendor}'
    recipe.converge(repository(), pinned)
    equal(rpm(host, "cso-vendor"), "1.0", "its package")
    text = host.read("/etc/yum.repos.d/vendor.repo")
    for wrong in (repository(url="http://10.1.0.6:81/rpm/vendor/"), repository(key="stranger"),
                  repository(url="http://10.1.0.6/rpm/unsigned/")):
        run = recipe.apply(wrong).expect(3)
        contains(recipe.reason(run), "what was there before stays", "the message")
        equal(host.read("/etc/yum.repos.d/vendor.repo"), text, "the old one")
    equal(host.sh("ls -d /run/cso-repository.* 2>/dev/null || true"), "", "nothing is left of the trials")
    run = recipe.plan(repository(pin="0123456789ABCDEF0123456789ABCDEF01234567"))
    equal(run.code, 1, "a key that is not the pinned one is refused before any host is asked")
    contains(run.err, "role.yaml:", "where")
    # Metadata without a signature, packages of a stranger: found when one is installed.
    strange = repository("strange", "http://10.1.0.6/rpm/strange/", "vendor", more=", signed_metadata: no")
    recipe.apply(strange, "{package: cso-strange}").expect(3)
    equal(rpm(host, "cso-strange"), "", "a package with another signature")
    recipe.converge(repository(more=", enabled: no, priority: 7"))
    contains(host.read("/etc/yum.repos.d/vendor.repo").decode(), "enabled=0", "the file")
    equal(host.status("dnf -q repolist --enabled | grep -q vendor"), 1, "dnf does not use it")
    recipe.converge("{repository: vendor, state: absent}", "{repository: strange, state: absent}")
    equal(host.sh("ls /etc/yum.repos.d").split(), ["amazonlinux.repo"], "what is left")
    equal(host.exists("/etc/pki/rpm-gpg/RPM-GPG-KEY-vendor"), False, "its key")


@test("dnf: an upgrade to a pinned release: the plan lists old and new, excluded and held stay, configuration is kept")
def upgrade(world):
    host, recipe = fresh(world)
    recipe.converge("{package: [cso-tool, cso-lib, cso-aside]}")
    host.write("/etc/cso-tool.conf", b"mine\n")
    recipe.apply(f'{{upgrade: "{OLD}"}}').expect(0, "unchanged")
    before = host.fingerprint()
    run = recipe.plan(f'{{upgrade: "{NEW}", security: yes}}')
    equal(run.code, 2, "exit code")
    contains(run.out, "cso-lib.noarch 1.0-1.amzn2023 -> 1.1-1.amzn2023", "the list")
    lacks(run.out, "cso-tool.noarch", "the list")
    run = recipe.plan(f'{{upgrade: "{NEW}", exclude: [cso-aside]}}')
    for name in ("cso-lib", "cso-tool"):
        contains(run.out, f"{name}.noarch 1.0-1.amzn2023 -> 1.1-1.amzn2023", "the list")
    changed = sorted(path for path in before.keys() ^ host.fingerprint().keys())
    equal(changed, [], "what a look at a release that was never fetched leaves on the disk")
    recipe.converge(f'{{upgrade: "{NEW}", security: yes}}')
    equal((rpm(host, "cso-lib"), rpm(host, "cso-tool")), ("1.1", "1.0"), "security only")
    recipe.converge(f'{{upgrade: "{NEW}", exclude: [cso-aside]}}')
    equal((rpm(host, "cso-tool"), rpm(host, "cso-aside")), ("1.1", "1.0"), "all but the excluded")
    equal(rpm(host, "system-release"), NEW, "the release")
    equal(host.read("/etc/cso-tool.conf"), b"mine\n", "the configuration file")
    run = recipe.apply(f'{{upgrade: "{OLD}"}}').expect(3)
    contains(recipe.reason(run), NEW, "it does not go back")


@test("dnf: an upgrade that was killed in the middle is finished by the next run: no package is there twice")
def upgrade_killed(world):
    host, recipe = fresh(world)
    recipe.converge("{package: [cso-slow, cso-tool]}")
    wanted = f'{{upgrade: "{NEW}"}}'
    host.sh("rm /etc/cso-slow.begun; touch /etc/cso-slow.wait")
    started = recipe.start(wanted)
    try:
        wait_until(lambda: host.exists("/etc/cso-slow.begun"), 30, "its script began")
        packages.kill_steps(host)
        world.product.remember(started.finish(30)).expect(3)
    finally:
        started.ensure_ended()
        host.sh("rm -f /etc/cso-slow.wait")
    equal(rpm(host, "cso-slow"), "1.0 1.1", "it is there twice")
    recipe.converge(wanted)
    equal((rpm(host, "cso-slow"), rpm(host, "cso-tool")), ("1.1", "1.1"), "all are upgraded")
    equal(host.read("/etc/cso-slow.done"), b"1.1\n", "its script ran to its end")
