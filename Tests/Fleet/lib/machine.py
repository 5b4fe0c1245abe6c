"""One host: an overlay on the base image, booted by systemd-nspawn in the host's namespace and cgroup.

A host's disk is the folder DISKS/NAME: `upper` is all that ever changed on it, `root` is where it is mounted while the
host runs, `console.log` is what it printed at boot (what EC2 calls console output).
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess

from . import amazon, guest, image, keys, network, repository, settings as s, share
from .cgroups import Group
from .shell import FleetError, clean_environment, run, say, wait_until


def disk(host):
    return s.DISKS / host.name


def group(host):
    return Group("host-" + host.name)


def built_from(host):
    """What a new disk stands on, a line each: the image's stamp and those of the layers over it."""
    return image.STAMP.read_text() + (amazon.STAMP if host.is_amazon else repository.STAMP).read_text()


def stands_on(host, folder=None):
    """The same of a disk that is there, or None. A disk is a difference to these layers and means nothing over others."""
    stamp = (folder or disk(host)) / "built-from"
    lines = stamp.read_text().splitlines(keepends=True) if stamp.exists() else []
    return lines if len(lines) == 2 else None


def is_usable(host):
    found = stands_on(host)
    if found is None or not is_current(host, found):
        return False
    return not host.is_guest or guest.has_image(disk(host))


def is_current(host, found):
    if found[0] != image.STAMP.read_text():
        return False
    if host.is_guest:
        return True  # its image has all layers in it
    return found[1] == amazon.STAMP.read_text() if host.is_amazon else repository.layer(found[1]).is_dir()


def leader(host):
    """The host's own PID 1, as seen from outside: the child of systemd-nspawn that is called systemd. None if it is off.
    Of a guest, the process that is its kernel: there is nothing to enter by it."""
    if host.is_guest:
        return guest.kernel(group(host))
    for pid in group(host).pids():
        try:
            if _comm(pid) == "systemd" and _comm(_parent(pid)) == "systemd-nspawn":
                return pid
        except (OSError, IndexError):
            continue
    return None


def _comm(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def _parent(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def running(host):
    return leader(host) is not None


# --- the disk ------------------------------------------------------------------------------------------------------


def ensure_disk(host):
    """Makes the disk on first use, and anew when the image below it is another one."""
    stamp = disk(host) / "built-from"
    if is_usable(host):
        return
    if stamp.exists():
        say(f"{host.name}: the base image changed, its disk is made anew")
    destroy(host)
    upper = disk(host) / "upper"
    for folder in (upper, disk(host) / "work", disk(host) / "root"):
        folder.mkdir(parents=True)
    (upper / "etc/ssh").mkdir(parents=True)
    (upper / "etc/hostname").write_text(host.name + "\n")
    # As cloud-init leaves it: the short name is the host itself, the full name is asked from the resolver.
    (upper / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {host.name}\n::1 localhost ip6-localhost\n")
    (upper / "etc/resolv.conf").write_text(f"nameserver {s.RESOLVER}\nsearch {s.REGION}.compute.internal\n")
    (upper / "etc/machine-id").write_text(os.urandom(16).hex() + "\n")
    if host.bare:
        furnish_bare(upper)
    else:
        install_host_keys(host, upper)
        authorise(upper, s.PROVISION_USER, 1000)
    if host.is_guest:
        guest.furnish_disk(host, upper)
    stamp.write_text(built_from(host))


def install_host_keys(host, upper, renew=False):
    for path in keys.host_keys(host, renew).iterdir():
        target = upper / "etc/ssh" / path.name
        shutil.copy(path, target)
        target.chmod(0o644 if path.suffix == ".pub" else 0o600)


def authorise(upper, user, number):
    home = upper / "home" / user
    (home / ".ssh").mkdir(parents=True)
    shutil.copy(keys.LOGIN_KEY.with_suffix(".pub"), home / ".ssh/authorized_keys")
    (home / ".ssh/authorized_keys").chmod(0o600)
    (home / ".ssh").chmod(0o700)
    for path in (home, home / ".ssh", home / ".ssh/authorized_keys"):
        os.chown(path, number, number)


def furnish_bare(upper):
    """What a cloud hands over: the image's first user with our key, and host keys that only the host knows, made at a
    first boot that takes a while. The user `provision` is gone: making it is what a bootstrap does."""
    for part in ("etc/systemd/system/multi-user.target.wants", "etc/systemd/system/ssh.service.d", "usr/local/sbin", "etc/sudoers.d"):
        (upper / part).mkdir(parents=True, exist_ok=True)
    script = upper / "usr/local/sbin/first-boot"
    script.write_text(f"""#!/bin/sh
# Stands for cloud-init's first boot: user, key and host keys, after a while. Its end is marked as cloud-init does.
set -e
sleep 8
id {s.CLOUD_USER} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {s.CLOUD_USER}
install -d -m 0700 -o {s.CLOUD_USER} -g {s.CLOUD_USER} /home/{s.CLOUD_USER}/.ssh
install -m 0600 -o {s.CLOUD_USER} -g {s.CLOUD_USER} /root/first-key.pub /home/{s.CLOUD_USER}/.ssh/authorized_keys
echo '{s.CLOUD_USER} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/90-cloud-init-users
chmod 0440 /etc/sudoers.d/90-cloud-init-users
rm -f /etc/sudoers.d/90-provision
userdel --remove {s.PROVISION_USER} 2>/dev/null || true
ssh-keygen -A
echo '-----BEGIN SSH HOST KEY FINGERPRINTS-----'
for key in /etc/ssh/ssh_host_*.pub; do ssh-keygen -lf "$key"; done
echo '-----END SSH HOST KEY FINGERPRINTS-----'
mkdir -p /var/lib/cloud/data /run/cloud-init
echo '{{"v1": {{"datasource": "DataSourceEc2Local", "errors": []}}}}' > /run/cloud-init/result.json
touch /var/lib/cloud/data/first-boot-done
""")
    script.chmod(0o755)
    (upper / "root").mkdir(mode=0o700, exist_ok=True)
    shutil.copy(keys.LOGIN_KEY.with_suffix(".pub"), upper / "root/first-key.pub")
    unit = upper / "etc/systemd/system/first-boot.service"
    unit.write_text("[Unit]\nDescription=First boot\nBefore=ssh.service\nConditionPathExists=!/var/lib/cloud/data/first-boot-done\n"
                    "[Service]\nType=oneshot\nExecStart=/usr/local/sbin/first-boot\nStandardOutput=journal+console\n"
                    "[Install]\nWantedBy=multi-user.target\n")
    (upper / "etc/systemd/system/multi-user.target.wants/first-boot.service").symlink_to("../first-boot.service")


def wipe(host):
    """The disk as it came; the next launch makes it again."""
    if host.is_guest and guest.wipe(disk(host), built_from(host)):
        return
    destroy(host)


def destroy(host):
    if disk(host).exists():
        image.unmount_below(disk(host))
        shutil.rmtree(disk(host))


def mount(host):
    root = disk(host) / "root"
    if os.path.ismount(root):
        return
    # Three layers: what the host changed, the package index (or another package manager), the image.
    below = amazon.layers() if host.is_amazon else f"{repository.layer(stands_on(host)[1])}:{image.BASE}"
    run("mount", "-t", "overlay", "cso-" + host.name, "-o",
        f"lowerdir={below},upperdir={disk(host)}/upper,workdir={disk(host)}/work", root)


# --- power ---------------------------------------------------------------------------------------------------------


def launch(host):
    """Starts a host and returns at once."""
    group(host).end()  # what a killed run left of it, or a host that went off by itself
    if host.name in network.stopped():
        network.set_stopped(host.name, False)
    ensure_disk(host)
    if host.is_guest:
        guest.launch(host, disk(host), group(host))
        return
    network.attach(host)
    mount(host)
    argv = ["setsid", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--settings=no", "--link-journal=no",
            "--resolv-conf=off", "--timezone=off", f"--network-namespace-path=/run/netns/{host.namespace}",
            f"--directory={disk(host)}/root", f"--hostname={host.name}", "--console=read-only"]
    if os.path.exists("/dev/fuse"):
        argv.append("--bind=/dev/fuse")  # for a shared file system without NFS
    argv.append(f"--bind={share.FOLDER}:{share.ON_HOSTS}")
    # As on a real Debian 12: cgroup v2 alone, also where this machine is a hybrid one, and /tmp on the disk.
    environment = clean_environment(SYSTEMD_NSPAWN_TMPFS_TMP="0", SYSTEMD_NSPAWN_UNIFIED_HIERARCHY="1")
    with open(disk(host) / "console.log", "wb") as console:
        # With --keep-unit nspawn leaves a reboot to its supervisor, and asks for it with 133.
        again = ["sh", "-c", 'while :; do "$@"; [ $? -eq 133 ] || exit; done', "sh"]
        subprocess.Popen(group(host).enter() + again + argv + ["--boot"], stdin=subprocess.DEVNULL, stdout=console,
                         stderr=console, env=environment, cwd="/")


def banner(host):
    """True when the host's sshd says its name. Connecting alone proves nothing: a port may accept and stay silent."""
    try:
        with socket.create_connection((host.address, 22), timeout=1) as connection:
            connection.settimeout(1)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def await_banner(host):
    deadline = s.BANNER_DEADLINE * (3 if host.is_guest else 1)
    if not wait_until(lambda: banner(host), deadline, 0.2):
        state = "runs" if running(host) else "went off"
        raise FleetError(f"{host.name} {state}, but no sshd answered at {host.address} in {deadline} s",
                         f"read {disk(host)}/console.log")


def start_all(hosts):
    """In small groups: each member of a group boots while the others do, the next group starts when all of it answers.
    A bare host is not waited for, since waiting for it is what its tests are about; nor is one that is cut off."""
    silent = network.cuts()
    for first in range(0, len(hosts), s.GROUP_SIZE):
        members = hosts[first:first + s.GROUP_SIZE]
        for host in members:
            launch(host)
        for host in members:
            if not host.bare and host.name not in silent and host.zone not in silent:
                await_banner(host)


def detach(host):
    (guest if host.is_guest else network).detach(host)


def stop_all(hosts, grace=10.0):
    """Powers hosts off in order (systemd-nspawn turns SIGTERM into a clean shutdown), all at once, then makes sure."""
    on = [host for host in hosts if group(host).pids()]
    for host in on:
        pid = leader(host)
        if pid is not None and grace and host.is_guest:
            guest.power_off(host)
        elif pid is not None and grace:
            try:
                os.kill(pid, signal.SIGRTMIN + 4)  # systemd's "power off"; the supervisor may ignore SIGTERM at boot
            except ProcessLookupError:
                pass
    wait_until(lambda: not any(running(host) for host in on), grace, 0.1)
    for host in hosts:
        group(host).end()
        image.unmount_below(disk(host))


def words(host, command):
    """The argv that runs a command as root inside, not over the host's own sshd."""
    pid = leader(host)
    if pid is None:
        raise FleetError(f"{host.name} is off", f"fleet start {host.name}")
    if host.is_guest:
        return guest.enter(host, command)
    return ["nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup",
            "--root", "--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
            "LC_ALL=C.UTF-8", "TERM=" + os.environ.get("TERM", "dumb"), *command]


def execute(host, command):
    """Becomes that command: tests break and look at a host without its sshd's help."""
    argv = words(host, command)
    if not host.is_guest:
        try:
            # In the host's own cgroup, so that whatever the command leaves behind belongs to the host and ends with it.
            (group(host).paths[0] / "payload/init.scope/cgroup.procs").write_text(str(os.getpid()))
        except OSError:
            pass  # a host in the middle of its boot has no scopes yet
    os.execvp(argv[0], argv)
