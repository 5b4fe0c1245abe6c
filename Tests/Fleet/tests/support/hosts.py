"""A host of the embedded fleet as a test sees it: from the machine that it runs on, never through its sshd."""

import contextlib
import os
import pathlib
import shlex
import subprocess

from lib import machine, roster, settings

from .harness import Failed, wait_until

# What systemd, sshd, sudo and dpkg's own timers write in passing, whoever logs in. No recipe manages any of it.
PASSING = ("var/log/journal", "var/log/wtmp", "var/log/lastlog", "var/log/btmp", "var/log/nginx", "var/log/ecs",
           "var/lib/systemd", "var/lib/private", "var/cache/ldconfig", "tmp", "var/tmp", "run", "home/provision",
           "var/lib/sudo")


class Host:
    def __init__(self, name):
        self.name = name
        self.row = roster.find(name)

    @property
    def address(self):
        return self.row.address

    @property
    def zone(self):
        return self.row.zone

    @property
    def upper(self):
        """All that differs from the base image, as files on this machine."""
        return machine.disk(self.row) / "upper"

    @property
    def leader(self):
        pid = machine.leader(self.row)
        if pid is None:
            raise Failed(f"{self.name} is off")
        return pid

    @property
    def root(self):
        """The host's file tree with all its mounts, /run too."""
        return pathlib.Path(f"/proc/{self.leader}/root")

    def enter(self):
        """The words before a command that runs as root on the host."""
        return ["nsenter", "--target", str(self.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
                "--root", "--wd", "--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
                "LC_ALL=C.UTF-8"]

    def words(self, *command):
        """A command that runs as root on the host; a guest (efsNN) cannot be entered, and is asked by the fleet's own way in."""
        return machine.words(self.row, command) if self.row.is_guest else self.enter() + list(command)

    def sh(self, script, check=True, timeout=30):
        """Output of a script on the host."""
        done = subprocess.run(self.words("sh", "-c", script), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=timeout)
        if check and done.returncode != 0:
            raise Failed(f"{self.name}: `{script[:120]}` ended with {done.returncode}: {done.stderr.strip()[:300]}")
        return done.stdout

    def status(self, script):
        return subprocess.run(self.words("sh", "-c", script), stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=30).returncode

    def path(self, path):
        return pathlib.Path(str(self.root) + path)

    def read(self, path):
        if self.row.is_guest:
            return self.sh(f"cat -- {shlex.quote(path)}").encode()
        return self.path(path).read_bytes()

    def exists(self, path):
        if self.row.is_guest:
            return self.status(f"test -e {shlex.quote(path)} -o -L {shlex.quote(path)}") == 0
        return os.path.lexists(self.path(path))

    def write(self, path, content):
        """Like an operator's editor: another content in the same file, mode and owner kept."""
        with open(self.path(path), "r+b") as file:
            file.truncate()
            file.write(content)

    # --- what must not change ---

    def fingerprint(self):
        """Every file that ever changed on the host: times, inode, mode, owner, size. Two equal ones mean that nothing was
        written, not even with the same content."""
        found = {}
        top = str(self.upper)
        for folder, folders, files in os.walk(top):
            where = os.path.relpath(folder, top)
            folders[:] = [n for n in folders if os.path.normpath(os.path.join(where, n)) not in PASSING]
            for name in files + [n for n in folders]:
                path = os.path.normpath(os.path.join(where, name))
                if path in PASSING:
                    continue
                with contextlib.suppress(FileNotFoundError):
                    s = os.lstat(os.path.join(folder, name))
                    is_folder = name in folders
                    # Entries of a folder are compared one by one; its own times change with what lies in PASSING.
                    found["/" + path] = (("d", s.st_ino, oct(s.st_mode), s.st_uid, s.st_gid) if is_folder else
                                         (s.st_mtime_ns, s.st_ctime_ns, s.st_ino, oct(s.st_mode), s.st_uid, s.st_gid, s.st_size))
        return found

    def units(self, *names):
        """Since when units run, and as what. Equal = neither restarted nor reloaded (a reload shows in nginx's workers)."""
        found = {}
        for name in names:
            found[name] = self.sh(f"systemctl show -p ActiveState -p ActiveEnterTimestampMonotonic -p MainPID "
                                  f"-p StateChangeTimestampMonotonic -p NRestarts -- {shlex.quote(name)}").strip()
        return found

    def reloads(self, unit):
        """How often the unit was told to reload, by its journal."""
        text = self.sh(f"journalctl -q --no-pager -o cat -u {shlex.quote(unit)} || true")
        return sum(line.startswith("Reloaded ") for line in text.splitlines())

    def starts(self, unit):
        text = self.sh(f"journalctl -q --no-pager -o cat -u {shlex.quote(unit)} || true")
        return sum(line.startswith("Started ") for line in text.splitlines())

    def leftovers(self):
        """What no run may leave: temporary siblings, notes of what is owed, a held lock, steps, units, inputs."""
        script = r"""
        find / -xdev -name '*.cso-tmp' 2>/dev/null
        find /etc /opt /var/lib -name '*.cso-tmp' 2>/dev/null
        for f in /var/lib/cso-provision/owed/* /run/cso-provision/steps/* /var/lib/cso-provision/payload.* \
            /var/lib/cso-provision/input.*; do [ -e "$f" ] && echo "$f"; done
        if [ -e /run/cso-provision/lock ] && ! flock -n /run/cso-provision/lock true; then
            echo "held lock: $(tr '\n' ' ' </run/cso-provision/lock)"; fi
        systemctl list-units --all --plain --no-legend 'cso-2*' 'cso-r*' 2>/dev/null
        true
        """
        return sorted(set(line.strip() for line in self.sh(script).splitlines() if line.strip()))

    # --- processes ---

    def processes(self):
        """(pid on this machine, parent, words) of everything that runs on the host."""
        found = []
        for pid in machine.group(self.row).pids():
            with contextlib.suppress(OSError, IndexError):
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
                found.append((pid, parent, [w.decode(errors="replace") for w in words if w]))
        return found

    def await_banner(self):
        wait_until(lambda: machine.banner(self.row), 90 if self.row.is_guest else 20, f"{self.name} answers with sshd's banner")


@contextlib.contextmanager
def moved_away(host, path):
    """A file that is not there for a while; it comes back with mode and owner, whatever stands there by then."""
    aside = path + ".put-aside-by-a-test"
    host.sh(f"mv -- {shlex.quote(path)} {shlex.quote(aside)}")
    try:
        yield
    finally:
        host.sh(f"mv -f -- {shlex.quote(aside)} {shlex.quote(path)}")


def is_fleet_up():
    return pathlib.Path(settings.RUN / "complete").exists()
