"""The program under test: run to its end, or started and steered."""

import json
import os
import re
import signal
import subprocess
import threading
import time

from .harness import Failed, indent

PROGRESS = re.compile(r"^\s*\d+\.\d s  (\S+)  (.*)$")


class Run:
    """One ended run."""

    def __init__(self, argv, code, out, err, seconds):
        self.argv, self.code, self.out, self.err, self.seconds = argv, code, out, err, seconds

    def __str__(self):
        return (f"$ cso-provision {' '.join(self.argv)}\nexit {self.code} after {self.seconds:.2f} s\n--- stdout\n{self.out}"
                f"\n--- stderr\n{self.err}")

    @property
    def json(self):
        """Standard output as exactly one JSON document."""
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise Failed(f"stdout is not one JSON document: {error}\n{indent(str(self))}") from None

    @property
    def hosts(self):
        return {host["host"]: host for host in self.json["hosts"]}

    def outcomes(self):
        return {name: host["outcome"] for name, host in self.hosts.items()}

    def changes(self, host):
        """resource -> action, of one host."""
        return {change["resource"]: change["action"] for change in self.hosts[host]["changes"]}

    def progress(self):
        """(host, text) of each line of progress, in order."""
        return [match.groups() for match in map(PROGRESS.match, self.err.splitlines()) if match]

    def expect(self, code, outcome=None):
        if self.code != code or (outcome is not None and self.json["outcome"] != outcome):
            found = self.json.get("outcome") if outcome is not None and self.out.strip() else None
            raise Failed(f"exit {self.code}{f' ({found})' if found else ''}, wanted {code}"
                         f"{f' ({outcome})' if outcome else ''}\n{indent(str(self))}")
        return self


class Started:
    """A run that is under way. Its stderr is read line by line, so that a test can act in the middle of it."""

    def __init__(self, argv, process, began):
        self.argv, self.process, self.began = argv, process, began
        self._out, self._err = bytearray(), []
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._read_out, daemon=True),
                         threading.Thread(target=self._read_err, daemon=True)]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self):
        return self.process.pid

    def _read_out(self):
        for chunk in iter(lambda: self.process.stdout.read1(65536), b""):
            self._out += chunk

    def _read_err(self):
        for line in self.process.stderr:
            with self._news:
                self._err.append(line.decode(errors="replace"))
                self._news.notify_all()
        with self._news:
            self._err.append(None)
            self._news.notify_all()

    def await_progress(self, part, seconds=60):
        """Returns as soon as a line of stderr contains `part`."""
        end = time.monotonic() + seconds
        seen = 0
        with self._news:
            while True:
                while seen < len(self._err):
                    line = self._err[seen]
                    seen += 1
                    if line is None:
                        raise Failed(f"it ended before it said {part!r}", indent(self.stderr()))
                    if part in line:
                        return line
                rest = end - time.monotonic()
                if rest <= 0:
                    raise Failed(f"it did not say {part!r} within {seconds} s", indent(self.stderr()))
                self._news.wait(rest)

    def stderr(self):
        return "".join(line for line in self._err if line is not None)

    def send(self, number):
        os.kill(self.process.pid, number)

    def finish(self, seconds=120):
        """Waits for its end."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"it did not end within {seconds} s and was killed\n"
                         f"{indent(str(self._run()))}") from None
        return self._run()

    def _run(self):
        seconds = time.monotonic() - self.began
        for thread in self._threads:
            thread.join(5)
        return Run(self.argv, self.process.returncode, self._out.decode(errors="replace"), self.stderr(), seconds)

    def kill(self):
        """SIGKILL, as a power cut of the jump server would end it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def ensure_ended(self):
        if self.process.poll() is None:
            self.kill()


class Product:
    def __init__(self, binary, environment):
        self.binary = binary
        self.environment = environment
        self.runs = []

    def start(self, *argv, env=None, prefix=(), stdin=subprocess.DEVNULL):
        environment = {**self.environment, **(env or {})}
        process = subprocess.Popen([*prefix, self.binary, *argv], stdin=stdin, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env={k: v for k, v in environment.items() if v is not None},
                                   cwd=environment["HOME"])
        return Started(list(argv), process, time.monotonic())

    def run(self, *argv, env=None, prefix=(), seconds=120, input=None):
        started = self.start(*argv, env=env, prefix=prefix, stdin=subprocess.DEVNULL if input is None else subprocess.PIPE)
        try:
            if input is not None:
                started.process.stdin.write(input)
                started.process.stdin.close()
            run = started.finish(seconds)
        finally:
            started.ensure_ended()
        self.runs.append(run)
        return run

    def remember(self, run):
        self.runs.append(run)
        return run
