"""A real AMQP client, 0-9-1 over TLS verified by name: it publishes one message with a confirm, or takes one. A program of its
own, for the python3 that Debian's python3-pika belongs to. Standard input: a JSON object (see amqp.py). It prints what it got as
JSON, or on standard error what went wrong, and never anything of its input. Exit status 0 or 1.
"""

import json
import ssl
import sys

import pika

PATIENCE = 10  # seconds


def connect(wish):
    context = ssl.create_default_context(cadata=wish["ca"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return pika.BlockingConnection(pika.ConnectionParameters(
        wish["address"], 5671, "/ssp", pika.PlainCredentials(wish["user"], wish["password"]), heartbeat=0,
        ssl_options=pika.SSLOptions(context, wish["name"]), socket_timeout=PATIENCE, stack_timeout=2 * PATIENCE,
        blocked_connection_timeout=2 * PATIENCE))


def main(wish):
    with connect(wish) as connection:
        channel, queue = connection.channel(), wish["queue"]
        if "publish" in wish:
            channel.confirm_delivery()  # basic_publish raises unless the broker confirms
            channel.queue_declare(queue, durable=True)
            channel.basic_publish("", queue, wish["publish"].encode(), pika.BasicProperties(delivery_mode=2), mandatory=True)
            return "published"
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if wish.get("deletes"):
            channel.queue_delete(queue)
        return None if method is None else body.decode()


if __name__ == "__main__":
    try:
        print(json.dumps(main(json.load(sys.stdin))))
    except (pika.exceptions.AMQPError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
