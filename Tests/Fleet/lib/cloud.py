"""The AWS endpoint: moto's server with the fleet's secret and its Route 53 zone, and the `aws` command line."""

import json
import shutil
import sys

from . import dns, image, keys, services, settings as s
from .cgroups import Group
from .shell import run, timed

VENV = s.CACHE / "venv"
STAMP = s.CACHE / "venv.id"
BIN = s.CACHE / "bin"
ENDPOINT = f"http://{s.AWS}:{s.AWS_PORT}"
CREDENTIALS = {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_ACCESS_KEY_ID": "fleet", "AWS_SECRET_ACCESS_KEY": "fleet-is-no-secret",
               "AWS_DEFAULT_REGION": s.REGION}


def ensure():
    """A virtual environment of the fleet's own: Debian's awscli is too old for batch-get-secret-value."""
    wanted = image.digest(s.FLEET / "python.list", sys.version)
    if STAMP.exists() and STAMP.read_text().strip() == wanted:
        return
    STAMP.unlink(missing_ok=True)
    with timed("AWS endpoint and command line (pip)"):
        shutil.rmtree(VENV, ignore_errors=True)
        run(sys.executable, "-m", "venv", VENV, group=Group("build"))
        run(VENV / "bin/pip", "install", "--quiet", "-r", s.FLEET / "python.list", group=Group("build"))
        # Only `aws` goes into the caller's PATH: the environment's own python3 and pip are nobody else's business.
        BIN.mkdir(parents=True, exist_ok=True)
        link = BIN / "aws"
        link.unlink(missing_ok=True)
        link.symlink_to(VENV / "bin/aws")
    STAMP.write_text(wanted + "\n")


def start():
    if services.running("aws") and services.accepts(s.AWS, s.AWS_PORT):
        if not (s.RUN / "hosted-zone").exists():
            seed()
        return
    # `-u` so that the log shows requests as they come; a test counts them there.
    services.start("aws", [VENV / "bin/python", "-u", VENV / "bin/moto_server", "-H", s.AWS, "-p", s.AWS_PORT],
                   s.AWS, s.AWS_PORT, deadline=60)
    seed()


def seed():
    """Secrets and zone live in the endpoint's memory, so each start fills them again with the same values."""
    secrets = keys.load_secrets()
    wish = {"secrets": {s.SECRET_NAME: secrets}, "zone": s.ZONE,
            "records": dns.route53_records()}
    printed = run(VENV / "bin/python", s.FLEET / "lib/cloud_seed.py", input=json.dumps(wish),
                  env={**CREDENTIALS, "PATH": "/usr/bin:/bin"})
    (s.RUN / "hosted-zone").write_text(printed.strip() + "\n")


def hosted_zone():
    """The id of the fleet's zone in Route 53; a name that says so while the fleet is down."""
    file = s.RUN / "hosted-zone"
    return file.read_text().strip() if file.exists() else "fleet-is-down"
