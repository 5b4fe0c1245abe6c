"""A client of a message broker, as an application is one: AMQP 0-9-1 by pika, over TLS verified by name.

pika lies in a folder of its own, so that neither the AWS endpoint's environment nor this machine's Python change for it.
"""

import json
import subprocess
import sys

from lib import settings

from .harness import Failed

PACKAGE = "pika==1.4.4"
FOLDER = settings.CACHE / "clients" / PACKAGE

CLIENT = r"""
import json, ssl, sys
sys.path.insert(0, sys.argv[1])
import pika
wish = json.load(sys.stdin)
context = ssl.create_default_context(cadata=wish["ca"])
context.minimum_version = ssl.TLSVersion.TLSv1_2
parameters = pika.ConnectionParameters(
    host=wish["address"], port=5671, virtual_host="/ssp", heartbeat=0, socket_timeout=10, blocked_connection_timeout=20,
    credentials=pika.PlainCredentials(wish["user"], wish["password"]),
    ssl_options=pika.SSLOptions(context, server_hostname=wish["name"]))
with pika.BlockingConnection(parameters) as connection:
    channel = connection.channel()
    if "publish" in wish:
        channel.confirm_delivery()
        channel.queue_declare(wish["queue"], durable=True)
        channel.basic_publish("", wish["queue"], wish["publish"].encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
        print(json.dumps("published"))
    else:
        method, _, body = channel.basic_get(wish["queue"], auto_ack=True)
        print(json.dumps(None if method is None else body.decode()))
"""


def ensure():
    if not (FOLDER / "pika").is_dir():
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(FOLDER), PACKAGE],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"pip install {PACKAGE}: {done.stderr[-300:]}")


def ask(host, user, password, ca, **wish):
    """What the client got; `Failed` with its words if it was refused. Secrets travel on standard input."""
    ensure()
    document = {"address": host.address, "name": f"{host.name}.{settings.ZONE}", "user": user, "password": password, "ca": ca,
                **wish}
    done = subprocess.run([sys.executable, "-c", CLIENT, str(FOLDER)], input=json.dumps(document), capture_output=True, text=True,
                          timeout=60)
    if done.returncode != 0:
        raise Failed(f"the client of {host.name} failed: {done.stderr.strip()[-400:]}")
    return json.loads(done.stdout)
