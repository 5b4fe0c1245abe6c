"""The example of a first role, written from the READMEs alone: nginx, one page, two hosts, a template, a secret, a gate."""

import json
import secrets
import urllib.error
import urllib.request

from leaks import controller_files, files
from support import secrets_search
from support.harness import contains, equal, test
from support.hosts import Host
from support.world import REPOSITORY, fleet

EXAMPLE = REPOSITORY / "Tests/Fleet/examples/first-role"
HOSTS = ["frontend01", "frontend02"]
PAGE, PLACE = "/srv/page/index.html", "/etc/nginx/conf.d/page.conf"


def get(host, path, key=None):
    """Status and body of a page, asked for from outside."""
    request = urllib.request.Request(f"http://{host.address}:8088{path}", headers={"X-Key": key} if key else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


@test("the first role of the README: made, served with its secret, unchanged, spoiled by hand, found, mended, nowhere leaked",
      limit=240)
def first_role(world):
    hosts = [Host(name) for name in HOSTS]
    key = secrets.token_hex(16)
    secret_file = world.fresh_folder("page") / "page.json"
    secret_file.touch(mode=0o600)
    secret_file.write_text(json.dumps({"Name": "page", "SecretString": json.dumps({"key": key})}))
    environment = {"CSO_ROLES": str(EXAMPLE / "Roles"), "CSO_INVENTORY": str(EXAMPLE / "Inventory"),
                   "PAGE_SECRETS": str(secret_file)}
    wanted = secrets_search.patterns({"page.key": key})
    runs = []

    def remember(run):
        runs.append(run)
        return run
    try:
        world.product.run("check", env=environment).expect(0)
        remember(world.plan("--role", "page", env=environment).expect(2, "would-change"))
        with secrets_search.Watch(secrets_search.patterns({"page.key": key}, with_hashes=False)) as watch:
            run = remember(world.apply("--role", "page", env=environment).expect(0, "changed"))
        equal(run.outcomes(), dict.fromkeys(HOSTS, "changed"), "outcomes")
        equal(watch.hits, [], "argv and environments")
        for host in hosts:
            status, page = get(host, "/")
            equal(status, 200, f"status of {host.name}'s page")
            contains(page, f"This is {host.name} in {host.zone}", "the page")
            contains(page, f"{host.name}.prod-ha.cso.ss (here)", "the page")
            equal(get(host, "/private"), (403, ""), "without the key")
            equal(get(host, "/private", key), (200, f"for friends of {host.name}\n"), "with the key")

        remember(world.apply("--role", "page", env=environment).expect(0, "unchanged"))

        spoiled = hosts[-1]
        before = {host: host.sh(f"sha256sum {PAGE} {PLACE}") for host in hosts}
        spoiled.sh(f"echo defaced >{PAGE}; sed -i 's/listen 8088/listen 8089/' {PLACE}; nginx -s reload")
        found = remember(world.plan("--role", "page", env=environment).expect(2))
        equal(found.changes(hosts[0].name) if hosts[0] != spoiled else {}, {}, "changes of the other host")
        equal(set(found.changes(spoiled.name)) & {f"file:{PAGE}", f"file:{PLACE}"}, {f"file:{PAGE}", f"file:{PLACE}"},
              "what the plan finds")
        contains(spoiled.sh(f"cat {PAGE}"), "defaced", "a plan changes nothing; the page")
        run = remember(world.apply("--role", "page", "--verbose", env=environment).expect(0, "changed"))
        equal({host: host.sh(f"sha256sum {PAGE} {PLACE}") for host in hosts}, before, "the files")
        equal(get(spoiled, "/private", key)[0], 200, "the mended page")
        remember(world.product.run("plan", "--role", "page", "--verbose", env=environment).expect(0))

        for run in runs:
            equal(secrets_search.in_bytes((run.out + run.err).encode(), wanted), [], f"output of `{' '.join(run.argv)}`")
        for host in hosts:
            equal(files(world, host, wanted), [PLACE], f"files of {host.name}")
            equal(host.sh(f"stat -c %a:%U {PLACE}").strip(), "600:root", "who may read the secret")
        secret_file.unlink()
        equal(controller_files(world, wanted), [], "files of the controller")
    finally:
        fleet("reset", *HOSTS)
