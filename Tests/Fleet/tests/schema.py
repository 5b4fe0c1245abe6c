"""`cso-provision schema`: what a validator says of real files and of broken ones, and that the decoder agrees."""

import re

from support import schemas
from support.harness import check, equal, test
from support.world import RECIPES, REPOSITORY

# What makes the recipe wrong in its structure, and a word of the decoder's message.
HEAD = "role: web\n"
ROLES = {
    "no name": ("description: x\n", '"role"'),
    "an unknown key": (HEAD + "descripton: x\n", "descripton"),
    "parameters as a list": (HEAD + "parameters: [a]\n", "parameters"),
    "a parameter without a type": (HEAD + "parameters: {a: {default: x}}\n", "type"),
    "a parameter's unknown type": (HEAD + "parameters: {a: {type: txt}}\n", "txt"),
    "a parameter's bad name": (HEAD + "parameters: {1a: {type: text}}\n", "1a"),
    "resources as a map": (HEAD + "resources: {file: /a}\n", "resources"),
    "an included role without its name": (HEAD + "includes: [{with: {a: b}}]\n", "role"),
    "members_at_once of two": (HEAD + "members_at_once: two\n", "members_at_once"),
    "an entry that is a text": (HEAD + "resources: [nginx]\n", "resource"),
    "an entry without a kind": (HEAD + "resources:\n  - fil: /a\n", "fil"),
    "an entry with two kinds": (HEAD + "resources:\n  - service: a.service\n    package: a\n", "second kind"),
    "an unknown field": (HEAD + 'resources:\n  - file: /a\n    content: x\n    modee: "0644"\n', "modee"),
    "a field of another kind": (HEAD + "resources:\n  - service: a.service\n    uid: 3\n", "uid"),
    "a field that is missing": (HEAD + "resources:\n  - command: a\n    creates: /b\n", "run"),
    "a mode without quotes": (HEAD + "resources:\n  - directory: /a\n    mode: 0644\n", "quoted"),
    "a mode of three digits": (HEAD + 'resources:\n  - directory: /a\n    mode: "644"\n', "octal"),
    "a path that is relative": (HEAD + "resources:\n  - directory: a/b\n", "absolute"),
    "a path with two dots": (HEAD + "resources:\n  - directory: /a/../b\n", "absolute"),
    "a flag that is none": (HEAD + "resources:\n  - service: a.service\n    running: maybe\n", "true or false"),
    "a number that is none": (HEAD + "resources:\n  - group: a\n    gid: ten\n", "number"),
    "a choice that is none": (HEAD + "resources:\n  - file: /a\n    state: gone\n", "gone"),
    "a time without a unit": (HEAD + "resources:\n  - command: a\n    creates: /b\n    run: x\n    limit: 30\n", "time"),
    "a list of one, not written as a list": (HEAD + "resources:\n  - user: a\n    groups: b\n", "list"),
    "a field without a value": (HEAD + "resources:\n  - group: a\n    gid:\n", "no value"),
    "a map that is none of families": (HEAD + "resources:\n  - package: {debain: a, amazon: b}\n", "debain"),
    "a map that lacks a family": (HEAD + "resources:\n  - package: {debian: a}\n", "amazon"),
    "an empty list behind a kind": (HEAD + "resources:\n  - package: []\n", "empty"),
    "a list where one name stands": (HEAD + "resources:\n  - symlink: [/a]\n    to: b\n", "symlink"),
    "a notify that is no list": (HEAD + "resources:\n  - file: /a\n    content: x\n    notify: reload a.service\n", "notify"),
    "a notify of another verb": (HEAD + "resources:\n  - file: /a\n    content: x\n    notify: [relod a.service]\n", "reload"),
    "a gate without a kind": (HEAD + "gates:\n  - htpp: x\n", "htpp"),
    "a gate's unknown field": (HEAD + "gates:\n  - tcp: 80\n    status: 200\n", "status"),
    "a gate's scope": (HEAD + "gates:\n  - tcp: 80\n    scope: fleet\n", "scope"),
}

INVENTORY = """fleet: x
zone: {name: z.test}
network: [10.1.0.0/16]
availability_zones: {a: 10.1.128.0/18}
az_order: [a]
ssh: {user: u, identity: k, known_hosts: [h]}
secrets: {passwords: {aws: p, region: r}}
roles: {web: {hosts: [web01]}}
"""
INVENTORIES = {
    "an unknown key": ("fleet: x", "fleet: x\nflet: y", "flet"),
    "no fleet": ("fleet: x\n", "", "fleet"),
    "no zone's name": ("{name: z.test}", "{deadline: 5s}", "name"),
    "a server that is no address": ("{name: z.test}", "{name: z.test, server: here}", "here"),
    "a deadline of nothing": ("{name: z.test}", "{name: z.test, deadline: 0s}", "time"),
    "a network that is no list": ("[10.1.0.0/16]", "10.1.0.0/16", "list"),
    "a range without a prefix": ("10.1.128.0/18", "10.1.128.0", "range"),
    "zones as a list": ("{a: 10.1.128.0/18}", "[a]", "availability_zones"),
    "no user": ("user: u, ", "", "user"),
    "no known_hosts": (", known_hosts: [h]", "", "known_hosts"),
    "two keys": ("identity: k", "identity: k, agent_key: k.pub", "agent_key"),
    "no key": ("identity: k, ", "", "key"),
    "a port out of range": ("user: u", "user: u, port: 70000", "65535"),
    "an unknown transport": ("user: u", "user: u, transport: telnet", "telnet"),
    "a transport without its command": ("user: u", "user: u, transport: {}", "command"),
    "a secret from nowhere": ("aws: p, region: r", "region: r", "comes from"),
    "a secret from two places": ("aws: p, region: r", "aws: p, file: f", "two places"),
    "a region of a file": ("aws: p, region: r", "file: f, region: r", "region"),
    "a terraform file without its output": ("aws: p, region: r", "terraform: f", "output"),
    "a source's bad name": ("{passwords: {", "{pass-words: {", "pass-words"),
    "no hosts": ("{hosts: [web01]}", "{parameters: {}}", "hosts"),
    "an empty list of hosts": ("[web01]", "[]", "no hosts"),
    "a host with its zone": ("[web01]", "[web01.z.test]", "web01.z.test"),
    "a role's unknown key": ("{hosts: [web01]}", "{hosts: [web01], parameter: {}}", "parameter"),
}


def examples():
    """Every whole role and inventory in the READMEs, by its first key."""
    for path in [REPOSITORY / "README.md", *REPOSITORY.glob("*/README.md")]:
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", path.read_text(), re.M | re.S)):
            kind = {"role:": "role", "fleet:": "inventory"}.get(next(iter(re.findall(r"^(\w+:)", block, re.M)), None))
            if kind:
                yield f"{path.relative_to(REPOSITORY)}, example {number + 1}", kind, block


@test("schema: a real validator finds every shipped role and inventory, and every example, right")
def real_files(world):
    of = {kind: schemas.validator(world.product.run("schema", kind).expect(0).out) for kind in ("role", "inventory")}
    files = [(str(path.relative_to(REPOSITORY)), path.stem, path.read_text())
             for folder in (REPOSITORY / "Roles", REPOSITORY / "Inventory", RECIPES, REPOSITORY / "Tests/Bench/Roles")
             for path in sorted(folder.rglob("*.yaml")) if path.name in ("role.yaml", "inventory.yaml")]
    files += examples()
    for name, kind, text in files:
        equal(schemas.mistakes(of[kind], schemas.read(text)), [], name)
    kinds = [kind for _, kind, _ in files]
    check(kinds.count("role") >= 8 and kinds.count("inventory") >= 3, "the files were found", [name for name, _, _ in files])


@test("schema: what it finds wrong in a role, the decoder refuses too, and the other way round")
def broken_roles(world):
    of = schemas.validator(world.product.run("schema", "role").expect(0).out)
    environment = plain_inventory(world)
    whole = HEAD + 'resources:\n  - file: /a\n    content: x\n    mode: "0644"\n'
    agree(world, of, "the control", whole, environment, None, write_role)
    for name, (text, word) in ROLES.items():
        agree(world, of, name, text, environment, word, write_role)


@test("schema: what it finds wrong in an inventory, the decoder refuses too, and the other way round")
def broken_inventories(world):
    of = schemas.validator(world.product.run("schema", "inventory").expect(0).out)
    environment = plain_inventory(world)
    agree(world, of, "the control", INVENTORY, environment, None, write_inventory)
    for name, (old, new, word) in INVENTORIES.items():
        check(INVENTORY.count(old) == 1, f"{name}: {old!r} stands once in the inventory")
        agree(world, of, name, INVENTORY.replace(old, new), environment, word, write_inventory)


def plain_inventory(world):
    folder = world.fresh_folder("schema")
    environment = {"CSO_ROLES": str(folder / "Roles"), "CSO_INVENTORY": str(folder / "Inventory")}
    for path, text in (("Roles/web/role.yaml", HEAD), ("Inventory/inventory.yaml", INVENTORY)):
        (folder / path).parent.mkdir(parents=True)
        (folder / path).write_text(text)
    return environment


def write_role(environment, text):
    with open(environment["CSO_ROLES"] + "/web/role.yaml", "w") as file:
        file.write(text)


def write_inventory(environment, text):
    with open(environment["CSO_INVENTORY"] + "/inventory.yaml", "w") as file:
        file.write(text)


def agree(world, of, name, text, environment, word, write):
    """Both find nothing, or both find something, and the decoder's message has the word."""
    write(environment, text)
    found = schemas.mistakes(of, schemas.read(text))
    run = world.product.run("check", env=environment)
    if word is None:
        equal(found, [], f"{name}: mistakes of the schema")
        equal(run.code, 0, f"{name}: check says {run.err}")
    else:
        check(found, f"{name}: the schema finds nothing wrong", text)
        equal(run.code, 1, f"{name}: check's exit code")
        check(word in run.err, f"{name}: {word!r} is not in the message", run.err)
