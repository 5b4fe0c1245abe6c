"""What somebody changes by hand is found, shown as far as it may be shown, and put right; nothing else is touched."""

import hashlib

from support import secrets_search
from support.harness import check, contains, equal, test
from support.world import SERVICES

SITE = "/etc/nginx/conf.d/backend-lb.conf"
PROPERTIES = "/opt/ecs/setup.properties"


@test("a file changed by hand is found, shown as a diff, put right; its service is reloaded once, and only then")
def drifted_file(world):
    world.converged()
    host, right = world.first, world.first.read(SITE)
    reloads = host.reloads("nginx.service")
    units = host.units(*SERVICES)
    host.write(SITE, right.replace(b"return 404;", b"return 200 \"hello\";"))
    with world.untouched(world.second):
        run = world.plan("--role", "backend", "--diff").expect(2, "would-change")
        equal(run.outcomes(), {"backend01": "would-change", "backend02": "unchanged"}, "outcomes of plan")
        change = next(c for c in run.hosts["backend01"]["changes"] if c["resource"] == f"file:{SITE}")
        equal(change["action"], "update", "action")
        check('-    location / { return 200 "hello"; }' in change["diff"].splitlines(), "the line that goes", change["diff"])
        check("+    location / { return 404; }" in change["diff"].splitlines(), "the line that comes", change["diff"])
        equal(change["notifies"], ["reload nginx.service"], "what it notifies")
        equal(set(run.changes("backend01")), {f"file:{SITE}", "service:nginx.service"}, "nothing else is planned")
        text = world.product.run("plan", "--role", "backend").expect(2)
        contains(text.out, "return 404;", "the diff as text")
        equal(host.reloads("nginx.service"), reloads, "reloads after plan")

        run = world.backend().expect(0, "changed")
        equal(run.outcomes(), {"backend01": "changed", "backend02": "unchanged"}, "outcomes of apply")
        equal(set(run.changes("backend01")), {f"file:{SITE}", "service:nginx.service"}, "nothing else was done")
    equal(host.read(SITE), right, "the file")
    equal(host.reloads("nginx.service"), reloads + 1, "reloads of nginx")
    equal(host.units(*SERVICES)["cso-backend.service"], units["cso-backend.service"], "the other service")
    world.backend().expect(0, "unchanged")
    equal(host.reloads("nginx.service"), reloads + 1, "reloads after a further run")


@test("a sensitive file changed by hand is put right, shown without content, hash and length")
def drifted_sensitive(world):
    world.converged()
    host, right = world.first, world.first.read(PROPERTIES)
    planted = b"planted-by-a-test-7431"
    wrong = right + b"somebody=" + planted + b"\n"
    host.write(PROPERTIES, wrong)
    text = world.product.run("plan", "--role", "backend", "--verbose").expect(2)
    run = world.plan("--role", "backend", "--verbose").expect(2, "would-change")
    change = next(c for c in run.hosts["backend01"]["changes"] if c["resource"] == f"file:{PROPERTIES}")
    equal(change["differences"], {"content": {"sensitive": True}}, "the differences")
    check("diff" not in change, "no diff", str(change))
    done = world.backend(env={}).expect(0, "changed")
    equal(host.read(PROPERTIES), right, "the file")
    forbidden = {planted: "the planted value", **secrets_search.patterns(secrets_search.values())}
    for content in (right, wrong):
        for kind in ("md5", "sha1", "sha256"):
            forbidden[hashlib.new(kind, content).hexdigest()[:12].encode()] = f"{kind} of the file"
        forbidden[str(len(content)).encode() + b" "] = "its length"
    for shown in (text, run, done):
        found = secrets_search.in_bytes((shown.out + shown.err).encode(), forbidden)
        equal(found, [], f"what `{' '.join(shown.argv)}` shows")


@test("a mode or an owner changed by hand is put right without rewriting the file")
def drifted_mode(world):
    world.converged()
    host = world.first
    before = host.sh(f"stat -c '%i %Y' {SITE} {PROPERTIES}")
    host.sh(f"chmod 0666 {SITE}; chown ecs:ecs {PROPERTIES}")
    run = world.plan("--role", "backend").expect(2)
    changes = {c["resource"]: c["differences"] for c in run.hosts["backend01"]["changes"]}
    equal(changes[f"file:{SITE}"], {"mode": {"observed": "0666", "desired": "0644"}}, "difference of the mode")
    check({"owner", "group"} == set(changes[f"file:{PROPERTIES}"]), "difference of the owner", str(changes))
    world.backend().expect(0, "changed")
    equal(host.sh(f"stat -c '%a %U %G' {SITE} {PROPERTIES}").split("\n")[:2], ["644 root root", "600 root root"], "after it")
    equal(host.sh(f"stat -c '%i %Y' {SITE} {PROPERTIES}"), before, "inode and time of the content")


@test("a file that its validator refuses never takes its place, and nginx goes on with the old one")
def refused_by_validator(world):
    world.converged()
    roles = world.roles({"backend/templates/backend-lb.conf": [("    server_name ", "    server_nam ")]})
    with world.untouched(world.first):
        run = world.backend(env={"CSO_ROLES": roles}).expect(3)
        equal(run.outcomes(), {"backend02": "failed", "backend01": "not-attempted"}, "outcomes")
        contains(run.hosts["backend02"]["reason"], "not valid", "the reason")
        contains(run.hosts["backend02"].get("output", ""), "server_nam", "the validator's words")
    equal(world.second.leftovers(), [], "leftovers")
    world.backend().expect(0, "unchanged")


@test("a service stopped or disabled by hand is started and enabled; the other host is left alone")
def stopped_service(world):
    world.converged()
    world.first.sh("systemctl stop nginx.service; systemctl disable -q cso-backend.service")
    with world.untouched(world.second):
        run = world.backend().expect(0, "changed")
    equal(run.outcomes(), {"backend01": "changed", "backend02": "unchanged"}, "outcomes")
    equal(set(run.changes("backend01")), {"service:nginx.service", "service:cso-backend.service"}, "what was done")
    equal(world.first.sh("systemctl is-active nginx.service cso-backend.service; systemctl is-enabled cso-backend.service")
          .split(), ["active", "active", "enabled"], "the services")


@test("what a plan shows on a host it may show: --host changes that one only, and its peer still counts")
def one_host(world):
    world.converged()
    for host in world.backends:
        host.write(SITE, host.read(SITE) + b"# by hand\n")
    with world.untouched(world.second):
        run = world.apply("--host", "backend01").expect(0, "changed")
    equal(list(run.hosts), ["backend01"], "hosts of the report")
    run = world.plan("--role", "backend").expect(2)
    equal(run.outcomes(), {"backend02": "would-change", "backend01": "unchanged"}, "outcomes of plan")
    run = world.apply("--role", "backend", "--az", "eu-west-2c").expect(0, "changed")
    equal(run.outcomes(), {"backend02": "changed"}, "the other, chosen by its zone")
