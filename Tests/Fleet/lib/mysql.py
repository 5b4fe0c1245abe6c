"""MySQL 8.0 itself, for what MariaDB has not or does not mind. Debian has no such server; this one is Ubuntu's, from the
release that fits Debian 12's libraries, each package pinned by its digest. Only the server's program is used, in a folder of the
cache; nothing is installed.
"""

import hashlib
import shutil

from . import settings as s
from .cgroups import Group
from .shell import FleetError, run, timed

FOLDER = s.CACHE / "mysql-8.0.28"
MIRROR = "http://archive.ubuntu.com/ubuntu/pool/main/"
# Of the release itself, whose files stay as long as it is served.
PACKAGES = {
    "m/mysql-8.0/mysql-server-core-8.0_8.0.28-0ubuntu4_amd64.deb": "69a97fa36a94ce981cf4a5fd6eb674003fa42559b442ba9807309c69d1b90fdb",
    "p/protobuf/libprotobuf-lite23_3.12.4-1ubuntu7_amd64.deb": "74213165bb99962044366f56d43eaebf7f7ffd7903d60820abd8373f6fe067c0",
    "i/icu/libicu70_70.1-2_amd64.deb": "58a154f6307289813da2276f900498ef536ae7c0522d2cf31a3c3c5cf62dfd9a",
    "m/mecab/libmecab2_0.996-14build9_amd64.deb": "cb25c996ff0ed53158bc6b9cda66f68f003ff3824f8276ddfa0ad20d60e1411a",
    "liba/libaio/libaio1_0.3.112-13build1_amd64.deb": "2dcfe0b49d7cccfbf1bd6a3f627cf44bea9f51fb32f7e0e552a0df75698e0d27",
    "n/numactl/libnuma1_2.0.14-3ubuntu2_amd64.deb": "0721c89001fbbd1ada23e89da5d60e762763c1a7b3dc814a2e9a518480a8043d",
    "libt/libtirpc/libtirpc3_1.3.2-2build1_amd64.deb": "e5af8cc79ce2cd14a716922f7936d2a7c26d1e90642aaa7810afe4fcdc1cf2dc",
    "libe/libevent/libevent-core-2.1-7_2.1.12-stable-1build3_amd64.deb": "9317ae74915b9e4372f7506fbd16ae2a021e0ead79a8d88f96dad49b87d94508",
    "libe/libevent/libevent-pthreads-2.1-7_2.1.12-stable-1build3_amd64.deb": "078211a125a9ef5a9c7d24eb441761cefde8812b69889f7cee96824b0dc66831",
}
LIBRARIES = f"LD_LIBRARY_PATH={FOLDER}/usr/lib/x86_64-linux-gnu"
MYSQLD = ["/usr/bin/env", LIBRARIES, str(FOLDER / "usr/sbin/mysqld")]


def ensure():
    """The server's files, whole or not at all."""
    if FOLDER.exists():
        return
    with timed("MySQL 8.0 (Ubuntu)"):
        building = FOLDER.with_name(FOLDER.name + ".building")
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        for path, wanted in PACKAGES.items():
            package = building / path.rsplit("/", 1)[1]
            run("curl", "-fsS", "--max-time", "300", "-o", str(package), MIRROR + path)
            found = hashlib.sha256(package.read_bytes()).hexdigest()
            if found != wanted:
                raise FleetError(f"{MIRROR}{path} is another file than the one that is pinned", "look at what the mirror gives")
            run("dpkg-deb", "-x", str(package), str(building))
            package.unlink()
        building.rename(FOLDER)


def initialize(folder):
    run(*MYSQLD, "--no-defaults", "--initialize-insecure", "--user=root", f"--datadir={folder}", f"--lc-messages-dir={FOLDER}/usr/share/mysql",
        group=Group("build"))
