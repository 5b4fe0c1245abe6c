"""Kind `release`: other people's installers, which fail, lie and are killed; the earlier release comes back."""

import contextlib
import gzip
import hashlib
import io
import signal
import tarfile
import urllib.request

from support.harness import check, contains, equal, test, wait_until

SHARE = "/opt/scripts/install"
RECORDS = "/opt/prov/releases/.app"
# What it does wrong, the test says in /opt/app-orders: `VERSION ORDER`.
INSTALLER = r"""
order=$(sed -n "s/^$(cat version) //p" /opt/app-orders 2>/dev/null || true)
echo "installing $(cat version), order: ${order:-none}"
echo "$(cat version)" >>/opt/app-installations
rm -rf /opt/app/serve /opt/app/version
case $order in error-in-log) echo "2024 ERROR java.sql.SQLException: requested"; exit 0;; hang) exec sleep 600;; exit) exit 3;; esac
cp version /opt/app/version
[ "$order" != bad-release ] || echo broken >/opt/app/version
install -m 0755 serve /opt/app/serve
echo installed
"""
SERVER = r"""#!/usr/bin/perl
use IO::Socket::INET;
open(my $file, '<', '/opt/app/version'); my $version = <$file>; chomp $version;
my $server = IO::Socket::INET->new(LocalPort => 7001, Listen => 16, ReuseAddr => 1) or die;
while (my $client = $server->accept) {
    while (my $line = <$client>) { last if $line =~ /^\s*$/ }
    print $client "HTTP/1.0 200 OK\r\nContent-Length: " . length($version) . "\r\n\r\n$version"; close $client;
}
"""


def archive(version):
    """The archive of a release; the same bytes each time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as out:
        for name, text in (("version", version + "\n"), ("install.sh", INSTALLER), ("serve", SERVER)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            out.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


def put(host, *versions):
    host.sh(f"mkdir -p {SHARE}")
    for version in versions:
        host.path(f"{SHARE}/app-{version}.tar.gz").write_bytes(archive(version))


def environment(world, version, sha256=None, **more):
    sha256 = sha256 or hashlib.sha256(archive(version)).hexdigest()
    return world.small("release", hosts=[world.witness], version=f'"{version}"', sha256=f'"{sha256}"', **more)


def serves(host):
    """What the service says to this machine, which is not the host."""
    with urllib.request.urlopen(f"http://{host.address}:7001/", timeout=5) as response:
        return response.read().decode()


def state(host):
    return host.sh(f"cat {RECORDS}/marker; readlink /opt/app-current; ls /opt/prov/releases; ls {RECORDS} | grep cso-tmp || true")


@contextlib.contextmanager
def installed(world, version="1", *more):
    """A host with one release that serves, and the archives of others."""
    host = world.witness
    put(host, version, *more)
    host.sh("rm -f /opt/app-orders")
    world.apply("--role", "release", env=environment(world, version)).expect(0)
    equal(serves(host), version, "the release that serves")
    try:
        yield host
    finally:
        host.sh("rm -f /opt/app-orders")
        world.apply("--role", "release", env=environment(world, version, present="absent"))
        host.sh("systemctl disable -q --now app.service; rm -rf /opt/app* /opt/scripts /etc/systemd/system/app.service; systemctl daemon-reload",
                check=False)


@test("a release is installed once, marked after its gate, and a second run says unchanged")
def release_once(world):
    with installed(world) as host:
        first = hashlib.sha256(archive("1")).hexdigest()
        equal(state(host).split(), ["release", "1", "1", first, "/opt/prov/releases/1", "1"], "marker, link and directories")
        equal(host.sh(f"stat -c '%a %U' {RECORDS} {RECORDS}/1.log").split(), ["700", "root", "600", "root"], "records")
        with world.untouched(host):
            world.apply("--role", "release", env=environment(world, "1")).expect(0, "unchanged")
        equal(host.read("/opt/app-installations"), b"1\n", "installations")
        equal(host.leftovers(), [], "leftovers")


@test("an archive with another sha256 changes nothing, and neither does one that is missing")
def release_wrong_archive(world):
    with installed(world) as host:
        host.path(f"{SHARE}/app-2.tar.gz").write_bytes(archive("2") + b"x")
        before, pid = host.fingerprint(), host.sh("systemctl show -P MainPID app.service")
        run = world.apply("--role", "release", env=environment(world, "2")).expect(3, "failed")
        contains(run.hosts[host.name]["reason"], "is not the archive that the recipe pins", "the reason")
        run = world.apply("--role", "release", env=environment(world, "3")).expect(3, "failed")
        contains(run.hosts[host.name]["reason"], "there is no such archive", "the reason")
        changed = {p for p in before.keys() | host.fingerprint().keys() if before.get(p) != host.fingerprint().get(p)}
        equal(changed, set(), "files that changed")
        equal(host.sh("systemctl show -P MainPID app.service"), pid, "the process of the service")
        equal(serves(host), "1", "the release that serves")


@test("an installer that exits 0 with an error in its log is a failure that shows the log's end; the earlier release is back")
def release_error_in_log(world):
    with installed(world, "1", "2") as host:
        for order, words in (("error-in-log", "its log says: 2024 ERROR java.sql.SQLException: requested"),
                             ("exit", "ended with status 3"), ("bad-release", "its gate did not hold within 5 s")):
            host.sh(f"echo '2 {order}' >/opt/app-orders")
            run = world.apply("--role", "release", env=environment(world, "2")).expect(3, "failed")
            reason = run.hosts[host.name]["reason"]
            contains(reason, words, "the reason")
            contains(reason, "returned to release 1, which passed its gate", "the reason")
            if order != "bad-release":
                contains(run.hosts[host.name]["output"], f"installing 2, order: {order}", "the end of the log")
            equal(serves(host), "1", f"the release that serves after {order}")
            equal(state(host).split()[1:3] + state(host).split()[4:], ["1", "1", "/opt/prov/releases/1", "1"], "marker and link")
            equal(host.leftovers(), [], "leftovers")
        # Nothing is stuck: without the fault the same run goes through, and the earlier one is kept.
        host.sh("rm /opt/app-orders")
        world.apply("--role", "release", env=environment(world, "2")).expect(0, "changed")
        equal(serves(host), "2", "the release that serves")
        equal(host.sh("ls /opt/prov/releases").split(), ["1", "2"], "directories")
        world.apply("--role", "release", env=environment(world, "2")).expect(0, "unchanged")
        world.apply("--role", "release", env=environment(world, "1")).expect(0, "changed")
        equal((serves(host), host.sh("readlink /opt/app-current").strip()), ("1", "/opt/prov/releases/1"), "back by the recipe")


@test("an installer that is killed goes back at once; with its step and its controller killed the next run recovers it")
def release_killed(world):
    with installed(world, "1", "2") as host:
        host.sh("echo '2 hang' >/opt/app-orders")
        started = world.product.start("apply", "--role", "release", "--yes", "--output", "json", env=environment(world, "2"))
        wait_until(lambda: host.status("pgrep -fx 'sleep 600'") == 0, 20, "the installer hangs")
        host.sh("pkill -KILL -fx 'sleep 600'")
        run = started.finish().expect(3, "failed")
        contains(run.hosts[host.name]["reason"], "returned to release 1", "the reason")
        equal(serves(host), "1", "the release that serves")

        # Now everything at once: no trap runs, nobody puts anything back.
        started = world.product.start("apply", "--role", "release", "--yes", "--output", "json", env=environment(world, "2"))
        wait_until(lambda: host.status("pgrep -fx 'sleep 600'") == 0, 20, "the installer hangs")
        started.send(signal.SIGKILL)
        started.finish()
        check(not host.exists(f"{RECORDS}/marker"), "the marker is there while the installer runs")
        host.sh("systemctl kill -s KILL 'cso-2*'")
        host.sh("rm /opt/app-orders")
        run = world.after_a_dead_run("--role", "release", env=environment(world, "2")).expect(0, "changed")
        change = next(c for c in run.hosts[host.name]["changes"] if c["resource"] == "release:app")
        contains(change["differences"]["version"]["observed"], "an installation that did not end; 1 was there", "what was seen")
        equal(serves(host), "2", "the release that serves")
        equal(host.leftovers(), [], "leftovers")
        world.apply("--role", "release", env=environment(world, "2")).expect(0, "unchanged")


@test("a release that shall be absent is uninstalled with all that was kept of it")
def release_absent(world):
    with installed(world, "1", "2") as host:
        world.apply("--role", "release", env=environment(world, "2")).expect(0, "changed")
        gone = environment(world, "2", present="absent")
        world.apply("--role", "release", env=gone).expect(0, "changed")
        for path in ("/opt/app/serve", "/opt/app-current", RECORDS, "/opt/prov/releases/1", "/opt/prov/releases/2"):
            check(not host.exists(path), f"{path} is still there")
        world.apply("--role", "release", env=gone).expect(0, "unchanged")
