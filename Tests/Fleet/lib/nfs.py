"""The share by NFSv4.1, as EFS serves it: nfs-ganesha, at the address of a mount target in each availability zone.

The folder below is written by hosts in containers too, so the server keeps no attributes and no directories of its own.
"""

from . import services, settings as s, share

STATE = s.STATE / "nfs"


def start():
    STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
    configuration = STATE / "ganesha.conf"
    # Root is not squashed and owners are numbers, as on EFS. No grace period: nothing that tests do depends on locks that
    # outlive a server.
    configuration.write_text(f"""NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {s.SHARE_PORT}; Enable_NLM = false; Enable_RQUOTA = false; }}
NFSv4 {{ Minor_Versions = 1; RecoveryBackend = fs; RecoveryRoot = "{STATE}/recovery"; Graceless = true; Lease_Lifetime = 15;
  Delegations = false; Only_Numeric_Owners = true; }}
MDCACHE {{ Dir_Chunk = 0; }}
EXPORT_DEFAULTS {{ Attr_Expiration_Time = 0; }}
EXPORT {{ Export_Id = 1; Path = "{share.FOLDER}"; Pseudo = "/"; Access_Type = RW; Squash = None; SecType = sys; Transports = TCP;
  FSAL {{ Name = VFS; }} }}
""")
    (STATE / "recovery").mkdir(exist_ok=True)
    services.start("efs", ["/usr/bin/ganesha.nfsd", "-F", "-f", configuration, "-L", "STDOUT", "-N", "EVENT", "-p", s.RUN / "efs.pid"],
                   s.MOUNT_TARGETS["eu-west-2a"], s.SHARE_PORT)
