#!/usr/bin/env python3
"""A TCP relay that adds a delay each way, for measuring what a controller costs over distance.

The kernel here has no netem, so delay is made in user space: each chunk is written after `--delay-ms` at the earliest,
in the order in which it came; bytes that travel together wait together, so bandwidth is not limited. It counts, per
mapping: connections, bytes each way, and round trips, which is how often the client began to send after the server had
sent something (the first bytes of a connection count as one). Opening a connection costs one more round trip that
a relay cannot see: the kernel accepts at once. `--delay-connect` adds that one as a delay before the first byte passes.

  relay.py --listen 127.0.0.1:2201 --to 10.1.128.11:22 --delay-ms 20 --count /tmp/counts.json
  relay.py --map 127.0.0.1:2201=10.1.128.11:22 --map 127.0.0.1:2202=10.1.192.11:22 --delay-ms 20
"""

import argparse
import asyncio
import collections
import json
import os
import signal
import socket
import sys

CHUNK = 65536
HELD = 4 * 1024 * 1024  # bytes on the way in one direction; above it the sender is not read, as a full pipe would do


class Counts:
    def __init__(self, listen, to):
        self.data = {"listen": listen, "to": to, "connections": 0, "refused": 0, "round_trips": 0,
                     "bytes_to_server": 0, "bytes_to_client": 0}

    def add(self, key, amount=1):
        self.data[key] += amount


class Conversation:
    """Remembers who spoke last; a round trip begins when the client speaks and the server was the last to."""

    def __init__(self, counts):
        self.counts = counts
        self.client_spoke_last = False

    def spoke(self, from_client, amount):
        self.counts.add("bytes_to_server" if from_client else "bytes_to_client", amount)
        if from_client and not self.client_spoke_last:
            self.counts.add("round_trips")
        self.client_spoke_last = from_client


async def carry(reader, writer, delay, conversation, from_client, not_before):
    """One direction. A reader stamps chunks with their due time, a writer sleeps until then: order is the queue's."""
    loop = asyncio.get_running_loop()
    queue, held, wake = collections.deque(), 0, asyncio.Event()
    room = asyncio.Event()
    room.set()

    async def read():
        nonlocal held
        while True:
            await room.wait()
            try:
                data = await reader.read(CHUNK)
            except (ConnectionError, OSError):
                data = None  # a reset is carried over as one
            if data:
                conversation.spoke(from_client, len(data))
                held += len(data)
                if held >= HELD:
                    room.clear()
            queue.append((max(loop.time(), not_before) + delay, data))
            wake.set()
            if not data:
                return

    async def write():
        nonlocal held
        while True:
            while not queue:
                wake.clear()
                await wake.wait()
            due, data = queue.popleft()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if data is None:
                writer.transport.abort()
                return
            if data == b"":
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            held -= len(data)
            room.set()

    reading = asyncio.create_task(read())
    try:
        await write()
    except (ConnectionError, OSError):
        pass  # the receiver is gone; the other direction learns it from its own end
    finally:
        reading.cancel()


async def serve(client_reader, client_writer, to, delay, delay_connect, counts):
    counts.add("connections")
    loop = asyncio.get_running_loop()
    not_before = loop.time() + (2 * delay if delay_connect else 0)
    try:
        server_reader, server_writer = await asyncio.open_connection(*to)
    except OSError:
        counts.add("refused")
        await asyncio.sleep(2 * delay)
        client_writer.transport.abort()
        return
    for writer in (client_writer, server_writer):
        # Nagle's algorithm would add delays of its own to the one that is asked for.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    conversation = Conversation(counts)
    try:
        await asyncio.gather(carry(client_reader, server_writer, delay, conversation, True, not_before),
                             carry(server_reader, client_writer, delay, conversation, False, not_before))
    except asyncio.CancelledError:
        pass  # the relay ends and the connection with it; asyncio would print this as a fault
    finally:
        for writer in (client_writer, server_writer):
            writer.close()


def endpoint(text):
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


async def run(options, pairs):
    counts, servers = [], []
    for listen, to in pairs:
        count = Counts(listen, to)
        counts.append(count)

        def handler(reader, writer, to=to, count=count):
            return serve(reader, writer, endpoint(to), options.delay_ms / 1000, options.delay_connect, count)

        host, port = endpoint(listen)
        servers.append(await asyncio.start_server(handler, host, port, backlog=512))
        # Port 0 lets the kernel choose; the file and the first line tell which.
        count.data["listen"] = "%s:%d" % servers[-1].sockets[0].getsockname()[:2]
    print(json.dumps({c.data["listen"]: c.data["to"] for c in counts}), flush=True)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    # SIGUSR1 writes the counts so far and goes on.
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: save(options.count, counts))
    await ended.wait()
    save(options.count, counts)


def save(path, counts):
    rows = [count.data for count in counts]
    total = {key: sum(row[key] for row in rows) for key in rows[0] if isinstance(rows[0][key], int)}
    text = json.dumps({"total": total, "maps": rows}, indent=1) + "\n"
    if path:
        with open(path + ".tmp", "w") as out:
            out.write(text)
        os.replace(path + ".tmp", path)
    else:
        print(text, file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", metavar="ADDR:PORT")
    parser.add_argument("--to", metavar="ADDR:PORT")
    parser.add_argument("--map", metavar="LISTEN=TO", action="append", default=[], help="one more pair, as often as needed")
    parser.add_argument("--delay-ms", type=float, default=20, help="one way (default 20)")
    parser.add_argument("--delay-connect", action="store_true", help="also delay the first byte by the round trip of connecting")
    parser.add_argument("--count", metavar="FILE", help="counts as JSON, at the end and on SIGUSR1 (default: stderr)")
    options = parser.parse_args()
    pairs = [tuple(pair.split("=", 1)) for pair in options.map]
    if options.listen and options.to:
        pairs.insert(0, (options.listen, options.to))
    if not pairs or bool(options.listen) != bool(options.to):
        parser.error("give --listen and --to, or --map LISTEN=TO")
    asyncio.run(run(options, pairs))


if __name__ == "__main__":
    main()
