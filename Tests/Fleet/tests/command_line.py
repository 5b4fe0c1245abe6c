"""What the operator types and reads. Nothing here changes a host."""

import json
import os
import pty
import re
import select
import subprocess
import time

from support.harness import Failed, check, contains, equal, indent, lacks, test

ESCAPE = "\x1b["


@test("without a selection it prints help and ends with 0; help names exit codes and commands")
def no_selection(world):
    run = world.product.run().expect(0)
    for part in ("cso-provision --role backend", "plan", "check", "hosts", "unlock", "130"):
        contains(run.out, part, "help")
    equal(world.product.run("--help").expect(0).out, run.out, "--help")
    contains(world.product.run("plan", "--help").expect(0).out, "--role", "help of plan")


@test("an unknown role, host, zone or option ends with 1 and the nearest name")
def unknown_names(world):
    for argv, near in ((["--role", "bakend"], "backend"), (["--host", "backend3"], "backend0"),
                       (["--az", "eu-west-2b"], "eu-west-2"), (["plan", "--rolle", "backend"], "--role")):
        argv = argv if argv[0] == "plan" else ["plan", *argv]
        run = world.product.run(*argv).expect(1)
        contains(run.err, near, f"the message for {' '.join(argv)}")
        equal(run.out, "", "stdout")


@test("all mistakes of all files are shown at once, each with its place, and no host is asked")
def mistakes(world):
    roles = world.roles({
        "base/role.yaml": [('mode: "0755"', "mode: 0755")],
        "application/role.yaml": [("template: setup.properties", "template: setup.propertys")],
        "backend/role.yaml": [("  - service: nginx.service", "  - servce: nginx.service")]})
    run = world.plan("--role", "backend", env={"CSO_ROLES": roles}, prefix=["unshare", "--net"]).expect(1)
    for part in ("base/role.yaml:", "backend/role.yaml:", "setup.properties", '"service"', "0755"):
        contains(run.err, part, "the message")
    places = [(m["file"], m["line"], m["column"]) for m in run.json["mistakes"]]
    check(len(places) >= 3 and all(all(place) for place in places), "each mistake has file, line and column", str(places))
    equal(run.json["hosts"], [], "hosts")


@test("check needs no network at all")
def check_offline(world):
    # A network namespace without any link: neither the zone nor AWS nor a host could be asked.
    run = world.product.run("check", prefix=["unshare", "--net"]).expect(0)
    contains(run.out, "8 hosts", "check")
    world.product.run("check", "--inventory", str(world.scratch / "Inventory/prod-ha"), prefix=["unshare", "--net"]).expect(0)


@test("hosts shows every declared host with its address, and a name in the zone that nobody declared")
def hosts_table(world):
    run = world.product.run("hosts").expect(0)
    rows = {line.split()[0]: line.split()[1:] for line in run.out.splitlines() if not line.startswith("#")}
    equal(rows["backend01"], ["backend", "10.1.128.11", "eu-west-2a"], "row")
    equal(rows["rabbitmq02"], ["rabbitmq", "10.1.192.41", "eu-west-2c"], "row")
    equal(len(rows), 9, "rows with the head")
    undeclared = [line for line in run.out.splitlines() if "undeclared" in line]
    check(any("forgotten01" in line and "10.1.128.99" in line for line in undeclared), "forgotten01 is reported", run.out)
    check(not any("backend01" in line for line in undeclared), "declared hosts are not reported", run.out)
    document = world.product.run("hosts", "--output", "json").expect(0).json
    equal(len(document["hosts"]), 8, "hosts in JSON")
    contains(json.dumps(document["undeclared"]), "forgotten01", "undeclared in JSON")


@test("without a terminal and without --yes it ends with 1 before anything is asked")
def no_terminal(world):
    run = world.product.run("--role", "backend", prefix=["unshare", "--net"]).expect(1)
    contains(run.err, "--yes", "the message")
    run = world.product.run("unlock", "backend01", prefix=["unshare", "--net"]).expect(1)
    contains(run.err, "--yes", "the message of unlock")


class Terminal:
    """A run with a terminal of its own for all three streams."""

    def __init__(self, world, *argv, env=None):
        self.text = ""
        environment = {**world.product.environment, **(env or {})}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(environment["HOME"])
            os.execve(world.product.binary, [world.product.binary, *argv], environment)

    def await_text(self, part, seconds):
        end = time.monotonic() + seconds
        while part not in self.text:
            if not self.read(max(0.0, end - time.monotonic())):
                raise Failed(f"the terminal did not show {part!r}", indent(self.text))
        return self.text

    def read(self, seconds):
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self.descriptor, 65536)
        except OSError:
            return False
        self.text += chunk.decode(errors="replace")
        return bool(chunk)

    def say(self, text):
        os.write(self.descriptor, text.encode())

    def finish(self, seconds):
        end = time.monotonic() + seconds
        while self.read(max(0.0, end - time.monotonic())):
            pass
        while time.monotonic() < end:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = None
                os.close(self.descriptor)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise Failed(f"it did not end within {seconds} s", indent(self.text))

    def ensure_ended(self):
        if self.pid is not None:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
            os.close(self.descriptor)


@test("on a terminal it asks: `n` changes nothing, `y` goes on; NO_COLOR means no color")
def asks(world):
    host = world.spare
    world.spare_bare()
    env = world.small("counting", text="asked")
    try:
        before = host.fingerprint()
        terminal = Terminal(world, "--role", "counting", env=env)
        try:
            shown = terminal.await_text("[y/N]", 40)
            contains(shown, "/etc/cso-counting/settings", "the plan before the question")
            contains(shown, ESCAPE, "color on a terminal")
            terminal.say("n\n")
            code = terminal.finish(20)
        finally:
            terminal.ensure_ended()
        contains(terminal.text, "not-attempted", "what it says after `n`")
        equal(code, 0, "exit code after `n`")
        check(not host.exists("/etc/cso-counting") and host.fingerprint() == before, "`n` changed something")

        terminal = Terminal(world, "--role", "counting", env={**env, "NO_COLOR": "1"})
        try:
            terminal.await_text("[y/N]", 40)
            terminal.say("y\n")
            code = terminal.finish(60)
        finally:
            terminal.ensure_ended()
        equal(code, 0, "exit code after `y`")
        check(re.search(r"keystone02\s+changed", terminal.text), "it goes on after `y`", indent(terminal.text))
        check(not re.search(r"\x1b\[[0-9;]*m", terminal.text), "NO_COLOR", repr(terminal.text[:300]))
        check(host.exists("/etc/cso-counting/settings"), "`y` changed nothing")
        # Without a terminal there is never color.
        run = world.product.run("plan", "--role", "counting", env=env).expect(0)
        lacks(run.out + run.err, "\x1b", "output without a terminal")
    finally:
        world.spare_bare()


@test("completion: a real bash completes commands, options and the values of --output")
def completion(world):
    script = world.fresh_folder("completion") / "cso-provision.bash"
    script.write_text(world.product.run("--generate-completion-script", "bash").expect(0).out)
    for words, wanted in ((["cso-provision", "pl"], {"plan"}), (["cso-provision", ""], {"apply", "check", "schema"}),
                          (["cso-provision", "plan", "--r"], {"--role", "--roles"}),
                          (["cso-provision", "plan", "--output", ""], {"text", "json"})):
        # What bash does when Tab is pressed behind the last word.
        ask = '''source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
            function=$(complete -p cso-provision | sed 's/.*-F \\([^ ]*\\).*/\\1/')
            "$function" cso-provision "${@: -1}" "${@: -2:1}" 2>/dev/null
            printf '%s\\n' "${COMPREPLY[@]}"'''
        done = subprocess.run(["bash", "--norc", "-c", ask, "bash", str(script), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              env={"PATH": f"{os.path.dirname(world.product.binary)}:/usr/bin:/bin"})
        offered = {line.strip() for line in done.stdout.splitlines()}
        check(wanted <= offered, f"`{' '.join(words)}` offers {sorted(wanted)}", sorted(offered))
