"""Packs the stand-in for the vendor's package (standin/) as the archive that the vendor ships."""

import hashlib
import zipfile

from . import settings as s
from .shell import FleetError

SOURCE = s.FLEET / "standin"
FOLDER = s.CACHE / "standin"
RELEASES = ["2.4.4", "2.4.5"]
MEMBERS = ["installer_p3.py", "standin_backend.py", "standin_frontend.py"]


def ensure():
    """Packs all releases anew each time; it is cheap, and byte for byte the same for the same sources."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for release in RELEASES:
        target = archive(release)
        sibling = target.with_suffix(".tmp")
        with zipfile.ZipFile(sibling, "w", zipfile.ZIP_DEFLATED) as out:
            for name in MEMBERS:
                add(out, name, (SOURCE / name).read_bytes())
            add(out, "release", (release + "\n").encode())
        sibling.rename(target)
        total = hashlib.sha256(target.read_bytes()).hexdigest()
        target.with_name(target.name + ".sha256").write_text(f"{total}  {target.name}\n")
    require_pin()


def digest(release):
    return archive(release).with_name(archive(release).name + ".sha256").read_text().split()[0]


def require_pin():
    """The inventory pins the archive as a production one does; whoever changes the stand-in has to pin it anew."""
    inventory = s.REPOSITORY_ROOT / "Inventory/local/inventory.yaml"
    if digest(RELEASES[0]) not in inventory.read_text():
        raise FleetError(f"{inventory} pins another archive than the stand-in's of release {RELEASES[0]}",
                         f"release_sha256: {digest(RELEASES[0])}")


def add(out, name, content):
    # A fixed time: the archive's hash is pinned in an inventory, so it may depend on nothing but the content.
    entry = zipfile.ZipInfo(name, date_time=(2024, 1, 1, 0, 0, 0))
    entry.external_attr = 0o644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    out.writestr(entry, content)


def archive(release):
    return FOLDER / f"installation-package-{release}.jar"
