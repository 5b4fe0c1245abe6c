"""What makes this fleet itself: the controller's login key, each host's keys, known_hosts, and the secrets' values."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import shutil
import string
import uuid

from . import roster, settings as s
from .shell import run

LOGIN_KEY = s.STATE / "keys" / "id_ed25519"
HOST_KEYS = s.STATE / "keys" / "hosts"
KNOWN_HOSTS = s.STATE / "known_hosts"
SECRETS = s.STATE / "secrets.json"

# Every character in it is one that some layer mishandles: URL and printf's %, the shell's $, (), quotes and ?,
# INI's # and ;-like separators, SQL's backslash, an address's @ and :, XML's &, and one that is two bytes in UTF-8.
AWKWARD = "p%40$(id)\"'\\@:/?#&é x"


def ensure():
    for folder in (s.STATE, LOGIN_KEY.parent, HOST_KEYS):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not LOGIN_KEY.exists():
        make_key("ed25519", LOGIN_KEY, "cso-fleet")
    if not SECRETS.exists():
        write_private(SECRETS, json.dumps(new_secrets(), indent=1, ensure_ascii=False))


def make_key(kind, path, comment):
    run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", path)


def write_private(path, text):
    sibling = path.with_suffix(".tmp")
    with open(os.open(sibling, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    sibling.rename(path)


# --- secrets -------------------------------------------------------------------------------------------------------


def new_secrets():
    """Random once for a fleet. The version is kept too, or each `up` would look like a rotation to the controller."""
    def password():
        return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(24))

    names = ["db_password", "service_password", "keystone_password", "rabbitmq_password", "key_password",
             "keystore_password", "password_encryption_key"]
    return {"version": str(uuid.uuid4()), "values": {**{name: password() for name in names}, "service_password": AWKWARD}}


def version_of(values):
    """A version that is another one exactly when the values are."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(values, sort_keys=True)))


def load_secrets():
    return json.loads(SECRETS.read_text(encoding="utf-8"))


# --- host keys -----------------------------------------------------------------------------------------------------


def host_keys(host, renew=False):
    """The folder with a host's private and public keys; made once, so that a reset host is still the same host."""
    folder = HOST_KEYS / host.name
    if renew:
        forget(host)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for kind in ("ed25519", "ecdsa"):
        path = folder / f"ssh_host_{kind}_key"
        if not path.exists():
            make_key(kind, path, f"root@{host.name}")
    return folder


def forget(host):
    shutil.rmtree(HOST_KEYS / host.name, ignore_errors=True)


def write_known_hosts():
    """All hosts but bare ones, by full name, short name and address. Every second host's names are hashed, as a
    Debian client does by default, so that a reader of this file meets both forms."""
    lines = []
    for number, host in enumerate(h for h in roster.hosts() if not h.bare):
        names = [host.full_name, host.name, host.address]
        for public in sorted((HOST_KEYS / host.name).glob("*.pub")):
            kind, key = public.read_text().split()[:2]
            for field in [hashed(name) for name in names] if number % 2 else [",".join(names)]:
                lines.append(f"{field} {kind} {key}\n")
    sibling = KNOWN_HOSTS.with_suffix(".tmp")
    sibling.write_text("".join(lines))
    sibling.rename(KNOWN_HOSTS)


def hashed(name):
    """OpenSSH's hashed form: |1|salt|HMAC-SHA1(salt, name). The salt comes from the name, to keep the file the same."""
    salt = hashlib.sha1(b"cso-fleet " + name.encode()).digest()
    mac = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(mac).decode()}"
