"""Names, addresses and places of the embedded fleet. Nothing here acts; everything else imports it."""

import os
import pathlib

FLEET = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY_ROOT = FLEET.parent.parent

# Three places with three lifetimes: the cache can be rebuilt from the lists in this folder, the state is what makes
# this fleet this fleet (disks, keys, secrets), and the run folder dies with the machine's memory.
CACHE = pathlib.Path(os.environ.get("CSO_FLEET_CACHE", "/var/cache/cso-fleet"))
STATE = pathlib.Path(os.environ.get("CSO_FLEET_STATE", "/var/lib/cso-fleet"))
RUN = pathlib.Path("/run/cso-fleet")
LOGS = STATE / "log"
DISKS = STATE / "hosts"

# The VPC. Its router is a network namespace; each availability zone is a bridge in it, as is the public subnet where
# the jump server (this machine's root namespace) has its one leg.
VPC = "cso-vpc"
NETWORK = "10.1.0.0/16"
ZONES = {  # availability zone -> (subnet, bridge)
    "public": ("10.1.0.0/18", "cso-public"),
    "eu-west-2a": ("10.1.128.0/18", "cso-2a"),
    "eu-west-2c": ("10.1.192.0/18", "cso-2c"),
}
ROUTER = {"public": "10.1.0.1", "eu-west-2a": "10.1.128.1", "eu-west-2c": "10.1.192.1"}
JUMP = "10.1.0.10"
JUMP_LINK = "cso-jump"

# Services of the VPC itself. A VPC's resolver is always its network's base plus two.
RESOLVER = "10.1.0.2"
AWS = "10.1.0.5"
AWS_PORT = 5000
PACKAGES = "10.1.0.6"
DATABASE = "10.1.0.20"
DATABASE_PORT = 3306
MOUNT_TARGETS = {"eu-west-2a": "10.1.128.5", "eu-west-2c": "10.1.192.5"}  # EFS has one in each zone
SHARE_PORT = 2049
SERVICE_ADDRESSES = {"public": [RESOLVER, AWS, PACKAGES, DATABASE], **{zone: [a] for zone, a in MOUNT_TARGETS.items()}}

ZONE = "prod-ha.cso.ss"
REGION = "eu-west-2"

# Names that AWS gives, in zones that are AWS's own.
DATABASE_ZONE = f"{REGION}.rds.amazonaws.com"
DATABASE_NAME = f"prod-ha.cxyz123.{DATABASE_ZONE}"
SHARE_ZONE = f"efs.{REGION}.amazonaws.com"
SHARE_NAME = f"fs-0123456789abcdef0.{SHARE_ZONE}"

SECRET_NAME = "env-prod-ha-passwords-v2"
DATABASE_SECRET = "rds!db-6f0a1c52-93d4-4b7e-8a21-0c5d9e7b4f13"  # as RDS names what it manages; the same in every fleet
DATABASE_CA_SECRET = "env-prod-ha-database-ca"

SUITE = "bookworm"
PROVISION_USER = "provision"
CLOUD_USER = "admin"  # the first user of Debian's own EC2 images; what a bare host has instead of ours

# Systemd containers that boot together fight for two cores; four at a time is the fastest measured here.
GROUP_SIZE = int(os.environ.get("CSO_FLEET_GROUP", "4"))
BANNER_DEADLINE = 60  # seconds from a host's start to its sshd's banner; 5 is usual
