"""What the fleet and the build need on a fresh Debian 12, and whether it is there."""

import pathlib
import shutil
import subprocess

from .shell import FleetError, run, say, timed

# Package -> why. All of them from Debian; the AWS parts come from PyPI into an environment of the fleet's own.
PACKAGES = {
    "debootstrap": "the base image", "systemd-container": "hosts", "iproute2": "network", "nftables": "cuts",
    "util-linux": "nsenter, setsid", "openssh-client": "keys, ssh", "bind9": "the zone", "dpkg-dev": "package index",
    "apt-utils": "package index", "debian-archive-keyring": "signatures of what is fetched", "python3": "the fleet itself",
    "python3-venv": "AWS endpoint", "curl": "probes", "ca-certificates": "PyPI",
    "libssh2-1-dev": "Swift build", "libc-ares-dev": "Swift build", "pkg-config": "Swift build",
    "hyperfine": "benchmark", "zip": "archives", "unzip": "archives", "jq": "tests read JSON", "dash": "tests of the reader",
    "python3-jsonschema": "tests of the schema", "python3-yaml": "tests of the schema", "python3-pika": "an AMQP client",
    "mariadb-server-core": "the database, without the package that starts one", "mariadb-client-core": "the database",
    "openssl": "the database's certificates",
    "nfs-ganesha": "the share's NFS server", "nfs-ganesha-vfs": "the share's NFS server",
    "user-mode-linux": "a host with an NFS client", "e2fsprogs": "its disk",
}


def missing():
    """By dpkg's own database: quick, and right also where a program of the same name lies elsewhere in PATH."""
    text = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *PACKAGES], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    installed = {line.split()[0] for line in text.splitlines() if line.endswith(" installed")}
    return sorted(set(PACKAGES) - installed)


def require():
    lacking = missing()
    if lacking:
        raise FleetError(f"not installed on this machine: {', '.join(lacking)}", "Tests/Fleet/fleet install-tools")


def install():
    lacking = missing()
    if not lacking:
        say("all tools are installed")
        return
    with timed("installing " + ", ".join(lacking)):
        if not list(pathlib.Path("/var/lib/apt/lists").glob("*_Packages*")):
            run("apt-get", "update")
        with no_services_started():
            try:
                apt_install(lacking)
            except FleetError:
                # The index may be older than the mirror; one fresh look settles it.
                run("apt-get", "update")
                apt_install(lacking)
    # These packages bring services for the whole machine; the fleet runs its own processes only.
    if shutil.which("systemctl"):
        for unit in ("named.service", "nfs-ganesha.service", "nfs-ganesha-lock.service", "rpcbind.service", "rpcbind.socket", "nfs-client.target"):
            run("systemctl", "disable", unit, check=False)


def apt_install(names):
    run("apt-get", "-y", "-o", "DPkg::Lock::Timeout=300", "install", "--no-install-recommends", *names)


class no_services_started:
    """Debian's policy-rc.d: while it says 101, installing a package starts nothing. Put back as it was."""
    path = pathlib.Path("/usr/sbin/policy-rc.d")

    def __enter__(self):
        self.before = self.path.read_bytes() if self.path.exists() else None
        self.mode = self.path.stat().st_mode if self.before is not None else None
        self.path.write_text("#!/bin/sh\nexit 101\n")
        self.path.chmod(0o755)

    def __exit__(self, *_):
        if self.before is None:
            self.path.unlink()
        else:
            self.path.write_bytes(self.before)
            self.path.chmod(self.mode)
