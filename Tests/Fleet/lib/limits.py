"""The one setting of this machine that the fleet changes, and puts back."""

import pathlib

from . import settings as s

# Each systemd and each service with a watch takes inotify instances, and the kernel counts them a user for the whole
# machine: at the default of 128 the fourteenth extra host hangs in its boot with every unit waiting.
INOTIFY = pathlib.Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 8192
BEFORE = s.RUN / "inotify-before"


def raise_limits():
    now = int(INOTIFY.read_text())
    if now < ENOUGH:
        BEFORE.write_text(f"{now}\n")
        INOTIFY.write_text(f"{ENOUGH}\n")


def restore():
    if BEFORE.exists():
        INOTIFY.write_text(BEFORE.read_text())
        BEFORE.unlink()
