"""What the VPC has beside hosts, as tests of roles rely on it: the database's TLS and users, and the share, by NFS and without."""

import contextlib
import json
import os
import subprocess

from lib import database, saves, settings, share

from support import packages
from support.harness import check, contains, equal, test, wait_until
from support.world import fleet, fleet_environment


class Client:
    """The controller's `mariadb` with the VPC's resolver; the password is in a file of its own."""

    def __init__(self, world):
        self.folder = world.fresh_folder("database")
        (self.folder / "resolv.conf").write_text(f"nameserver {settings.RESOLVER}\n")
        self.learn(database.secret()["values"]["password"])

    def learn(self, password):
        path = self.folder / "my.cnf"
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as out:
            out.write(f'[client]\nuser={database.MASTER_USER}\npassword="' + password.replace("\\", "\\\\") + '"\n')

    def ask(self, statement, *options, host=settings.DATABASE_NAME, ca=database.BUNDLE):
        tls = [f"--ssl-ca={ca}", "--ssl-verify-server-cert"] if ca else ["--skip-ssl"]
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", 'mount --bind "$1" /etc/resolv.conf; shift; exec "$@"', "sh", self.folder / "resolv.conf",
             "mariadb", f"--defaults-file={self.folder}/my.cnf", "--batch", "--skip-column-names", "--connect-timeout=5", f"--host={host}",
             *tls, *options], input=statement, capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout.strip(), done.stderr.strip()

    def expect(self, statement, answer):
        code, out, mistakes = self.ask(statement)
        equal((code, out), (0, answer), f"`{statement}` {mistakes}")

    def refused(self, reason, statement="SELECT 1", **options):
        code, out, mistakes = self.ask(statement, **options)
        check(code != 0 and not out, f"it is refused: {reason}", out)
        contains(mistakes, reason, "why")


@test("the database takes no connection without TLS, and a client that checks finds a wrong CA and the alias that its certificate lacks")
def database_tls(world):
    client = Client(world)
    client.expect("SHOW STATUS LIKE 'Ssl_version'", "Ssl_version\tTLSv1.3")
    client.refused("Access denied", ca=None)
    client.refused("unable to get local issuer certificate", ca=database.TLS / "strange.pem")
    client.refused("certificate", host=f"mysql.{settings.ZONE}")
    fleet("cut", "database")
    try:
        client.refused("Can't connect")
    finally:
        fleet("mend", "database")
    client.expect("SELECT 1", "1")


@test("the database's master user is no superuser, its password is Secrets Manager's also after a rotation, and a reset leaves nothing of roles")
def database_users(world):
    client = Client(world)
    fleet("database", "reset")
    try:
        client.refused("Access denied", "SET GLOBAL max_connections = 10")
        client.expect("CREATE DATABASE cso_test CHARACTER SET utf8mb4; CREATE USER 'cso_test'@'10.1.%' IDENTIFIED BY 'x' REQUIRE SSL; "
                      "GRANT ALL PRIVILEGES ON cso_test.* TO 'cso_test'@'10.1.%'; SELECT 'made'", "made")
        fleet("database", "rotate")
        client.refused("Access denied")
        environment = fleet_environment()
        told = subprocess.run(["aws", "secretsmanager", "get-secret-value", "--secret-id", settings.DATABASE_SECRET, "--output", "json"],
                              check=True, capture_output=True, env=environment, timeout=60).stdout
        client.learn(json.loads(json.loads(told)["SecretString"])["password"])
        client.expect("SHOW DATABASES LIKE 'cso%'", "cso_test")
    finally:
        fleet("database", "reset")
    client.expect("SHOW DATABASES LIKE 'cso%'", "")
    client.expect("SELECT user FROM mysql.user WHERE user LIKE 'cso%'", "")


OPTIONS = "nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport,nosuid,nodev"


@contextlib.contextmanager
def mounted(host):
    host.sh(f"mkdir -p /mnt/share && mount -t nfs4 -o {OPTIONS} {settings.SHARE_NAME}:/ /mnt/share", timeout=60)
    try:
        yield
    finally:
        fleet("mend", "efs")
        host.sh("cd / && umount /mnt/share && rmdir /mnt/share", timeout=60)


@test("the share is one for hosts with and without NFS: a file crosses both ways with its owner, and a cut of its server hangs who reads it "
      "until it is mended", limit=300)
def share_crosses(world):
    client, container = packages.host("efs01"), world.spare
    kept = set(os.listdir(share.FOLDER))
    try:
        with mounted(client):
            shown = json.loads(client.sh("findmnt --json -C --kernel --mountpoint /mnt/share"))["filesystems"][0]
            equal((shown["source"], shown["fstype"]), (f"{settings.SHARE_NAME}:/", "nfs4"), "what is mounted")
            contains(shown["options"], f"addr={settings.MOUNT_TARGETS['eu-west-2a']}", "the mount target of the client's own zone")
            client.sh("echo out >/mnt/share/cso-test && chown 1234:4321 /mnt/share/cso-test")
            equal(container.sh(f"cat {share.ON_HOSTS}/cso-test; stat -c %u:%g {share.ON_HOSTS}/cso-test"), "out\n1234:4321\n", "from the client")
            container.sh(f"echo back >>{share.ON_HOSTS}/cso-test; echo new >{share.ON_HOSTS}/cso-test-2")
            # What a client has seen it may remember for some seconds.
            wait_until(lambda: client.sh("cat /mnt/share/cso-test /mnt/share/cso-test-2 2>&1 || true") == "out\nback\nnew\n", 70, "from the container")
            fleet("cut", "efs")
            equal(client.status("timeout -s KILL 3 stat -f /mnt/share; exit $?"), 137, "a look at a share whose server is silent")
            fleet("mend", "efs")
            equal(client.sh("timeout -s KILL 25 cat /mnt/share/cso-test-2", timeout=40), "new\n", "after the cut")
    finally:
        for name in set(os.listdir(share.FOLDER)) - kept:
            (share.FOLDER / name).unlink()


@test("a guest is a host like others: reset, reboot, exec while it is cut off", limit=300)
def guests(world):
    host = packages.host("efs01")
    boot = host.sh("cat /proc/sys/kernel/random/boot_id; touch /root/kept")
    host.sh("systemctl --no-block reboot", check=False)  # it may end before it has answered
    asked = lambda: host.sh("cat /proc/sys/kernel/random/boot_id 2>&1 || true", check=False)  # noqa: E731
    wait_until(lambda: asked() not in ("", boot), 90, "another boot", step=1)
    equal(host.exists("/root/kept"), True, "its disk over a reboot")
    fleet("cut", "efs01")
    try:
        equal(host.sh("cat /etc/hostname"), "efs01\n", "by the fleet's own way in")
        equal(host.status("exit 7"), 7, "the command's exit status")
    finally:
        fleet("mend", "efs01")
    fleet("reset", "efs01")
    equal(host.exists("/root/kept"), False, "its disk after a reset")


@test("a saved disk comes back: what was installed runs, what was done later is gone, and a state that nobody saved is refused")
def saved_states(world):
    host = world.spare
    world.spare_bare()
    host.sh("rm /etc/motd; echo kept >/etc/cso-test; systemctl enable -q systemd-networkd")
    fleet("save", host.name, "test")
    try:
        host.await_banner()
        host.sh("rm /etc/cso-test; echo later >/etc/cso-test-2")
        fleet("reset", "--to", "test", host.name)
        equal((host.exists("/etc/motd"), host.exists("/etc/cso-test"), host.exists("/etc/cso-test-2")), (False, True, False),
              "what was taken away, what was kept, what came later")
        equal(host.sh("systemctl is-enabled systemd-networkd"), "enabled\n", "a unit")
        done = subprocess.run([str(settings.FLEET / "fleet"), "reset", "--to", "nothing", host.name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60)
        equal(done.returncode, 1, "a state that nobody saved")
        equal(host.exists("/etc/cso-test"), True, "the host, after that")
    finally:
        saves.forget(host.row)
        world.spare_bare()
