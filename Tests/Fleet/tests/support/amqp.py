"""Messages as an application sends and takes them, by a real client on this machine."""

import json
import pathlib
import secrets
import subprocess

from lib import settings

from .harness import Failed, equal

CLIENT = pathlib.Path(__file__).resolve().parent / "amqp_client.py"


def ask(host, user, password, ca, **wish):
    """What the client got at one broker; `Failed` with its words if it was refused. `queue` is taken from (`None` if it is
    empty), and removed then if it `deletes`; with `publish`, a text, that is sent to it. Secrets travel on standard input."""
    document = {"address": host.address, "name": f"{host.name}.{settings.ZONE}", "user": user, "password": password, "ca": ca,
                **wish}
    # Debian's own Python: python3-pika is a module of that one.
    done = subprocess.run(["/usr/bin/python3", "-I", str(CLIENT)], input=json.dumps(document), capture_output=True, text=True,
                          timeout=90)
    if done.returncode != 0:
        raise Failed(f"the client of {host.name} failed: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout)


def pass_through(source, target, user, password, ca):
    """A message that `source` confirms and `target` delivers, in a queue of its own."""
    queue, text = f"letters-{secrets.token_hex(6)}", f"from {source.name} to {target.name}, {secrets.token_hex(8)}"
    ask(source, user, password, ca, queue=queue, publish=text)
    equal(ask(target, user, password, ca, queue=queue, deletes=True), text, f"{source.name} -> {target.name}")
