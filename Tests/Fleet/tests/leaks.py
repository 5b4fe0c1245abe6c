"""A secret is found nowhere but in its place: not in output, journals, argv, environments or any other file."""

import os
import subprocess
import sys
import time

from support import secrets_search
from support.harness import check, equal, test
from support.product import Run

PLACE = "/opt/ecs/setup.properties"


def files(world, host, wanted):
    """Every file of a host that holds a secret, on its disk and in its memory file systems; the journal as text."""
    pattern_file = world.scratch / "patterns"
    found = ["/" + os.path.relpath(path, host.upper) for path in secrets_search.in_tree(host.upper, wanted, pattern_file)]
    for folder in ("run", "tmp", "dev/shm"):
        found += ["/" + os.path.relpath(path, host.root)
                  for path in secrets_search.in_tree(host.root / folder, wanted, pattern_file)]
    journal = host.sh("journalctl -q --no-pager -o export || true").encode()
    found += [f"the journal: {what}" for what in secrets_search.in_bytes(journal, wanted)]
    return sorted(set(found))


def controller_files(world, wanted):
    """Home, temporary folder and state of the controller's user: all that a run could have written here."""
    pattern_file = world.fresh_folder("patterns") / "patterns"
    return [path for part in ("home", "tmp", "state", "other-state") if (world.scratch / part).exists()
            for path in secrets_search.in_tree(world.scratch / part, wanted, pattern_file)]


@test("a canary: first apply, second run, plan, a failing run, -v: no secret in output, argv, environment, journal or file", limit=400)
def canary(world):
    wanted = secrets_search.patterns(secrets_search.values())
    argv_wanted = secrets_search.patterns(secrets_search.values(), with_hashes=False)
    first, watched = getattr(world, "first_apply", None), getattr(world, "first_watch", None)
    runs, hits, sweeps = [], [], 0
    if first is None:
        world.bare()
        with secrets_search.Watch(argv_wanted) as watched:
            first = world.backend(seconds=260).expect(0, "changed")
        world.is_converged()
    runs.append(first)
    hits += watched.hits
    sweeps += watched.report["sweeps"]
    world.converged()
    host = world.first
    roles = world.roles({"backend/templates/backend-lb.conf": [("    server_name ", "    server_nam ")]})
    with secrets_search.Watch(argv_wanted) as watch:
        runs.append(world.backend().expect(0, "unchanged"))
        host.sh(f"sed -i 's/^idmAdmin=.*/idmAdmin=somebody/' {PLACE}; chmod 0600 {PLACE}")
        runs.append(world.plan("--role", "backend", "--verbose").expect(2))
        runs.append(world.product.run("plan", "--role", "backend", "--verbose").expect(2))
        runs.append(world.apply("--role", "backend", "--verbose", env={"CSO_ROLES": roles}))
        check(runs[-1].code == 3, "the failing run fails", str(runs[-1]))
        runs.append(world.product.run("--role", "backend", "--yes", "--verbose").expect(0))
        # Its log is full of what it was given: the installer prints the key when the release is put in again.
        host.sh("rm /opt/prov/releases/.backend/marker")
        runs.append(world.product.run("--role", "backend", "--yes", "--verbose").expect(0))
    hits += watch.hits
    sweeps += watch.report["sweeps"]
    check(sweeps > 200 and watch.report["longest"] < 0.5,
          f"{sweeps} sweeps, the longest pause {watch.report['longest']:.2f} s: processes could hide between them")
    for run in runs:
        equal(secrets_search.in_bytes((run.out + run.err).encode(), wanted), [], f"output of `{' '.join(run.argv)}`")
    equal(hits, [], "argv and environments")
    equal(controller_files(world, wanted), [], "files of the controller")
    check((world.scratch / "state/runs").is_dir(), "the journal was searched")
    for each in world.backends:
        equal(files(world, each, wanted), [PLACE], f"files of {each.name}")


@test("the control: planted secrets are found in argv, an environment, output, files and the journal")
def control(world):
    world.converged()
    secrets = secrets_search.values()
    wanted = secrets_search.patterns(secrets)
    value = secrets["service_password"]
    forms = secrets_search.forms(value)
    host = world.second
    with secrets_search.Watch(wanted) as watch:
        processes = [
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1)", forms["JSON"].decode()]),
            subprocess.Popen(["sleep", "1"], env={"PLANTED": secrets["db_password"], "PATH": os.environ["PATH"]}),
            # A short one on a host, as a careless step would start it.
            subprocess.Popen(host.enter() + ["sh", "-c", "sleep 0.1; :", value]),
        ]
        for process in processes:
            process.wait()
        time.sleep(0.2)
    where = {(hit["pid"], hit["where"]) for hit in watch.report["hits"]}
    check((processes[0].pid, "cmdline") in where, "argv in JSON's form", str(watch.hits))
    check((processes[1].pid, "environ") in where, "an environment", str(watch.hits))
    check(any(hit["where"] == "cmdline" and hit["name"] in ("sh", "env") for hit in watch.report["hits"]),
          "a short process on a host", str(watch.hits))
    for kind, form in {**forms, **secrets_search.hashes(value)}.items():
        output = Run([], 0, "before " + form.decode("latin-1") + " after", "", 0)
        check(secrets_search.in_bytes(output.out.encode("latin-1"), wanted), f"the form {kind} in output")
    base = forms["URL"]
    planted = ["/var/tmp/planted", "/run/planted", "/etc/planted.cso-tmp"]
    try:
        for path in planted:
            host.path(path).write_bytes(b"\0\xff binary " + base + b"\n")
        host.sh("systemd-cat -t planted cat /run/planted")
        time.sleep(0.5)
        found = files(world, host, wanted)
        for path in [*planted, PLACE]:
            check(path in found, f"{path} is found", str(found))
        check(any(entry.startswith("the journal") for entry in found), "the journal is searched", str(found))
        (world.scratch / "state/planted").write_bytes(base)
        check(controller_files(world, wanted) == [str(world.scratch / "state/planted")], "a file of the controller")
    finally:
        for path in planted:
            host.path(path).unlink(missing_ok=True)
        (world.scratch / "state/planted").unlink(missing_ok=True)
        # The journal of this host holds a planted value now: the host goes back to bare.
        world.bare()
