#!/usr/bin/env python3
"""A STAND-IN for the vendor's user interface, for tests of cso-provision only. It is not the vendor's software.

It answers on 127.0.0.1:8080, as the vendor's does for the nginx before it: /health with the installed release,
/ui/management/login/system with a login page that has the vendor's marker, /ui/... and /doc/. Answers in JSON tell which
identity headers arrived, so that a test can see what nginx lets through.
"""

import http.server
import json
import pathlib
import socketserver

HERE = pathlib.Path(__file__).resolve().parent
RELEASE = json.loads((HERE / "release.json").read_text())
HOST = pathlib.Path("/etc/hostname").read_text().strip()
PAGE = """<!DOCTYPE html>
<html><head><title>CSO Shared Services Portal</title></head>
<body>STAND-IN for tests, release {release}, on {host}<form action="/ui/management/login/system"><input name="user"></form></body></html>
"""


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes; as with the services of a Java server the second does not wait for an acknowledgement.
    disable_nagle_algorithm = True
    timeout = 90  # longer than nginx keeps an idle connection to it

    def do_GET(self):
        path = self.path.split("?")[0]
        if not RELEASE["healthy"]:
            return self.answer(503, "text/plain", "requested failure\n")
        if path == "/ui/management/login/system":
            return self.answer(200, "text/html", PAGE.format(release=RELEASE["release"], host=HOST))
        if path == "/health" or path.startswith("/ui/") or path.startswith("/doc/"):
            identity = {name.lower(): value for name, value in self.headers.items() if "oidc" in name.lower()}
            return self.answer(200, "application/json", json.dumps(
                {"service": "frontend", "version": RELEASE["release"], "host": HOST, "path": path, "identity": identity,
                 "client": self.headers.get("X-Forwarded-For", ""), "stand-in": True}) + "\n")
        self.answer(404, "text/plain", "not here\n")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass  # a probe every few seconds is no news


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self):
        # The library's own also asks the resolver for this address's name: a service may not wait for DNS to open a port.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


if __name__ == "__main__":
    print(f"stand-in user interface {RELEASE['release']} on 127.0.0.1:8080", flush=True)
    Server(("127.0.0.1", 8080), Answer).serve_forever()
