#!/usr/bin/env python3
"""Makes Corpus/ anew where it is made of the repository's own fixtures: recipes, inventories, recorded answers.

What was found by fuzzing (files whose names do not begin with `seed-`) is left alone.
"""

import json
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CORPUS = HERE / "Corpus"


def seed(target, name, data):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{name}").write_bytes(data if isinstance(data, bytes) else data.encode())


def main():
    for old in CORPUS.glob("*/seed-*"):
        old.unlink()
    for path in sorted(ROOT.glob("Roles/*/role.yaml")) + sorted(ROOT.glob("Tests/Fleet/tests/recipes/*/*/role.yaml")):
        if path.stat().st_size < 8192:
            seed("role", path.parent.name, path.read_bytes())
    for path in sorted(ROOT.glob("Inventory/*/inventory.yaml")):
        seed("inventory", path.parent.name, path.read_bytes())
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", (ROOT / "Roles/README.md").read_text(), re.S)):
        seed("role", f"readme{number}", block)
    for number, block in enumerate(re.findall(r"```yaml\n(.*?)```", (ROOT / "Inventory/README.md").read_text(), re.S)):
        seed("inventory", f"readme{number}", block)
    for path in sorted(ROOT.glob("Roles/*/templates/*")):
        seed("template", path.name, path.read_bytes()[:4096])
    seed("template", "all", '{% for h in hosts("web") %}{{ loop.index }}{% if h == host and not (1 < 2) %}a{% elif "x" in [a, b] %}b'
                            '{% else %}{{ join(x, ",") | raw }}{% endif %}{% endfor %}{# c #}{{ "\\n\\"" }}{{ secret("s.k") }}')
    probes()
    hello = 'banner\ncso-provision-reader 1 0123abc\nos ID=debian\nos VERSION_ID="12"\nhostname h\nboot b\narch x86_64\ninit systemd\nmemory 4000000\n\x010123abc end 0 0\n'
    seed("protocol", "hello", b"\x7f" + hello.encode())
    seed("protocol", "turns", b"\x83" + hello.encode())
    seed("protocol", "status", b"\x01success exited:0")
    seed("protocol", "mount", b"\x0136 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw")
    for path in sorted((ROOT / "Tests/CloudTests/Fixtures").glob("*.json")):
        seed("cloud", path.stem, path.read_bytes())
        seed("json", path.stem, json.dumps(json.loads(path.read_text()))[:2000])
    seed("json", "numbers", '[0,-1,1.5e300,-0.0,1e-9,"\\u00e9\\ud83d\\ude00\\n",{"a":{},"b":[]},true,false,null]')
    seed("cloud", "version", "aws-cli/2.14.1 Python/3.11 Linux/6.1 exe/x86_64")
    seed("cloud", "config", "[default]\ncli_history = enabled\n[profile a]\nregion = x\n")
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    seed("trust", "plain", f"a.test,10.0.0.1 ssh-ed25519 {key} note\n*.test,!b.test ssh-ed25519 {key}\n")
    seed("trust", "hashed", f"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 {key}\n")
    seed("trust", "marked", f"@revoked [a.test]:22 ssh-ed25519 {key}\n# note\n\n@cert-authority * x\n")
    name = b"\x01a\x01z\x04test\x00"
    question = name + b"\x00\x01\x00\x01"
    alias = b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x04\x01b\xc0\x0e"
    address = b"\x01b\xc0\x0e\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x0a\x00\x00\x01"
    seed("zone", "address", b"\0\1\x81\x80\0\1\0\1\0\0\0\0" + question + b"\xc0\x0c" + address[4:])
    seed("zone", "alias", b"\0\1\x81\x80\0\1\0\2\0\0\0\0" + question + alias + address)


# Which batch reads a sample does not matter: libFuzzer changes the first byte, which chooses it.
SAMPLES = [
    "f\t644\troot\t0\troot\t0\t12\t1700000000.5\t65024\t17\0/a\0\0.\0/\0=\0local\0001\0.\0\xff"
    "find: '/etc/b': No such file or directory\n",
    "0a" * 32 + "  /a\0/\0=\0local\0000\0.\0",
    "0\0text\n\0000\0001\0other\n\0000\0",
    "Id=a.service\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\nNeedDaemonReload=no\n",
    "0 137\n1 13\n\xff\0000\0\0words of one\n\0001\0",
    "body\n4\t200\t0\t\n0123456789ab\n12\t503\t0\t\n",
    "nginx\tamd64\tii \t1.22.1-9\n", "package nginx is not installed\n",
    "ecs:x:1500:1500:ECS:/home/ecs:/bin/bash\n", "adm:x:4:syslog,ecs\necs:x:1500:\n",
    "LISTEN 0 128 0.0.0.0:80 0.0.0.0:*\nLISTEN 0 128 [::]:8102 [::]:*\n",
    "/etc/c\n=b\0000\n/etc/a\0003:x\r\n=p\0000\n", "reload:a.service\n", "present\nfile:/a\n",
]


def probes():
    for number, sample in enumerate(SAMPLES):
        for batch in range(4):
            place = (number + batch * 5) % 20
            seed("probes", f"{number:02}-{place:02}", bytes([place, 0]) + sample.encode("latin-1"))


main()
