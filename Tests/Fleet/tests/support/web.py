"""HTTP as clients of the fleet speak it: to an address, under a name, believing the fleet's CA and no other."""

import http.client
import json
import socket
import socketserver
import ssl
import struct
import threading

from lib import settings

AUTHORITY = "/opt/ecs/security/ca.crt"


def believing(authority):
    """Only this CA, in PEM, is believed."""
    context = ssl.create_default_context(cadata=authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def trusting(host):
    """What a client that has this host's CA file believes; `None` believes anybody."""
    if host is not None:
        return believing(host.read(AUTHORITY).decode())
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Client(http.client.HTTPConnection):
    """One connection; `name` is what the certificate is checked for. Without a context, plain HTTP."""

    def __init__(self, address, port, name, context, timeout=5):
        super().__init__(name, port, timeout=timeout)
        self.address, self.context = address, context

    def connect(self):
        plain = socket.create_connection((self.address, self.port), self.timeout)
        self.sock = self.context.wrap_socket(plain, server_hostname=self.host) if self.context else plain

    def ask(self, path, headers=None, method="GET", body=None):
        """(status, body as text)"""
        self.request(method, path, body=body, headers=headers or {})
        response = self.getresponse()
        return response.status, response.read().decode()


def ask(host, port, path, name=None, headers=None, method="GET", body=None, trust=True, timeout=5):
    """(status, body as text) of one request to a host."""
    context = trusting(host if trust else None)
    client = Client(host.address, port, name or f"{host.name}.{settings.ZONE}", context, timeout)
    try:
        return client.ask(path, headers, method, body)
    finally:
        client.close()


def told(host, port, path, **options):
    """(status, document) of an answer in JSON."""
    status, body = ask(host, port, path, **options)
    return status, json.loads(body)


class Zone:
    """The fleet's zone with some addresses changed, on a port of this machine, as it is after a host was replaced."""

    def __init__(self, records, others):
        addresses = {f"{name}.{settings.ZONE}".encode(): socket.inet_aton(address) for name, address in records.items()}

        class Answer(socketserver.BaseRequestHandler):
            def handle(self):
                query, sender = self.request
                labels, rest = [], query[12:]
                while rest[0]:
                    labels.append(rest[1:1 + rest[0]])
                    rest = rest[1 + rest[0]:]
                address = addresses.get(b".".join(labels).lower())
                if address is None:
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as upstream:
                        upstream.settimeout(3)
                        upstream.sendto(query, others)
                        sender.sendto(upstream.recv(4096), self.client_address)
                    return
                isA = struct.unpack(">H", rest[1:3])[0] == 1
                question = query[12:len(query) - len(rest) + 5]
                answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + address
                head = query[:2] + struct.pack(">HHHHH", 0x8580, 1, isA, 0, 0)
                sender.sendto(head + question + (answer if isA else b""), self.client_address)

        self.server = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Answer)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return "%s:%d" % self.server.server_address

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
