"""A saved plan is a contract: it is done as it was shown, or not at all. Nothing of a secret is in it."""

import contextlib
import hashlib
import json
import os
import shutil
import stat

from support import secrets_search
from support.harness import check, contains, equal, lacks, test
from support.world import RECIPES

FOLDER = "/etc/cso-contract"
SETTINGS, PASSWORD, BIG = f"{FOLDER}/settings", f"{FOLDER}/password", f"{FOLDER}/big"
STATE = "/var/lib/cso-provision"
FIRST, SECOND = "canary-first-4711-abcdef", "canary-second-0815-ghijkl"


class Contract:
    """Recipes, an inventory and secrets of its own, over the two backends."""

    def __init__(self, world):
        self.world, self.hosts = world, world.backends
        self.folder = world.fresh_folder("contract")
        shutil.copytree(RECIPES / "contract", self.folder / "Roles")
        self.role = self.folder / "Roles/contract/role.yaml"
        (self.folder / "Roles/contract/files").mkdir()
        (self.folder / "Roles/contract/files/big").write_bytes(b"0123456789abcde\n" * (17 << 16))
        self.env = world.small("contract", self.hosts)
        inventory = os.path.join(self.env["CSO_INVENTORY"], "inventory.yaml")
        with open(inventory, "a") as file:
            file.write(f"secrets:\n  passwords: {{file: {self.folder}/secrets.json}}\n")
        self.env["CSO_ROLES"] = str(self.folder / "Roles")
        self.rotate(FIRST, "11111111-1111-4111-8111-111111111111")
        self.plan_file = self.folder / "saved-plan"

    def rotate(self, value, version):
        path = self.folder / "secrets.json"
        path.write_text(json.dumps({"Name": "passwords", "VersionId": version, "SecretString": json.dumps({"key": value})}))
        path.chmod(0o600)

    def apply(self, *argv):
        return self.world.product.run("apply", *argv, "--output", "json", env=self.env)

    def all(self):
        return self.apply("--role", "contract", "--yes")

    def plan(self, *argv):
        return self.world.plan("--role", "contract", *argv, env=self.env)

    def save(self, *argv):
        return self.plan("--out", str(self.plan_file), *argv)

    def saved(self):
        return self.apply(str(self.plan_file))

    def edit(self, old, new):
        text = self.role.read_text()
        equal(text.count(old), 1, f"{old!r} in the recipe")
        self.role.write_text(text.replace(old, new))


@contextlib.contextmanager
def contract(world):
    """Both hosts converged by this role; in the end they are as before, the ledger too."""
    made = Contract(world)
    for host in made.hosts:
        host.sh(f"rm -rf {FOLDER}; mkdir -p -m 0700 {STATE}; cp -a {STATE}/ledger {STATE}/ledger.of-a-test 2>/dev/null || :")
    try:
        made.all().expect(0, "changed")
        yield made
    finally:
        for host in made.hosts:
            host.sh(f"rm -rf {FOLDER} {STATE}/digests {STATE}/ledger; "
                    f"[ ! -e {STATE}/ledger.of-a-test ] || mv {STATE}/ledger.of-a-test {STATE}/ledger")


def refused(case, word):
    """The plan is refused for a reason with this word, and nothing is touched."""
    with case.world.untouched():
        run = case.saved().expect(6, "refused")
    told = "\n".join([*run.json.get("notes", []), *(str(h["reason"]) for h in run.json["hosts"])])
    contains(told, "the plan is stale", "the reason")
    contains(told, word, "what differs")
    lacks(run.out + run.err, FIRST, "what is shown")
    lacks(run.out + run.err, SECOND, "what is shown")


@test("a saved plan is applied without a question, exactly; again it finds nothing left to do")
def applied(world):
    with contract(world) as case:
        first, second = case.hosts
        first.write(SETTINGS, b"by hand\n")
        with world.untouched():
            case.save().expect(2, "would-change")
        mode = stat.S_IMODE(case.plan_file.stat().st_mode)
        equal(oct(mode), "0o600", "mode of the plan")
        with world.untouched(second):
            run = case.saved().expect(0, "changed")
        equal(run.changes("backend01"), {f"file:{SETTINGS}": "update"}, "what was done")
        equal(first.read(SETTINGS), b"text first\n", "the file")
        with world.untouched():
            run = case.saved().expect(0, "unchanged")
        contains("\n".join(run.json["notes"]), f"file:{SETTINGS} no longer needs update", "the note")
        wrong = case.apply(str(case.plan_file), "--role", "contract").expect(1)
        contains(wrong.err, "a saved plan names its hosts itself", "the mistake")


@test("what changed between plan and apply is refused by name, and nothing is touched: a file, a recipe, a secret, a gate")
def stale(world):
    with contract(world) as case:
        first, second = case.hosts
        first.write(SETTINGS, b"by hand\n")
        case.save().expect(2)
        first.write(SETTINGS, b"by another hand\n")
        refused(case, f"file:{SETTINGS} of backend01 now has content")
        first.write(SETTINGS, b"by hand\n")
        second.sh(f"chmod 0600 {SETTINGS}")
        refused(case, f"file:{SETTINGS} of backend02 now needs update, which the plan does not have")
        second.sh(f"chmod 0644 {SETTINGS}")
        case.edit("text {{ text }}", "other text {{ text }}")
        refused(case, "since the plan, roles/contract/role.yaml was changed")
        case.edit("other text {{ text }}", "text {{ text }}")
        case.rotate(SECOND, "22222222-2222-4222-8222-222222222222")
        refused(case, "since the plan, secret passwords was rotated from version 1111")
        case.rotate(FIRST, "11111111-1111-4111-8111-111111111111")
        with open(case.role, "a") as file:
            file.write("gates:\n  - command: test -e /etc\n")
        refused(case, "the gates of backend0")
        case.edit("gates:\n  - command: test -e /etc\n", "# what is only said differently is the same plan\n")
        case.saved().expect(0, "changed")


@test("a plan that writes a secret holds neither it nor a hash or length of it, and is refused once it was rotated")
def secret(world):
    with contract(world) as case:
        first = case.hosts[0]
        planted = b"canary-planted-by-a-test-99"
        first.write(PASSWORD, planted)
        case.save("--diff", "--verbose").expect(2)
        text = case.plan_file.read_bytes()
        contains(text.decode(), PASSWORD, "the plan")
        forbidden = {planted: "the planted value", **secrets_search.patterns({"key": FIRST})}
        for content in (FIRST.encode(), planted):
            for kind in ("md5", "sha1", "sha256", "sha512"):
                forbidden[hashlib.new(kind, content).hexdigest()[:12].encode()] = f"{kind} of the value"
        equal(secrets_search.in_bytes(text, forbidden), [], "what the plan holds")
        # The control: the search does find it.
        check(secrets_search.in_bytes(text + FIRST.encode(), forbidden), "the search finds a planted value")
        case.rotate(SECOND, "22222222-2222-4222-8222-222222222222")
        refused(case, "would be made with version 22222222-2222-4222-8222-222222222222 of secret passwords")
        equal(first.read(PASSWORD), planted, "the file")


@test("a plan file that was cut, edited, opened to others or made by nobody is not taken; nobody is contacted")
def damaged(world):
    with contract(world) as case:
        case.hosts[0].write(SETTINGS, b"by hand\n")
        case.save().expect(2)
        text = case.plan_file.read_text()
        for wrong, word in ((text[:-20], "cut off"), (text.replace('"0644"', '"0666"'), "digest"),
                            (text.replace('"version": 1', '"version": 7'), "version 7"), ("{}\n", "not a saved plan"),
                            (text.replace("by hand", "by hand"), None)):
            if word is None:
                case.plan_file.write_text(wrong)
                case.plan_file.chmod(0o666)
                word = "others than you"
            elif wrong == text:
                continue
            else:
                case.plan_file.write_text(wrong)
            with world.untouched():
                run = case.saved().expect(1)
            contains(run.err, word, "the mistake")
        run = world.product.run("apply", "paln", env=case.env).expect(1)
        contains(run.err, "did you mean `plan`?", "the mistake")


@test("a big file is read whole where its mark does not tell, and everywhere with --deep")
def deep(world):
    with contract(world) as case:
        first = case.hosts[0]
        check(first.exists(f"{STATE}/digests"), "big files are marked")
        case.plan().expect(0, "unchanged")
        first.sh(f"touch -r {BIG} /tmp/time; printf z | dd of={BIG} conv=notrunc status=none; touch -r /tmp/time {BIG}")
        run = case.plan().expect(2, "would-change")
        equal(run.changes("backend01"), {f"file:{BIG}": "update"}, "a change in place with its time set back")
        # Somebody who is root can forge the mark, too: then only reading tells.
        first.sh(f"""cd {STATE}; s=$(stat -c '%d:%i:%s:%.9Y:%.9Z' {BIG}); read -r a b c <digests
                 printf '%s %s %s\\n' "$s" "$b" "$c" >digests""")
        case.plan().expect(0, "unchanged")
        case.save("--deep").expect(2, "would-change")
        run = case.saved().expect(0, "changed")
        equal(run.changes("backend01"), {f"file:{BIG}": "update"}, "what was done")
        case.plan("--deep").expect(0, "unchanged")
        first.sh(f"rm {STATE}/digests")
        case.plan().expect(0, "unchanged")
