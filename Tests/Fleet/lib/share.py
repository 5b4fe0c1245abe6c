"""The shared file system: one folder of this machine, as EFS is one for all hosts.

Hosts in containers see it at /srv/efs, since their kernel has no NFS client; nfs.py serves the same folder by NFS. It
outlives hosts and the fleet, as EFS does.
"""

import os
import shutil

from . import settings as s, standin

FOLDER = s.STATE / "share"
ON_HOSTS = "/srv/efs"


def ensure():
    FOLDER.mkdir(parents=True, exist_ok=True)
    FOLDER.chmod(0o755)
    seed()


def seed():
    """The vendor's packages, where today's share has them. What is there already stays."""
    folder = FOLDER / "install"
    for release in standin.RELEASES:
        source, target = standin.archive(release), folder / standin.archive(release).name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            folder.mkdir(exist_ok=True)
            sibling = folder / f".{target.name}.tmp"
            shutil.copy(source, sibling)
            os.replace(sibling, target)


def reset():
    """As in a new fleet. The folder itself stays: hosts have it mounted."""
    for entry in FOLDER.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    seed()
