"""`publish`, the one writer of the share: killed, twice at once, on a share whose server is dead."""

import hashlib
import json
import os
import pathlib
import signal

from kinds_release import archive
from support.harness import check, contains, equal, test, wait_until


def publish(world, folder, *words, **options):
    """On a directory that is the share itself, as in this fleet."""
    return world.product.run("publish", *map(str, words), "--to", str(folder), "--without-mount", "--output", "json", **options)


def names(folder):
    return sorted(path.name for path in pathlib.Path(folder).iterdir())


@test("publish puts a file on the share under its sum, and the same bytes once more change nothing; other bytes are another version")
def publishes(world):
    folder = world.fresh_folder("share")
    package = world.fresh_folder("publish") / "shop-1.0.tar.gz"
    package.write_bytes(archive("1"))
    digest = hashlib.sha256(archive("1")).hexdigest()
    run = publish(world, folder, package).expect(0, "changed")
    name = f"shop-1.0-{digest[:12]}.tar.gz"
    equal(run.json["files"], [{"name": name, "sha256": digest, "size": len(archive("1")), "action": "published"}], "what it did")
    equal(names(folder), ["manifest.json", name], "the share")
    equal((folder / name).read_bytes(), archive("1"), "the file")
    equal(oct((folder / name).stat().st_mode & 0o7777), "0o644", "its mode")
    before = {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}
    publish(world, folder, package).expect(0, "unchanged")
    equal({path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}, before, "the share after the second")

    package.write_bytes(archive("2"))
    publish(world, folder, package).expect(0, "changed")
    equal(len(json.loads((folder / "manifest.json").read_text())["files"]), 2, "entries of the list")
    equal((folder / name).read_bytes(), archive("1"), "the first version")
    publish(world, folder, "--check").expect(0, "unchanged")

    (folder / name).write_bytes(archive("1")[:-1] + b"x")
    (folder / "server.key").write_text("")
    run = publish(world, folder, "--check").expect(3, "failed")
    equal(sorted(f["name"] for f in run.json["findings"]), ["server.key", name], "what the check finds")
    text = world.product.run("publish", str(package), "--to", str(folder), "--without-mount").expect(0).out
    contains(text, f'  release_sha256: "{hashlib.sha256(archive("2")).hexdigest()}"', "the line for the inventory")


@test("a publication that is killed leaves no half file under a name; two at once exclude each other; the next one sweeps and completes")
def killed(world):
    folder = world.fresh_folder("share")
    package = world.fresh_folder("publish") / "big.bin"
    with open(package, "wb") as out:
        out.write(os.urandom(1 << 20) * 100)
    words = ["publish", str(package), "--to", str(folder), "--without-mount", "--output", "json"]
    started = world.product.start(*words)
    try:
        wait_until(lambda: any(p.name.startswith(".tmp.") for p in folder.iterdir()), 60, "it copies", step=0.001)
        started.send(signal.SIGSTOP)
        left = names(folder)
        check(len(left) == 1 and left[0].startswith(".tmp."), "it was stopped while it copied", str(left))
        run = world.product.run(*words).expect(5, "refused")
        contains(run.json["reason"], "another publication to", "the reason")
        contains(run.json["reason"], f"process {started.pid}", "who holds the lock")
    finally:
        started.kill()
    run = world.product.run(*words).expect(0, "changed")
    equal(run.json["swept"], left, "what was swept")
    equal(len(names(folder)), 2, "files on the share")
    publish(world, folder, "--check").expect(0, "unchanged")

    # SIGTERM: it sweeps up itself.
    with open(package, "ab") as out:
        out.write(b"more")
    started = world.product.start(*words)
    try:
        wait_until(lambda: any(p.name.startswith(".tmp.") for p in folder.iterdir()), 60, "it copies", step=0.001)
        started.send(signal.SIGTERM)
        run = started.finish(30)
    finally:
        started.ensure_ended()
    run.expect(130, "interrupted")
    equal(len(names(folder)), 2, "files on the share after the interruption")


# A file system whose program never answers, as NFS whose server is gone, in a mount namespace of its own.
DEAD = """exec 3<>/dev/fuse
mount -i -t fuse.sshfs -o fd=3,rootmode=40000,user_id=0,group_id=0 nowhere:/share "$1" || exit 99
shift
exec "$@"
"""


@test("publish on a share that is not mounted is refused, and on one whose server is dead it ends within its bound and says so")
def dead_share(world):
    package = world.fresh_folder("publish") / "a.jar"
    package.write_bytes(b"a")
    folder = world.fresh_folder("share")
    run = world.product.run("publish", str(package), "--to", str(folder), "--output", "json").expect(1, "refused-input")
    contains(run.json["reason"], "lies on this machine's own disk", "the reason")
    equal(names(folder), [], "the directory")
    holder = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", DEAD, "sh", str(folder)]
    run = world.product.run("publish", str(package), "--to", str(folder / "install"), "--output", "json", prefix=holder, seconds=60)
    run.expect(4, "unreachable")
    contains(run.json["reason"], "is mounted and does not answer: no answer within 10 s", "the reason")
