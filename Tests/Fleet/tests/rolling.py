"""Never both members at once, the unhealthy one first, and nothing further after a failure."""

import http.client
import threading
import time

from support.harness import check, contains, equal, test
from support.web import ask
from support.world import fleet

UNIT = "backend/files/cso-backend.service"
SITE = "/etc/nginx/conf.d/backend-lb.conf"


def answers(host):
    try:
        return ask(host, 8103, "/system/info", trust=False, timeout=0.5)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


class Sampler:
    """Asks both hosts every 50 ms whether they serve."""

    def __init__(self, hosts):
        self.hosts, self.samples, self.ended = hosts, [], threading.Event()

    def __enter__(self):
        self.threads = [threading.Thread(target=self._sample, args=(host,)) for host in self.hosts]
        self.rows = {host.name: [] for host in self.hosts}
        for thread in self.threads:
            thread.start()
        return self

    def _sample(self, host):
        while not self.ended.is_set():
            began = time.monotonic()
            self.rows[host.name].append((began, answers(host), time.monotonic()))
            time.sleep(max(0.0, 0.05 - (time.monotonic() - began)))

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def outages(self, name):
        """Stretches from the last good answer before a failed one to the next good one."""
        found, last_good, bad = [], None, False
        for began, good, ended in self.rows[name]:
            if good:
                if bad:
                    found.append((last_good, began))
                last_good, bad = ended, False
            else:
                bad = True
        if bad:
            found.append((last_good, float("inf")))
        return found


@test("a change that restarts both is done one at a time: at every moment one of them answers")
def one_at_a_time(world):
    world.converged()
    roles = world.roles({UNIT: [("RestartSec=5", "RestartSec=4")]})
    starts = {host: host.starts("cso-backend.service") for host in world.backends}
    try:
        with Sampler(world.backends) as sampler:
            run = world.backend(env={"CSO_ROLES": roles}).expect(0, "changed")
        equal(run.outcomes(), {"backend01": "changed", "backend02": "changed"}, "outcomes")
        outages = {host.name: sampler.outages(host.name) for host in world.backends}
        check(all(len(rows) > 20 for rows in sampler.rows.values()), "the sampler saw the run")
        for host in world.backends:
            equal(host.starts("cso-backend.service") - starts[host], 1, f"starts of {host.name}")
            check(outages[host.name], f"the sampler did not see {host.name} restart: it proves nothing", str(outages))
        overlap = [(a, b) for a in outages["backend01"] for b in outages["backend02"] if a[0] < b[1] and b[0] < a[1]]
        equal(overlap, [], "both were away at the same time")
    finally:
        world.backend().expect(0)


@test("one backend's service is down: that host is changed first, against the order of zones")
def unhealthy_first(world):
    world.converged()
    for host in world.backends:
        host.write(SITE, host.read(SITE) + b"# by hand\n")
    world.first.sh("systemctl stop cso-backend.service")
    run = world.backend().expect(0, "changed")
    hosts = [host for host, _ in run.progress() if host.startswith("backend")]
    check(hosts.index("backend01") < hosts.index("backend02"), "backend01, which did not serve, came first", str(run.progress()))
    check(any("does not serve" in note for note in run.hosts["backend01"].get("notes", [])), "the report says why",
          str(run.hosts["backend01"].get("notes")))


@test("the peer is unreachable and this host serves: a pending change is refused with exit 6, nothing is touched")
def last_one(world):
    world.converged()
    right = world.second.read(SITE)
    world.second.write(SITE, right + b"# by hand\n")
    copy = world.inventory(("connect_deadline: 10s", "connect_deadline: 3s"))
    fleet("cut", world.first.name)
    try:
        with world.untouched(world.second):
            run = world.backend(env={"CSO_INVENTORY": copy}).expect(6)
        equal(run.outcomes(), {"backend01": "unreachable", "backend02": "refused"}, "outcomes")
        contains(run.hosts["backend02"]["reason"], "only member that serves", "the reason")
        contains(run.hosts["backend02"]["reason"], "backend01", "the reason names the peer")
        # --host does not make a peer disappear.
        with world.untouched(world.second):
            world.apply("--host", "backend02", env={"CSO_INVENTORY": copy}).expect(6)
    finally:
        fleet("mend", world.first.name)
    run = world.backend().expect(0, "changed")
    equal(run.outcomes(), {"backend01": "unchanged", "backend02": "changed"}, "outcomes when the peer is back")


@test("a change whose gate fails on the first host: exit 3, the second is not attempted and untouched")
def failed_gate(world):
    world.converged()
    roles = world.roles({
        # It listens where nobody asks: valid, started, and not serving.
        UNIT: [("ExecStart=/opt/ecs/backend/start", "ExecStart=/opt/ecs/backend/start --address 127.0.0.2")],
        "backend/role.yaml": [
            ("  - unit: [cso-backend.service, nginx.service]", "  - unit: [cso-backend.service, nginx.service]\n    deadline: 5s"),
            ('contains: \'"version": "{{ release }}"\'\n    deadline: 120s\n  - http:\n', 'contains: \'"version": "{{ release }}"\'\n    deadline: 5s\n  - http:\n'),
            ('contains: \'"version": "{{ release }}"\'\n    deadline: 120s\n  - tcp: "{{ lb_port }}"', 'contains: \'"version": "{{ release }}"\'\n    deadline: 5s\n  - tcp: "{{ lb_port }}"\n    deadline: 5s'),
            ('/config/system/info"\n    at:', '/config/system/info"\n    deadline: 5s\n    at:'),
        ]})
    try:
        with world.untouched(world.first):
            run = world.backend(env={"CSO_ROLES": roles}).expect(3, "failed")
            equal(run.outcomes(), {"backend02": "failed", "backend01": "not-attempted"}, "outcomes")
            contains(run.hosts["backend02"]["reason"], "8103", "the reason names the gate")
            contains(run.hosts["backend01"]["reason"], "backend02", "the other's reason names the host")
            check(answers(world.first), "the untouched host serves")
    finally:
        run = world.backend().expect(0, "changed")
    equal(run.outcomes(), {"backend02": "changed", "backend01": "unchanged"}, "the next run with the right recipe")


@test("no member serves: the run repairs both, one at a time, and says so")
def total_outage(world):
    world.converged()
    for host in world.backends:
        host.sh("systemctl stop cso-backend.service")
    run = world.backend().expect(0, "changed")
    equal(run.outcomes(), {"backend01": "changed", "backend02": "changed"}, "outcomes")
    check(any("no member" in note for note in run.hosts["backend02"].get("notes", [])), "the report says why it went on",
          str(run.hosts["backend02"].get("notes")))
    hosts = [host for host, text in run.progress() if host.startswith("backend")]
    check(max(i for i, h in enumerate(hosts) if h == "backend02") < min(i for i, h in enumerate(hosts) if h == "backend01"),
          "one at a time", str(run.progress()))
