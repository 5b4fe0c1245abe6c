"""Wall time, CPU time and memory of commands that run at once. One sample is one run of all of them."""

import dataclasses
import os
import pathlib
import statistics
import time


class BenchError(Exception):
    """A run that cannot be counted: it failed, or it did not do what it is timed for. `remedy` is what to do."""

    def __init__(self, message, remedy=None):
        super().__init__(message)
        self.remedy = remedy


@dataclasses.dataclass
class Sample:
    wall: float  # seconds, from the first start to the last end
    cpu: float  # seconds, user and system, of the commands and of all that they waited for; not of the hosts
    machine_cpu: float  # seconds, of everything on this machine meanwhile: the hosts are on it too
    peak_kb: int  # of the largest process


@dataclasses.dataclass
class Command:
    argv: list
    stdin: str = "/dev/null"  # a file
    environment: dict = None


@dataclasses.dataclass
class Result:
    code: int
    stdout: str
    stderr: str


def run_together(commands, folder):
    """Starts all commands, waits for all. Output goes to files, so that nobody waits for this process to read."""
    folder = pathlib.Path(folder)
    before = machine_cpu()
    start = time.monotonic()
    pids = {}
    for index, command in enumerate(commands):
        actions = [(os.POSIX_SPAWN_OPEN, 0, command.stdin, os.O_RDONLY, 0)]
        for descriptor, name in ((1, "out"), (2, "err")):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            actions.append((os.POSIX_SPAWN_OPEN, descriptor, str(folder / f"{index}.{name}"), flags, 0o600))
        environment = os.environ if command.environment is None else command.environment
        pids[os.posix_spawnp(command.argv[0], command.argv, environment, file_actions=actions)] = index
    cpu, peak, codes = 0.0, 0, {}
    while pids:
        pid, status, usage = os.wait4(-1, 0)
        if pid not in pids:
            continue  # a helper of ours, reaped by its Popen object as already gone
        codes[pids.pop(pid)] = os.waitstatus_to_exitcode(status)
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
    sample = Sample(time.monotonic() - start, cpu, machine_cpu() - before, peak)
    read = lambda index, name: (folder / f"{index}.{name}").read_text(errors="replace")
    return sample, [Result(codes[i], read(i, "out"), read(i, "err")) for i in range(len(commands))]


def machine_cpu():
    """Busy seconds of all cores since boot."""
    fields = [int(word) for word in open("/proc/stat").readline().split()[1:]]
    user, nice, system, _, _, irq, softirq = fields[:7]
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def median(samples, key):
    return statistics.median(getattr(sample, key) for sample in samples)


def interleaved(runs, repeat, note):
    """`runs` is name -> function that returns a Sample. A B C A B C: what else the machine does meets all alike."""
    samples = {name: [] for name in runs}
    for round_number in range(repeat):
        for name, function in runs.items():
            sample = function()
            samples[name].append(sample)
            note(f"  {round_number + 1}/{repeat}  {name:34}  {sample.wall:6.3f} s  cpu {sample.cpu:5.2f} s")
    return samples
