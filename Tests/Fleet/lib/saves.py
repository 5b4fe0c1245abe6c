"""States of a host's disk under a name: a costly installation is made once, and tests come back to it.

Only the host's own disk. What the host has elsewhere (database, share, secrets, its peers' view of it) is as it is.
"""

import re
import shutil

from . import machine, settings as s
from .cgroups import Group
from .shell import FleetError, run

FOLDER = s.STATE / "saved"


def place(host, name):
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
        raise FleetError(f"{name} is no name for a state", "small letters, digits and hyphens")
    if host.is_guest:
        raise FleetError(f"{host.name} is a guest, whose disk is not saved")
    return FOLDER / host.name / name


def save(host, name):
    """The host must be off: a running one's databases would be copied between two of their writes."""
    target = place(host, name)
    building = target.with_name(target.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    copy(machine.disk(host), building)
    shutil.rmtree(target, ignore_errors=True)
    building.rename(target)


def require(host, name):
    source = place(host, name)
    if not source.is_dir():
        raise FleetError(f"{host.name} has no state {name}", f"fleet save {host.name} {name}")
    found = machine.stands_on(host, source)
    if found is None or not machine.is_current(host, found):
        raise FleetError(f"the state {name} of {host.name} stands on another base image", f"fleet save {host.name} {name}")


def bring_back(host, name):
    """Puts the saved disk in the place of the host's, which is off."""
    machine.destroy(host)
    for folder in ("work", "root"):
        (machine.disk(host) / folder).mkdir(parents=True)
    copy(place(host, name), machine.disk(host))


def copy(source, target):
    # With the extended attributes and device nodes in which overlayfs says what is gone.
    run("cp", "--archive", "--reflink=auto", source / "upper", target / "upper", group=Group("build"))
    shutil.copy2(source / "built-from", target / "built-from")  # last: a disk without it is made anew


def forget(host):
    shutil.rmtree(FOLDER / host.name, ignore_errors=True)
