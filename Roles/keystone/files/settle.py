"""settle.py API CA REGION URL ROLES DOMAINS PROJECTS: what keystone shall have beside what bootstrap makes.

The administrator's password comes on standard input. Lists are separated by commas. Corrects the identity service's
endpoints of the region to URL, and makes roles, domains, and projects of the domain `default` that do not exist. Names
are unique in keystone, so that a second run, or one that was cut off, makes nothing twice.
"""

import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

api, authority, region, url, roles, domains, projects = sys.argv[1:]
password = sys.stdin.read()
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=authority)))
token = None


def ask(method, path, body=None, **query):
    request = urllib.request.Request(
        api + path + ("?" + urllib.parse.urlencode(query) if query else ""), method=method,
        data=None if body is None else json.dumps(body).encode(), headers={"Content-Type": "application/json"})
    if token:
        request.add_header("X-Auth-Token", token)
    try:
        return opener.open(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 401 and path == "/auth/tokens":
            sys.exit("keystone refuses the administrator's password: the secret was rotated, or the password was changed in"
                     " keystone by hand")
        sys.exit(f"{method} {path} ended with status {error.code}")


def read(path, key, **query):
    return json.load(ask("GET", path, **query))[key]


def names(text):
    return [name for name in text.split(",") if name]


default = {"id": "default"}
identity = {"methods": ["password"], "password": {"user": {"name": "admin", "domain": default, "password": password}}}
scope = {"project": {"name": "admin", "domain": default}}
token = ask("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}}).headers["X-Subject-Token"]

for service in read("/services", "services", type="identity"):
    for endpoint in read("/endpoints", "endpoints", service_id=service["id"], region_id=region):
        if endpoint["url"] != url:
            ask("PATCH", "/endpoints/" + endpoint["id"], {"endpoint": {"url": url}})
            print(f"{endpoint['interface']} endpoint: {endpoint['url']} -> {url}")
for kind, wanted, fixed, query in (
        ("role", roles, {}, {}), ("domain", domains, {}, {}),
        ("project", projects, {"domain_id": "default"}, {"domain_id": "default"})):
    for name in names(wanted):
        if not read(f"/{kind}s", f"{kind}s", name=name, **query):
            ask("POST", f"/{kind}s", {kind: {"name": name, **fixed}})
            print(f"made {kind} {name}")
