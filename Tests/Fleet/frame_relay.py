#!/usr/bin/env python3
"""A transport prefix that knows the frames of a host's session: it passes all bytes both ways, and counts or kills at the
boundaries between them.

    frame_relay.py --count FILE -- COMMAND...          one line in FILE for each boundary
    frame_relay.py --kill-after N -- COMMAND...        SIGKILL for the parent, the controller, after boundary N

Boundaries: 0 the command was started, 1 its greeting was passed on; then, for the k-th frame, 2k the host has the frame
whole and begins it, 2k+1 its answer was passed back whole. After a kill the host sees what it sees when a connection
breaks: an end of input, and nobody who reads.

--pid-file F holds our pid. We end when the command has ended, so whoever waits for that pid knows that nothing of this
session runs any more except what is supervised."""

import argparse
import os
import re
import selectors
import signal
import subprocess
import sys

GREETING = re.compile(rb"\ncso-provision-reader \d+ (\S+)\n")


class Frames:
    """Counts frames in what the controller sends. Header: KIND SCRIPT-BYTES INPUT-BYTES LIMIT."""

    def __init__(self):
        self.header, self.left, self.boundary = b"", 0, b""

    def feed(self, data):
        """Gives pairs (bytes, kind of the frame that they complete, or None)."""
        while data:
            if self.left == 0:
                line, found, rest = data.partition(b"\n")
                self.header += line + found
                if found:
                    kind, script, size, _ = self.header.split()
                    self.kind = kind.decode()
                    # An input is followed by a line break, the boundary, a line break.
                    self.left = int(script) + (int(size) + len(self.boundary) + 2 if int(size) else 0)
                    self.header = b""
                yield line + found, None
                data = rest
            else:
                part, data = data[: self.left], data[self.left :]
                self.left -= len(part)
                yield part, (self.kind if self.left == 0 else None)


class Answers:
    """Finds where answers begin and end in one stream from the host: byte 1, boundary, ` begin K 0` or ` end K STATUS`."""

    def __init__(self):
        self.tail = b""

    def feed(self, data, boundary):
        self.tail += data
        pattern = rb"\x01" + re.escape(boundary) + rb" (begin|end) (\d+) \S+\n"
        found = [(word.decode(), int(number)) for word, number in re.findall(pattern, self.tail)]
        # Whatever could be the beginning of a marker still counts; what was counted does not.
        cut = self.tail.rfind(b"\n") + 1 if found else max(0, len(self.tail) - 200)
        self.tail = self.tail[cut:]
        return found


class Relay:
    def __init__(self, given):
        self.given = given
        self.controller = os.getppid()
        self.frames, self.answers = Frames(), {1: Answers(), 2: Answers()}
        self.early = b""  # of standard output, until the greeting tells the boundary
        self.early_errors = b""
        # Number of the last answer that began, and that ended, on each stream.
        self.last = {"begin": {1: -1, 2: -1}, "end": {1: -1, 2: -1}}
        self.kind = None  # of the last whole frame

    def reached(self, number, what):
        if self.given.count:
            with open(self.given.count, "a") as file:
                file.write(f"{number} {what}\n")
        if self.given.kill_after == number:
            os.kill(self.controller, signal.SIGKILL)
            self.finish()

    def finish(self):
        """Hangs up on the command and waits for it."""
        for stream in (self.command.stdin, self.command.stdout, self.command.stderr):
            os.close(stream.fileno())
        code = self.command.wait()
        os._exit(code if code >= 0 else 128 - code)

    def from_controller(self, data):
        for part, kind in self.frames.feed(data):
            try:
                write(self.command.stdin.fileno(), part)
            except BrokenPipeError:
                return
            self.kind = kind or self.kind

    def from_host(self, stream, data):
        write(stream, data)
        if not self.frames.boundary:
            if stream == 2:
                self.early_errors += data
                return
            self.early += data
            greeting = GREETING.search(self.early)
            if not greeting:
                return
            self.frames.boundary = greeting[1]
            self.note(2, self.early_errors)
            data = self.early
        self.note(stream, data)

    def note(self, stream, data):
        for word, number in self.answers[stream].feed(data, self.frames.boundary):
            self.last[word][stream] = number
            if self.last[word][1] != self.last[word][2]:
                continue
            if word == "begin":
                self.reached(2 * number, f"frame {self.kind}")
            else:
                self.reached(2 * number + 1, "answer" if number else "greeting")

    def run(self):
        self.command = subprocess.Popen(
            self.given.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        if self.given.pid_file:
            with open(self.given.pid_file, "w") as file:
                file.write(f"{os.getpid()}\n")
        self.reached(0, "start")
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ, 0)
        selector.register(self.command.stdout, selectors.EVENT_READ, 1)
        selector.register(self.command.stderr, selectors.EVENT_READ, 2)
        while len(selector.get_map()) > (1 if 0 in selector.get_map() else 0):
            for key, _ in selector.select():
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                    if key.data == 0:
                        os.close(self.command.stdin.fileno())
                elif key.data == 0:
                    self.from_controller(data)
                else:
                    try:
                        self.from_host(key.data, data)
                    except BrokenPipeError:
                        self.finish()
        code = self.command.wait()
        os._exit(code if code >= 0 else 128 - code)


def write(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kill-after", type=int, metavar="N")
    parser.add_argument("--count", metavar="FILE")
    parser.add_argument("--pid-file", metavar="FILE")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    Relay(parser.parse_args()).run()


if __name__ == "__main__":
    main()
