"""What stands for Amazon Linux 2023: Debian's systemd and sshd with dnf and rpm as the package manager, and RPM repositories.

A layer over the base image that replaces os-release and the package manager: dnf 4.14 as on Amazon Linux 2023 itself, an
rpm database that knows only what amazon/build puts into it, no apt and no dpkg. Hosts called amazonNN have it. Beside it
the same build makes a small signed apt repository: what tests of repositories and pins need of either manager.
"""

import shutil
import uuid

from . import image, repository, settings as s
from .cgroups import Group
from .shell import run, timed

LAYER = s.CACHE / "amazon"  # upper = the layer
STAMP = s.CACHE / "amazon.id"
ARCHIVES = s.CACHE / "amazon-archives"  # what the layer is made of, kept for the next build
PACKAGES = ["dnf", "dnf-plugins-core", "rpm", "createrepo-c", "gnupg"]
# Served by the package repository's server, whose pool is written anew only where lists change.
SERVED = {"rpm": repository.POOL / "rpm", "signed": repository.POOL / "signed"}


def wanted_id():
    return image.digest(*image.files_below(s.FLEET / "amazon"), s.FLEET / "lib/amazon.py", image.STAMP.read_text())


def is_built():
    return STAMP.exists() and STAMP.read_text().split()[0] == wanted_id() and all(f.is_dir() for f in SERVED.values())


def ensure():
    """Builds layer and repositories when their inputs changed. Only hosts that use the layer must be off."""
    if is_built():
        return
    STAMP.unlink(missing_ok=True)
    with timed("Amazon Linux layer and RPM repositories"):
        image.remove_tree(LAYER)
        for folder in ("upper", "work", "root"):
            (LAYER / folder).mkdir(parents=True)
        fetch()
        root = LAYER / "root"
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={image.BASE},upperdir={LAYER}/upper,workdir={LAYER}/work", root)
        try:
            run("mount", "-t", "proc", "proc", root / "proc")
            run("mount", "-t", "tmpfs", "tmpfs", root / "srv")
            shutil.copytree(s.FLEET / "amazon", root / "srv/amazon")
            shutil.copytree(ARCHIVES, root / "srv/archives")
            run("chroot", root, "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C",
                "DEBIAN_FRONTEND=noninteractive", "sh", "/srv/amazon/build", s.PACKAGES, group=Group("build"))
            for name, served in SERVED.items():
                shutil.rmtree(served, ignore_errors=True)
                shutil.copytree(root / "srv/out" / name, served)
        finally:
            image.unmount_below(LAYER)
    STAMP.write_text(f"{wanted_id()} {uuid.uuid4()}\n")


def fetch():
    """The closure of PACKAGES against the bare image, from this machine's own mirrors."""
    (ARCHIVES / "partial").mkdir(parents=True, exist_ok=True)
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::sourcelist={repository.RESOLVING}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null",
           "-o", f"Dir::State::lists={repository.RESOLVING}/lists", "-o", f"Dir::State::status={image.BASE}/var/lib/dpkg/status",
           "-o", f"Dir::Cache::archives={ARCHIVES}", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
           "-o", "APT::Install-Recommends=false", "-o", "APT::Keep-Downloaded-Packages=true", "-o", "APT::Sandbox::User=root"]
    run(*apt, "-y", "--download-only", "install", *PACKAGES, group=Group("build"))


def layers():
    """The lower layers of a host's disk, uppermost first."""
    return f"{LAYER}/upper:{image.BASE}"
