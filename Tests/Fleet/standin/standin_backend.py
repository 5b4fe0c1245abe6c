#!/usr/bin/env python3
"""A STAND-IN for the vendor's backend services, for tests of cso-provision only. It is not the vendor's software.

One process listens on every port of the vendor's backend and answers GET /system/info (api-doc: /api-doc/) with the
service's name, the installed release and the identity headers that arrived. The config service opens first and the rest a moment after it, as the
vendor's wait for their configuration. HTTPS if /opt/ecs/security has server.crt and server.key, else plain HTTP.
"""

import argparse
import http.server
import json
import pathlib
import socketserver
import ssl
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SECURITY = pathlib.Path("/opt/ecs/security")
LOG = pathlib.Path("/var/log/ecs/config/application.log")
SERVICES = {
    8103: "config",  # first: all others read from it
    8090: "customers", 8091: "blob-store", 8092: "event", 8093: "catalog", 8094: "service-instances", 8096: "request",
    8097: "fulfillment", 8098: "api-doc", 8099: "reporting", 8100: "pricing", 8101: "ticketing", 8105: "export",
}


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes; as with the services of a Java server the second does not wait for an acknowledgement.
    disable_nagle_algorithm = True
    timeout = 30

    def do_GET(self):
        service = SERVICES[self.server.server_address[1]]
        path = self.path.split("?")[0]
        known = path == ("/api-doc/" if service == "api-doc" else "/system/info")
        status = 404 if not known else 200 if self.server.release["healthy"] else 503
        identity = {name.lower(): value for name, value in self.headers.items() if "oidc" in name.lower()}
        body = json.dumps({"service": service, "version": self.server.release["release"], "status": status,
                           "host": self.server.host, "identity": identity, "stand-in": True}).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass  # a probe a second on thirteen ports is no news


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, port, release, host, context):
        self.release, self.host, self.context = release, host, context
        super().__init__((address, port), Answer)

    def server_bind(self):
        # The library's own also asks the resolver for this address's name: a service may not wait for DNS to open a port.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def get_request(self):
        connection, peer = self.socket.accept()
        if self.context is not None:
            # The handshake happens in the connection's own thread, or one silent client would stop the service.
            connection = self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, peer


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="0.0.0.0", help="address to listen on (default: all)")
    parser.add_argument("--delay", type=float, default=0.5, help="seconds between config and the others (default 0.5)")
    options = parser.parse_args()
    release = json.loads((HERE / "release.json").read_text())
    host = pathlib.Path("/etc/hostname").read_text().strip()
    context = None
    if (SECURITY / "server.crt").exists() and (SECURITY / "server.key").exists():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(SECURITY / "server.crt", SECURITY / "server.key")
    note(f"stand-in {release['release']}, {'https' if context else 'http'}")
    for number, port in enumerate(SERVICES):
        if number == 1:
            time.sleep(options.delay)
        server = Server(options.address, port, release, host, context)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        note(f"{SERVICES[port]} listens on {port}")
    threading.Event().wait()


def note(text):
    """To the journal, and to the log that operators look at first; without the right to write there, to the journal."""
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} INFO  [stand-in] {text}"
    print(line, flush=True)
    try:
        LOG.parent.mkdir(parents=True, exist_ok=True)
        with LOG.open("a") as out:
            print(line, file=out)
    except OSError:
        pass


if __name__ == "__main__":
    main()
