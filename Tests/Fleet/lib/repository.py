"""The package repository: what packages.list names with all that the base image lacks for it, and a sample of our own.

Filled once from this machine's Debian mirrors; after that no install on a host needs the internet. The hosts' package
index is a layer of its own over the base image, so that a longer list does not rebuild the image. A new index is another
layer: a host that runs keeps its own until its disk is made anew (`reset`), so the list can grow while the fleet stands.
"""

import os
import re
import shutil
import subprocess
import uuid

from . import image, services, settings as s
from .cgroups import Group
from .shell import FleetError, run, timed, wait_until

POOL = s.CACHE / "packages"
LAYERS = s.CACHE / "indexes"  # a folder an index, by the word of its stamp: var/lib/apt/lists as after an apt-get update
STAMP = s.CACHE / "repository.id"
RESOLVING = s.CACHE / "resolving"  # apt's state for computing closures against the base image


def wanted_id():
    # The image's own stamp too: an index is a layer over one build of it.
    return image.digest(s.FLEET / "packages.list", image.STAMP.read_text(), s.FLEET / "lib/repository.py")


def is_current():
    return STAMP.exists() and STAMP.read_text().split()[0] == wanted_id() and layer(STAMP.read_text()).is_dir()


def layer(stamp):
    return LAYERS / stamp.split()[1]


def ensure(used):
    """Fills the repository if its list changed. What was fetched before stays, so that one more line costs one package.
    `used` are the stamps of the indexes that disks stand on; others are removed."""
    if is_current():
        return
    word = str(uuid.uuid4())
    with timed("package repository"):
        fetch(image.listed(s.FLEET / "packages.list"))
        for version in ("1.0", "2.0"):
            build_sample(version)
        write_packages()
        update_index(LAYERS / word)
    keep = {word} | {stamp.split()[1] for stamp in used}
    for old in LAYERS.iterdir():
        if old.name not in keep:
            shutil.rmtree(old)
    STAMP.write_text(f"{wanted_id()} {word}\n")


def write_packages():
    """The pool's own index, replaced at once since hosts may read it now. Without what lies in folders of the pool: those
    are other repositories (see amazon.py)."""
    index = run("dpkg-scanpackages", "--multiversion", ".", cwd=POOL, group=Group("build"))
    ours = [entry for entry in index.split("\n\n") if re.search(r"^Filename: \./[^/]+$", entry, re.MULTILINE)]
    sibling = POOL / "Packages.tmp"
    sibling.write_text("\n\n".join(ours) + "\n")
    os.replace(sibling, POOL / "Packages")


def fetch(lines):
    """One closure a line, each against the bare image: two packages that exclude each other can both be served."""
    for folder in (POOL, RESOLVING / "lists/partial", RESOLVING / "archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (RESOLVING / "sources.list").write_text("".join(
        f"deb [signed-by={keyring}] {address} {release} main\n" for address, release in image.mirrors()))
    apt = ["apt-get", "-qq", "-o", f"Dir::Etc::sourcelist={RESOLVING}/sources.list", "-o", "Dir::Etc::sourceparts=/dev/null",
           "-o", f"Dir::State::lists={RESOLVING}/lists", "-o", f"Dir::State::status={image.BASE}/var/lib/dpkg/status",
           "-o", f"Dir::Cache::archives={RESOLVING}/archives", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
           "-o", "APT::Install-Recommends=false", "-o", "APT::Keep-Downloaded-Packages=true", "-o", "APT::Sandbox::User=root",
           "-o", "Acquire::Languages=none"]
    run(*apt, "update", group=Group("build"))
    for line in lines:
        run(*apt, "-y", "--download-only", "install", *line.split(), group=Group("build"))
    for package in (RESOLVING / "archives").glob("*.deb"):
        if not (POOL / package.name).exists():
            shutil.copy(package, POOL / package.name)


def build_sample(version):
    """`cso-sample`, in two versions: a test of pinned versions needs an older one that is still to be had."""
    tree = s.CACHE / "sample"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "usr/share/cso-sample").mkdir(parents=True)
    (tree / "usr/share/cso-sample/version").write_text(version + "\n")
    (tree / "DEBIAN/control").write_text(
        f"Package: cso-sample\nVersion: {version}\nArchitecture: all\nMaintainer: The embedded fleet <fleet@cso.ss>\n"
        "Description: a package without content, in two versions\n")
    run("dpkg-deb", "--build", "--root-owner-group", tree, POOL / f"cso-sample_{version}_all.deb", group=Group("build"))
    shutil.rmtree(tree)


def update_index(target):
    """Runs a real `apt-get update` of the image against the pool, in a namespace that has nothing but the
    repository's address, and keeps what it wrote as the index layer."""
    namespace, building = "cso-build", s.CACHE / "index.building"
    run("ip", "netns", "del", namespace, check=False)
    image.remove_tree(building)
    for folder in ("upper", "work", "root"):
        (building / folder).mkdir(parents=True)
    try:
        run("ip", "netns", "add", namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "-n", namespace, "addr", "add", s.PACKAGES + "/32", "dev", "lo")
        in_namespace = ["ip", "netns", "exec", namespace]
        subprocess.Popen(Group("service-build").enter() + in_namespace + server(), cwd="/", stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={image.BASE},upperdir={building}/upper,workdir={building}/work", building / "root")
        update = in_namespace + ["chroot", building / "root", "/usr/bin/env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "apt-get",
                                 "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=20", "update"]
        probe = in_namespace + ["curl", "-sfI", f"http://{s.PACKAGES}/Packages"]
        if not wait_until(lambda: run(*probe, check=False), 10):
            raise FleetError("the package repository does not answer while the index is built")
        run(*update, group=Group("build"))
    finally:
        Group("service-build").end()
        image.unmount_below(building)
        run("ip", "netns", "del", namespace, check=False)
    if not list((building / "upper/var/lib/apt/lists").glob("*_Packages")):
        raise FleetError("apt-get update in the image fetched no index")
    for part in ("var/lib/apt", "var/cache/apt"):
        if (building / "upper" / part).exists():
            shutil.copytree(building / "upper" / part, target / part, symlinks=True)
    shutil.rmtree(building)


def server():
    # Debian's own Python by its full path: a pyenv shim would start a shell first, in a namespace without a home.
    return ["/usr/bin/python3", "-m", "http.server", "--bind", s.PACKAGES, "--directory", str(POOL), "80"]


def start():
    services.start("packages", server(), s.PACKAGES, 80)
