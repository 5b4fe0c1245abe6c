"""The long-running services of the VPC: one process each, in the router's namespace and in a cgroup of its own."""

import socket
import subprocess

from . import settings as s
from .cgroups import Group
from .shell import FleetError, clean_environment, wait_until


def log(name):
    return s.LOGS / f"{name}.log"


def running(name):
    return bool(Group("service-" + name).pids())


def start(name, argv, address, port, env=None, deadline=20, namespace=s.VPC):
    """Starts a service unless it runs, and waits until it accepts connections."""
    if not running(name):
        s.LOGS.mkdir(parents=True, exist_ok=True)
        prefix = Group("service-" + name).enter() + ["setsid", "ip", "netns", "exec", namespace]
        with open(log(name), "wb") as out:
            subprocess.Popen(prefix + [str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                             env=clean_environment(**(env or {})), cwd="/")
    if not wait_until(lambda: accepts(address, port), deadline, 0.05):
        raise FleetError(f"{name} does not answer at {address}:{port}", f"read {log(name)}")


def accepts(address, port):
    try:
        with socket.create_connection((address, port), timeout=0.5):
            return True
    except OSError:
        return False


def stop(name, grace=2.0):
    Group("service-" + name).end(grace)
