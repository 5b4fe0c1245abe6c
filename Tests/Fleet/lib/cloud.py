"""The AWS endpoint: moto's server with the fleet's secret and its Route 53 zone, and the `aws` command line."""

import json
import shutil
import sys

from . import database, dns, image, keys, services, settings as s
from .cgroups import Group
from .shell import FleetError, run, say, timed

VENV = s.CACHE / "venv"
STAMP = s.CACHE / "venv.id"
BIN = s.CACHE / "bin"
MADE = s.STATE / "made-secrets.json"
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
        seed()  # only what is missing
        return
    # `-u` so that the log shows requests as they come; a test counts them there.
    services.start("aws", [VENV / "bin/python", "-u", VENV / "bin/moto_server", "-H", s.AWS, "-p", s.AWS_PORT],
                   s.AWS, s.AWS_PORT, deadline=60)
    seed()


def seed():
    """Secrets and zone live in the endpoint's memory, so each start fills them again with the same values."""
    # The database's are brought to the value that its server has now; a test may have rotated others, and those stay.
    wish = {"secrets": {**kept(), **seeded()}, "current": [s.DATABASE_SECRET, s.DATABASE_CA_SECRET], "zone": s.ZONE,
            "records": dns.route53_records()}
    printed = run(VENV / "bin/python", s.FLEET / "lib/cloud_seed.py", input=json.dumps(wish),
                  env={**CREDENTIALS, "PATH": "/usr/bin:/bin"})
    (s.RUN / "hosted-zone").write_text(printed.strip() + "\n")


def seeded():
    """name -> {version, values}, of what is there in a new fleet. What `cso-provision secrets init` makes is not."""
    bundle = {"pem": database.BUNDLE.read_text()}
    return {s.SECRET_NAME: keys.load_secrets(), s.DATABASE_SECRET: database.secret(),
            s.DATABASE_CA_SECRET: {"version": keys.version_of(bundle), "values": bundle}}


def kept():
    """What was made in the endpoint while an earlier one ran, as `save` found it."""
    return json.loads(MADE.read_text()) if MADE.exists() else {}


def save():
    """Writes down what was made in the endpoint, before it ends: what `secrets init` made belongs to this fleet's hosts,
    whose disks stay."""
    if not services.running("aws") or not services.accepts(s.AWS, s.AWS_PORT):
        return
    try:
        printed = run(VENV / "bin/python", s.FLEET / "lib/cloud_save.py", env={**CREDENTIALS, "PATH": "/usr/bin:/bin"})
        made = {name: secret for name, secret in json.loads(printed).items()
                if name.startswith("env-") and name not in seeded()}
        keys.write_private(MADE, json.dumps(made, indent=1, ensure_ascii=False))
    except (FleetError, ValueError, OSError) as error:
        say(f"what was made in the AWS endpoint is lost: {error}")  # an endpoint that is broken must not keep a fleet up


def hosted_zone():
    """The id of the fleet's zone in Route 53; a name that says so while the fleet is down."""
    file = s.RUN / "hosted-zone"
    return file.read_text().strip() if file.exists() else "fleet-is-down"
