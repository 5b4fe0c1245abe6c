"""The frontends: requests go where somebody serves, health does not lie, nobody brings an identity along."""

import contextlib
import threading
import time

from lib import settings
from support.harness import check, contains, equal, lacks, test, wait_until
from support.web import Client, Zone, ask, told, trusting
from support.world import fleet

SITE = "/etc/nginx/conf.d/cso.conf"
LOGIN = "/ui/management/login/system"
SERVICES = ["cso-frontend.service", "nginx.service"]
FORGED = {"X-Amzn-Oidc-Identity": "forged-4711", "x-amzn-oidc-accesstoken": "forged-4711", "X-AMZN-OIDC-DATA": "forged-4711"}
CHANGED = {"X-Forwarded-For": "203.0.113.9"}


def apply(world, **options):
    return world.apply("--role", "frontend", **options)


def converged(world):
    """Both frontends before converged backends; bare ones first, once."""
    world.converged()
    run = apply(world, seconds=240)
    if run.code != 0:
        fleet("reset", *[host.name for host in world.frontends])
        run = apply(world, seconds=240)
    return run.expect(0)


def status(host, path):
    return ask(host, 8102, path)[0]


@contextlib.contextmanager
def stopped(*hosts, unit="cso-backend.service"):
    for host in hosts:
        host.sh(f"systemctl stop {unit}")
    try:
        yield
    finally:
        for host in hosts:
            host.sh(f"systemctl start {unit}")
            if unit == "cso-backend.service":
                wait_until(lambda: served(host), 30, f"{host.name} serves again")


def served(backend):
    with contextlib.suppress(OSError):
        return ask(backend, 8105, "/system/info", trust=False, timeout=1)[0] == 200


@test("frontend: bare hosts become a way to both backends; a second run says unchanged and touches nothing", limit=400)
def first(world):
    world.converged()
    fleet("reset", *[host.name for host in world.frontends])
    run = apply(world, seconds=300).expect(0, "changed")
    equal(run.outcomes(), {"frontend01": "changed", "frontend02": "changed"}, "outcomes")
    before = {host: (host.fingerprint(), host.units(*SERVICES)) for host in world.frontends}
    apply(world).expect(0, "unchanged")
    for host in world.frontends:
        equal((host.fingerprint(), host.units(*SERVICES)), before[host], f"files and services of {host.name}")
        equal(host.leftovers(), [], f"leftovers of {host.name}")
        # The package's own server is gone, and nothing answers on port 80 for whatever name.
        listening = host.sh("ss -Hltn | awk '{ print $4 }'").split()
        check(any(one.endswith(":8102") for one in listening), "8102 is open", str(listening))
        check(not any(one.endswith(":80") for one in listening), "port 80 is closed", str(listening))
        # On a busy machine one may be left out for 3 s, having been slow.
        wait_until(lambda: {told(host, 8102, "/customers/system/info")[1]["host"] for _ in range(6)} == {"backend01", "backend02"},
                   30, f"both backends answer through {host.name}")
        code, page = ask(host, 8102, LOGIN, name=f"frontend.{settings.ZONE}")
        check(code == 200 and "CSO" in page and "Loading..." not in page, "the login page is the application's", page)


@test("frontend: with one backend's application stopped every one of hundreds of requests through both succeeds", limit=240)
def one_backend(world):
    converged(world)
    for away, left in ((world.first, world.second), (world.second, world.first)):
        for host in world.frontends:
            wait_until(lambda: {told(host, 8102, "/customers/system/info")[1]["host"] for _ in range(6)} == {"backend01", "backend02"},
                       30, f"both backends answer through {host.name}")
        answers, failures = [], []

        def client(host):
            connection = Client(host.address, 8102, f"{host.name}.{settings.ZONE}", trusting(host), timeout=15)
            for number in range(75):
                path = "/health" if number % 5 == 0 else "/catalog/system/info"
                code, body = connection.ask(path)
                (answers if code == 200 else failures).append((host.name, path, code, body))

        with stopped(away):
            threads = [threading.Thread(target=client, args=(host,)) for host in world.frontends * 2]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        equal(failures[:3], [], "requests that failed")
        equal(len(answers), 300, "requests that were answered")
        hosts = {body.split('"host": "')[1].split('"')[0] for _, path, _, body in answers if path != "/health"}
        equal(hosts, {left.name}, "who answered")


@test("frontend: with one backend's zone lost every request succeeds, one with a body too, though both had just answered", limit=240)
def lost_backend(world):
    converged(world)
    for away in world.backends:
        connections = []
        for host in world.frontends:
            connection = Client(host.address, 8102, f"{host.name}.{settings.ZONE}", trusting(host), timeout=100)
            wait_until(lambda: {told(host, 8102, "/customers/system/info")[1]["host"] for _ in range(6)} == {"backend01", "backend02"},
                       30, f"both backends answer through {host.name}")
            for _ in range(20):
                equal(connection.ask("/customers/system/info")[0], 200, "before")
            connections.append(connection)
        fleet("cut", away.name)
        try:
            slowest = 0
            for connection in connections:
                for number in range(12):
                    began = time.monotonic()
                    # The stand-in says 501 to what is not GET: it was asked.
                    method, wanted = ("POST", 501) if number % 2 else ("GET", 200)
                    equal(connection.ask("/customers/system/info", method=method, body="x" if number % 2 else None)[0], wanted,
                          f"{method} {number} while {away.name} is away")
                    slowest = max(slowest, time.monotonic() - began)
            # 2 s for a connection that nobody answers, against nginx's own 60 for an answer.
            check(slowest < 20, f"the slowest request took {slowest:.1f} s")
        finally:
            fleet("mend", away.name)
            wait_until(lambda: served(away), 30, f"{away.name} serves again")


@test("frontend: /health and the load balancer's path are not 200 without the own application, nor without any backend")
def honest_health(world):
    converged(world)
    host, other = world.frontends
    version = told(host, 8102, "/health")
    equal((version[0], version[1]["version"], version[1]["service"]), (200, "2.4.4", "frontend"), "/health")
    with stopped(host, unit="cso-frontend.service"):
        check(status(host, "/health") >= 500 and status(host, LOGIN) >= 500, "it is ill without its application")
        equal(status(host, "/nginx-alive"), 200, "nginx itself lives")
        equal(status(other, "/health"), 200, "the other frontend")
        # The tool is told the same: this is its first gate.
        run = world.plan("--role", "frontend").expect(2)
        check(any("does not serve" in note for note in run.hosts[host.name].get("notes", [])), "the plan says so", str(run))
    wait_until(lambda: status(host, "/health") == 200, 15, "it is well again")
    with stopped(*world.backends):
        for each in world.frontends:
            for path in ("/health", LOGIN):
                check(status(each, path) >= 500, f"{path} of {each.name} is ill without a backend")
    wait_until(lambda: all(status(each, "/health") == 200 for each in world.frontends), 30, "well with backends")
    # A request with a body is not held up by the question that comes before it.
    began = time.monotonic()
    code, _ = ask(host, 8102, LOGIN, method="POST", body="user=x")
    check(code == 200 and time.monotonic() - began < 2, f"a login is let through: {code} after {time.monotonic() - began:.1f} s")
    equal(ask(host, 8102, "/health", method="POST", body="x")[0], 403, "/health takes no other method")


def identities(world, host):
    """What arrives of the forged headers, by where they were sent."""
    found = {path: told(host, 8102, path, headers=FORGED)[1]["identity"] for path in
             ("/customers/system/info", "/config/system/info", "/health", "/ui/portal/", "/doc/")}
    return found


@test("frontend: a forged x-amzn-oidc-identity arrives nowhere until Cognito is declared active; then it does")
def forged_identity(world):
    converged(world)
    for host in world.frontends:
        for path, identity in identities(world, host).items():
            equal(identity, {}, f"{path} through {host.name}")
    for backend in world.backends:
        equal(told(backend, 8080, "/customers/system/info", headers=FORGED)[1]["identity"], {}, f"straight to {backend.name}")
    # The control: the stand-ins do see such headers when nobody takes them away.
    equal(len(told(world.first, 8090, "/system/info", headers=FORGED)[1]["identity"]), 3, "past every nginx")
    active = world.inventory(("      target_group_protocol: https\n", "      target_group_protocol: https\n      cognito_active: true\n"))
    try:
        run = apply(world, env={"CSO_INVENTORY": active}).expect(0, "changed")
        equal(set(run.changes("frontend01")), {f"file:{SITE}", "service:nginx.service"}, "what was done")
        check(all(len(one) == 3 for one in [told(world.frontends[0], 8102, "/ui/portal/", headers=FORGED)[1]["identity"]]),
              "an active Cognito's headers arrive")
    finally:
        apply(world).expect(0, "changed")
    # Who the client is says the load balancer alone: this machine is none of its subnets.
    client = told(world.frontends[0], 8102, "/ui/portal/", headers=CHANGED)[1]["client"]
    check(client.startswith("203.0.113.9, 10.1.") and client.count(",") == 1, "the sender is appended as it connected", client)


@test("frontend: a backend at another address reloads both frontends once; old workers end, no request fails", limit=240)
def replaced_backend(world):
    converged(world)
    elsewhere = "10.1.192.77"  # in the right zone, and silent
    reloads = {host: host.reloads("nginx.service") for host in world.frontends}
    with Zone({"backend02": elsewhere}, (settings.RESOLVER, 53)) as server:
        moved = world.inventory(("server: 10.1.0.2", f'server: "{server}"'))
        run = apply(world, env={"CSO_INVENTORY": moved}).expect(0, "changed")
        for host in world.frontends:
            equal(set(run.changes(host.name)), {f"file:{SITE}", "service:nginx.service"}, f"what was done on {host.name}")
            equal(host.reloads("nginx.service"), reloads[host] + 1, f"reloads of {host.name}")
            text = host.read(SITE).decode()
            contains(text, f"server {elsewhere}:8080 max_fails=2 fail_timeout=3s; # backend02.", "the new address")
            lacks(text, world.second.address, "the old address")
            equal(host.sh("pgrep -fc '^nginx: worker process is shutting down' || true").strip(), "0", "old workers")
            # The address is silent: a request that meets it goes to the other one, in seconds and not in minutes.
            for _ in range(6):
                began = time.monotonic()
                code, body = told(host, 8102, "/pricing/system/info", timeout=15)
                check(code == 200 and body["host"] == "backend01" and time.monotonic() - began < 6, "an answer", str(body))
        apply(world, env={"CSO_INVENTORY": moved}).expect(0, "unchanged")
    apply(world).expect(0, "changed")
    for host in world.frontends:
        equal(host.reloads("nginx.service"), reloads[host] + 2, f"reloads of {host.name} after it came back")


@test("frontend: a backend that shows another name's certificate is not believed")
def wrong_backend(world):
    converged(world)
    host = world.frontends[0]
    roles = world.roles({"frontend/templates/cso.conf": [("proxy_ssl_name backend.", "proxy_ssl_name other.")]})
    try:
        run = apply(world, env={"CSO_ROLES": shortened(roles)})
        check(run.code == 3, "no backend is believed, so no frontend is well", str(run))
        equal(status(world.frontends[1], "/customers/system/info"), 502, "a request")
        equal(run.outcomes()[host.name], "not-attempted", "the other frontend stays as it was")
        equal(status(host, "/health"), 200, "and serves")
    finally:
        apply(world).expect(0)


def shortened(roles):
    """Gates that need not be waited for so long when they cannot hold."""
    path = f"{roles}/frontend/role.yaml"
    with open(path) as file:
        text = file.read()
    with open(path, "w") as file:
        file.write(text.replace("deadline: 120s", "deadline: 5s").replace("deadline: 60s", "deadline: 5s")
                   .replace("lacks: Loading...", "lacks: Loading...\n    deadline: 5s"))
    return roles


@test("frontend: while nobody has said what the target group speaks, nothing is done")
def undecided(world):
    converged(world)
    copy = world.inventory(("target_group_protocol: https", "target_group_protocol: undecided"))
    before = {host: host.fingerprint() for host in world.frontends}
    run = apply(world, env={"CSO_INVENTORY": copy}).expect(3)
    contains(run.hosts["frontend02"]["reason"], "target_group_protocol is undecided", "the reason")
    equal({host: host.fingerprint() for host in world.frontends}, before, "the hosts")
    plain = world.inventory(("target_group_protocol: https", "target_group_protocol: http"))
    run = world.plan("--role", "frontend", "--diff", env={"CSO_INVENTORY": plain}).expect(2)
    change = next(c for c in run.hosts["frontend01"]["changes"] if c["resource"] == f"file:{SITE}")
    contains(change["diff"], "+    listen 8102 default_server;", "the plan for plain http")
