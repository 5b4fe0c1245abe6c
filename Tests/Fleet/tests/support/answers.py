"""Real answers of the fleet's services to real clients on this machine: what the demo ends with.

Each function asks as a client would: by name and with verified TLS, the password from Secrets Manager. It returns a sentence
without any secret or token, and raises Failed with what came instead.
"""

import http.client
import json
import pathlib
import subprocess

from lib import settings

from . import amqp, web
from .harness import Failed, check
from .hosts import Host

PATIENCE = 10  # seconds


class Client:
    """What a client of the fleet has: our CA's certificate, and passwords. They stay in here."""

    def __init__(self, environment):
        self.environment = environment
        self._secrets = {}

    def secret(self, name, key):
        if name not in self._secrets:
            done = subprocess.run(["aws", "secretsmanager", "get-secret-value", "--secret-id", name, "--query", "SecretString",
                                   "--output", "text"], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            check(done.returncode == 0, f"Secrets Manager gives no {name}", done.stderr.decode(errors="replace")[-300:])
            self._secrets[name] = json.loads(done.stdout)
        check(key in self._secrets[name], f"{name} has no {key}")
        return self._secrets[name][key]

    def certificates(self):
        """The CA's certificate in PEM, without the key that lies beside it."""
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
        parts = self.secret("env-prod-ha-pki", "ca").split(begin)[1:]
        return "\n".join(begin + part.split(end)[0] + end for part in parts)

    def ask(self, host, port, method, path, tls=True, body=None, headers=()):
        """(status, headers, body) of one HTTP request. What was sent and what came back is not part of any message."""
        client = web.Client(Host(host).address, port, f"{host}.{settings.ZONE}", web.believing(self.certificates()) if tls else None,
                            PATIENCE)
        try:
            client.request(method, path, body=body, headers=dict(headers))
            answer = client.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{method} {client.host}:{port}{path}: {error}") from None
        finally:
            client.close()

    # --- keystone ---

    def token(self, issuer, validator):
        """A token of one keystone, validated by the other."""
        password = self.secret("env-prod-ha-passwords-v2", "keystone_password")
        who = {"name": "admin", "domain": {"id": "default"}}
        body = json.dumps({"auth": {"identity": {"methods": ["password"], "password": {"user": {**who, "password": password}}},
                                    "scope": {"project": who}}})
        path = "/api/idm/v3/auth/tokens"
        status, headers, _ = self.ask(issuer, 5000, "POST", path, body=body, headers={"Content-Type": "application/json"})
        check(status == 201, f"{issuer} issues no token: status {status}")
        token = headers["X-Subject-Token"]
        status, _, answer = self.ask(validator, 5000, "GET", path, headers={"X-Auth-Token": token, "X-Subject-Token": token})
        check(status == 200, f"{validator} does not know the token of {issuer}: status {status}")
        found = json.loads(answer)["token"]
        check(found["user"]["name"] == "admin", f"{validator} knows another user by the token of {issuer}")
        status, _, _ = self.ask(validator, 5000, "GET", path, headers={"X-Auth-Token": token, "X-Subject-Token": token[:-8] + "AAAAAAAA"})
        check(status == 404, f"{validator} takes a token that nobody issued: status {status}")
        return f"{issuer} issued a token ({len(token)} characters); {validator} says it is {found['user']['name']}'s until {found['expires_at']}"

    # --- rabbitmq ---

    def message(self, publisher, consumer):
        """A message that one broker confirms and the other delivers, by a real AMQP client over verified TLS."""
        amqp.pass_through(Host(publisher), Host(consumer), "ssp_user", self.secret("env-prod-ha-passwords-v2", "rabbitmq_password"),
                          self.certificates())
        return f"{publisher} confirmed a message; {consumer} delivered the same bytes"

    # --- frontend and backend ---

    def requests(self, frontend, backends, path, port=8102, tls=False, tries=40):
        """Requests to one frontend until every backend has answered one."""
        seen = {}
        for _ in range(tries):
            status, _, answer = self.ask(frontend, port, "GET", path, tls=tls)
            check(status == 200, f"{frontend}: status {status} for {path}")
            try:
                document = json.loads(answer)
            except ValueError:
                raise Failed(f"{frontend}{path}: the answer is no JSON", answer[:200]) from None
            name = str(document.get("host", "")).split(".")[0]
            seen[name] = seen.get(name, 0) + 1
            if set(backends) <= set(seen):
                counts = ", ".join(f"{seen[b]} by {b}" for b in backends)
                return f"{frontend} answered {sum(seen.values())} requests for {path}: {counts}"
        raise Failed(f"{frontend} passed {tries} requests only to {', '.join(sorted(seen)) or 'nobody'}")

    # --- the share ---

    def shared(self, hosts, path, content):
        """What was published on the controller, read by hosts below /opt/scripts through mounts of their own."""
        for name in hosts:
            host = Host(name)
            point = host.sh("findmnt --kernel --noheadings --output FSTYPE,OPTIONS --mountpoint /opt/scripts || true").split()
            check(point, f"{name} has no share at /opt/scripts")
            check("ro" in point[1].split(","), f"{name} could write to the share")
            check(host.read(path) == content, f"{name} reads something else in {path}")
        return f"{', '.join(hosts)} read the same {len(content)} bytes in {pathlib.PurePath(path).name}, each read-only"
