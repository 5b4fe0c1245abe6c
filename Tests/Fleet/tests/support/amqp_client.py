"""A real AMQP client: publishes through one broker with confirms, and consumes through another. A program of its own, for the
python3 that Debian's python3-pika belongs to. Standard input: a JSON object (addresses, names, CA, login); it prints a sentence,
or what went wrong, and never anything of its input. Exit status 0 or 1.
"""

import json
import os
import ssl
import sys

import pika

PATIENCE = 10


def connect(order, host):
    context = ssl.create_default_context(cadata=order["ca"])
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return pika.BlockingConnection(pika.ConnectionParameters(
        order[host]["address"], 5671, order["vhost"], pika.PlainCredentials(order["user"], order["password"]),
        ssl_options=pika.SSLOptions(context, order[host]["name"]), socket_timeout=PATIENCE, stack_timeout=2 * PATIENCE,
        blocked_connection_timeout=PATIENCE))


def main(order):
    queue, body = f"answer-{os.urandom(6).hex()}", os.urandom(16)
    there, here = connect(order, "publisher"), connect(order, "consumer")
    try:
        sending, receiving = there.channel(), here.channel()
        sending.confirm_delivery()  # basic_publish raises unless the broker confirms
        sending.queue_declare(queue, durable=True)
        try:
            sending.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
            method, _, found = next(receiving.consume(queue, auto_ack=True, inactivity_timeout=PATIENCE))
            receiving.cancel()
        finally:
            sending.queue_delete(queue)
    finally:
        there.close()
        here.close()
    if method is None:
        return f"what {order['publisher']['name']} confirmed is not delivered by {order['consumer']['name']} within {PATIENCE} s"
    return None if found == body else "another message was delivered"


if __name__ == "__main__":
    order = json.load(sys.stdin)
    try:
        problem = main(order)
    except (pika.exceptions.AMQPError, OSError) as error:
        problem = f"{type(error).__module__}.{type(error).__name__}"
    print(problem or "delivered")
    sys.exit(1 if problem else 0)
