#!/usr/bin/env python3
"""A STAND-IN for the vendor's installer, for tests of cso-provision only. It is not the vendor's software.

The vendor's package is not public; what is known of its interface is kept: it is run in the folder where the archive
was unpacked, as `python3 installer_p3.py -i backend,backend-lb` or `-i frontend,frontend-lb,doc`, reads `setup.properties` beside it, writes below
/opt/ecs and logs to /var/log/ecs. Like the vendor's it makes no promise to be idempotent, and makes no systemd unit.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
PARTS = ["backend", "backend-lb", "frontend", "frontend-lb", "doc"]
KEYS = """frontendHostname backendHostname proxyOptions propertiesEncryptionAlgorithm propertiesEncryptionKey
serviceAccountPassword serviceAccountPasswordEncrypted javaSecurityPassword javaSecurityPasswordEncoded dbUrl dbUserPrefix
dbUserPassword rabbitmqHosts rabbitmqPort rabbitmqUserPassword rabbitmqVirtualHost idmHosts idmPort idmDomain idmAdmin
idmAdminPassword""".split()
MAY_BE_EMPTY = {"proxyOptions"}

HELP = """A STAND-IN for the vendor's installer, for tests only.

Failures on request, by a key in setup.properties or an environment variable:
  standin.failure      STANDIN_FAILURE       error-in-log: goes on, logs ERROR, installs half of it, exits 0
                                             exit:   exits 3 before anything is written
                                             hang:   never ends, after /opt/ecs/PART has been emptied
                                             bad-release: installs, but the services never answer 200
  standin.seconds      STANDIN_SECONDS       how long an installation takes (default 0)
  standin.root         STANDIN_ROOT          write below this folder instead of / (for tests without a host)
"""


def unescape(text):
    """The escapes of Java's .properties files, since that is what reads the vendor's file."""
    plain = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}

    def one(match):
        code = match[1]
        return chr(int(code[1:], 16)) if len(code) == 5 else plain.get(code, code)

    decoded = re.sub(r"\\(u[0-9a-fA-F]{4}|.)", one, text)
    # Two \u escapes may be the halves of one character.
    return decoded.encode("utf-16", "surrogatepass").decode("utf-16")


def read_properties(path):
    """key=value lines; comments start with # or !, a [section] line is allowed, a backslash at the end continues."""
    values, pending = {}, ""
    for line in path.read_text(encoding="utf-8").split("\n"):
        line = pending + line.rstrip("\r").lstrip(" \t\f")
        pending = ""
        if re.search(r"(?<!\\)(\\\\)*\\$", line):
            pending = line[:-1]
            continue
        if not line or line[0] in "#![":
            continue
        match = re.match(r"((?:\\.|[^\\=: \t])+)[ \t]*[=:]?[ \t]*(.*)$", line)
        if match:
            values[unescape(match[1])] = unescape(match[2])
    return values


class Log:
    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.file = open(folder / "installer.log", "a", encoding="utf-8")

    def write(self, level, text):
        line = f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S} {level:5} [stand-in] {text}"
        print(line, flush=True)
        print(line, file=self.file, flush=True)


def fail(log, text, status=1):
    log.write("ERROR", text)
    sys.exit(status)


def main():
    parser = argparse.ArgumentParser(description=HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-i", dest="parts", metavar="PART[,PART]", help="parts to install: " + ", ".join(PARTS))
    parser.add_argument("--digest", metavar="KEY", help="print the SHA-256 of a key's value as the product would read it, and end; "
                        "a test compares it with the secret without ever showing either")
    options = parser.parse_args()

    setup = HERE / "setup.properties"
    properties = read_properties(setup) if setup.exists() else None
    if options.digest:
        if properties is None or options.digest not in properties:
            sys.exit(f"stand-in installer: no {options.digest} in {setup}")
        print(hashlib.sha256(properties[options.digest].encode("utf-8")).hexdigest())
        return
    if not options.parts:
        parser.error("-i is required")

    def switch(name):
        return os.environ.get("STANDIN_" + name.upper()) or (properties or {}).get("standin." + name, "")

    root = pathlib.Path(switch("root") or "/")
    log = Log(root / "var/log/ecs")
    release = (HERE / "release").read_text().strip()
    log.write("INFO", f"STAND-IN installer for tests, release {release}, parts {options.parts}")
    if properties is None:
        fail(log, f"{setup} not found")
    missing = [key for key in KEYS if key not in properties]
    empty = [key for key in KEYS if key not in missing and key not in MAY_BE_EMPTY and properties[key] == ""]
    if missing or empty:
        fail(log, "setup.properties: " + "; ".join(f"{what} {', '.join(names)}" for what, names in
                                                   (("missing", missing), ("empty", empty)) if names))
    parts = options.parts.split(",")
    for part in parts:
        if part not in PARTS:
            fail(log, f"unknown part {part}; there are {', '.join(PARTS)}", 2)

    failure = switch("failure")
    if failure == "exit":
        fail(log, "requested failure", 3)
    for part in ("backend", "frontend"):
        if part in parts:
            install(log, part, root / "opt/ecs" / part, release, failure, float(switch("seconds") or 0))
    for part in ("backend-lb", "frontend-lb"):
        if part in parts:
            # The vendor's fragment for its own load balancer; our roles write nginx themselves, so it stays in its own folder.
            folder = root / "opt/ecs" / part
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{part}.conf").write_text("# written by the stand-in installer; included by nothing\n")
            log.write("INFO", f"{part}: wrote {folder}/{part}.conf")
    if "doc" in parts:
        folder = root / "opt/ecs/doc"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(f"<p>STAND-IN for the documentation of release {release}\n")
        log.write("INFO", f"doc: wrote {folder}/index.html")
    if failure == "error-in-log":
        log.write("ERROR", "java.sql.SQLException: requested failure; the installation goes on")
    log.write("INFO", "installation finished")


def install(log, part, target, release, failure, seconds):
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    log.write("INFO", f"{part}: unpacking into {target}")
    time.sleep(seconds)
    if failure == "hang":
        log.write("INFO", f"{part}: waiting for the database")
        while True:
            time.sleep(3600)
    if failure == "error-in-log":
        return
    program = f"standin_{part}.py"
    shutil.copy(HERE / program, target / program)
    release_file = {"release": release, "healthy": failure != "bad-release", "stand-in": True}
    (target / "release.json").write_text(json.dumps(release_file) + "\n")
    start = target / "start"
    start.write_text("#!/bin/sh\n# Written by the stand-in installer; for tests only.\n"
                     f"exec python3 {target}/{program} \"$@\"\n")
    start.chmod(0o755)
    log.write("INFO", f"{part}: release {release} installed")


if __name__ == "__main__":
    main()
