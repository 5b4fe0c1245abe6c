"""Control groups as the fleet's memory of what it started.

A pid file can be missing (killed before it was written) or lie (the number was used again). A cgroup does neither:
each host, each service and each build step runs in one of its own below `cso-fleet`, a child cannot leave it by
forking, and the kernel lists what is left after any crash. So nothing here is ever ended by name.
"""

import os
import pathlib
import signal
import time

from .shell import FleetError, wait_until


def hierarchy():
    """The cgroup v2 mount: at the top on a pure v2 machine, at `unified` beside the v1 controllers on a hybrid one."""
    for place in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(place + "/cgroup.procs") and os.path.exists(place + "/cgroup.controllers"):
            return pathlib.Path(place)
    raise FleetError("no cgroup v2 is mounted, and systemd hosts need one",
                     "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified")


def hierarchies():
    """Where a host needs a group: v2, and on a hybrid machine also v1's `systemd` tree, into which systemd-nspawn
    puts its host as well. Without a group of its own there, all hosts would share one `init.scope`."""
    places = [hierarchy()]
    named = pathlib.Path("/sys/fs/cgroup/systemd")
    if (named / "cgroup.procs").exists() and named not in places:
        places.append(named)
    return places


class Group:
    """One cgroup below `cso-fleet`, by name, on every hierarchy that counts."""

    def __init__(self, name):
        self.name = name
        self.paths = [h / "cso-fleet" / name for h in hierarchies()]

    def enter(self):
        """The argv prefix that moves a new process into this group before it becomes the command."""
        for path in self.paths:
            path.mkdir(parents=True, exist_ok=True)
        joins = "".join(f"echo $$ > '{path}/cgroup.procs' && " for path in self.paths)
        return ["/bin/sh", "-c", joins + 'exec "$@"', "sh"]

    def pids(self):
        found = set()
        for path in self.paths:
            for folder, _, _ in os.walk(path):
                try:
                    found.update(int(n) for n in pathlib.Path(folder, "cgroup.procs").read_text().split())
                except OSError:
                    pass  # the group went away while we looked, and its processes with it
        return found

    def signal(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def end(self, grace=0.0):
        """Ends every process: asked first when there is a grace, then killed; repeated, as a process may be forking
        while the list is read. The group is removed after."""
        if grace and self.pids():
            self.signal(signal.SIGTERM)
            wait_until(lambda: not self.pids(), grace, 0.05)
        deadline = time.monotonic() + 10
        while self.pids():
            self.signal(signal.SIGKILL)
            time.sleep(0.02)
            if time.monotonic() > deadline:
                raise FleetError(f"processes of {self.name} do not end: {sorted(self.pids())}")
        self.remove()

    def remove(self):
        for path in self.paths:
            for folder, _, _ in os.walk(path, topdown=False):
                # A killed process is a moment in its group after its pid has gone.
                wait_until(lambda: _remove(folder), 2, 0.02)


def _remove(folder):
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def all_groups():
    """Every group that this or an earlier run made."""
    names = set()
    for place in hierarchies():
        root = place / "cso-fleet"
        if root.is_dir():
            names.update(entry.name for entry in root.iterdir() if entry.is_dir())
    return [Group(name) for name in sorted(names)]


def remove_root():
    for place in hierarchies():
        _remove(str(place / "cso-fleet"))
