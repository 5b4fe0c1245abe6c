"""Looks for secret values, in every form that programs give them, wherever they must not be."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request

from lib import database, keys, settings

HERE = os.path.dirname(os.path.realpath(__file__))


def values():
    """name -> value, of all secrets of a new fleet."""
    return {**keys.load_secrets()["values"], "database.password": database.secret()["values"]["password"]}


def held():
    """name -> value, of all secrets that Secrets Manager has now, those that `secrets init` made and tests rotated too. What
    everybody may know (certificates) is left out; of a private key each line counts."""
    found = {}
    for entry in ask("ListSecrets", {})["SecretList"]:
        answer = ask("GetSecretValue", {"SecretId": entry["ARN"]})
        try:
            document = json.loads(answer.get("SecretString", ""))
        except ValueError:
            continue
        for key, value in document.items() if isinstance(document, dict) else []:
            if key in ("username", "pem") or not isinstance(value, str):
                continue
            name = f"{entry['Name']}.{key}"
            parts = re.findall(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END", value, re.DOTALL)
            if parts or "-----BEGIN" in value:
                lines = [line for part in parts for line in part.split() if len(line) >= 40]
                found.update({f"{name} line {number}": line for number, line in enumerate(lines, 1)})
            else:
                found[name] = value
    return found


def ask(action, body):
    """One call of Secrets Manager's API; the fleet's endpoint checks no signature."""
    request = urllib.request.Request(
        f"http://{settings.AWS}:{settings.AWS_PORT}/", json.dumps(body).encode(),
        {"X-Amz-Target": f"secretsmanager.{action}", "Content-Type": "application/x-amz-json-1.1",
         "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-2/secretsmanager/aws4_request"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def forms(value):
    """name -> bytes: the ways in which a value can leak."""
    raw = value.encode()
    found = {"raw": raw, "latin-1": value.encode("latin-1", "replace")}
    for offset in range(3):
        # In the middle of other bytes the groups of three begin elsewhere; the edges depend on the neighbours.
        text = base64.b64encode(b"\0" * offset + raw)
        core = text[(0, 2, 3)[offset]:len(text) // 4 * 4 - 4]
        if len(core) >= 10:
            found[f"base64+{offset}"] = core
            found[f"base64url+{offset}"] = core.replace(b"+", b"-").replace(b"/", b"_")
    upper = urllib.parse.quote(value, safe="")
    found["URL"] = upper.encode()
    found["URL, slashes kept"] = urllib.parse.quote(value, safe="/").encode()
    found["form"] = urllib.parse.quote_plus(value).encode()
    found["URL, lower case"] = re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), upper).encode()
    found["JSON"] = json.dumps(value, ensure_ascii=False)[1:-1].encode()
    found["JSON, ASCII"] = json.dumps(value)[1:-1].encode()
    found["JSON, slashes"] = json.dumps(value, ensure_ascii=False)[1:-1].replace("/", "\\/").encode()
    found["JSON in JSON"] = json.dumps(json.dumps(value, ensure_ascii=False)[1:-1], ensure_ascii=False)[1:-1].encode()
    found["shell"] = value.replace("'", "'\\''").encode()
    found["shell, double"] = value.replace("'", "'\"'\"'").encode()
    found["shell, backslashes"] = re.sub(r"([^\w@%+=:,./-])", r"\\\1", value).encode()
    found["SQL"] = value.replace("'", "''").encode()
    found["SQL, backslashes"] = value.replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"').encode()
    found["properties"] = "".join(
        "\\" + c if c in "\\:=#! " else c if ord(c) < 127 else f"\\u{ord(c):04x}" for c in value).encode()
    found["XML"] = value.replace("&", "&amp;").replace("'", "&#39;").replace('"', "&quot;").encode()
    found["hexadecimal"] = raw.hex().encode()
    return {name: form for name, form in found.items() if len(form) >= 8}


def hashes(value):
    """A hash of a secret lets anybody try passwords against it: it must not be shown either."""
    return {kind: hashlib.new(kind, value.encode()).hexdigest().encode() for kind in ("md5", "sha1", "sha256", "sha512")}


def patterns(secrets, with_hashes=True):
    """bytes -> what it is."""
    found = {}
    for name, value in secrets.items():
        kinds = {**forms(value), **(hashes(value) if with_hashes else {})}
        for kind, form in kinds.items():
            found.setdefault(form, f"{name} ({kind})")
    return found


def in_bytes(content, wanted):
    return sorted({what for form, what in wanted.items() if form in content})


def in_tree(folder, wanted, pattern_file):
    """Paths of files below `folder` that hold any of them. grep reads the patterns from a private file."""
    with open(os.open(pattern_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(b"\n".join(wanted) + b"\n")
    try:
        done = subprocess.run(["grep", "-rlaFZ", "--devices=skip", "-f", str(pattern_file), "--", str(folder)],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              env={**os.environ, "LC_ALL": "C"})
    finally:
        os.unlink(pattern_file)
    return sorted(p.decode() for p in done.stdout.split(b"\0") if p and p.decode() != str(pattern_file))


class Watch:
    """Samples argv and environment of every process of the machine, hosts included, while it is open."""

    def __init__(self, wanted):
        self.wanted = wanted

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-B", os.path.join(HERE, "process_watch.py")],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        # The patterns travel on stdin: this watch must not be what it watches for.
        document = json.dumps({form.hex(): what for form, what in self.wanted.items()})
        self.process.stdin.write(document.encode() + b"\n")
        self.process.stdin.flush()
        self.process.stdout.readline()  # it has begun
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.report = json.loads(self.process.stdout.read())
        self.process.wait(10)

    @property
    def hits(self):
        return [f"{hit['what']} in {hit['where']} of pid {hit['pid']} ({hit['name']})" for hit in self.report["hits"]]
