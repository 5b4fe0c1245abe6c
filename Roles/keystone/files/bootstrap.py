"""bootstrap.py REGION URL: `keystone-manage bootstrap` with the administrator's password from standard input.

The password is put into this process' own copy of its environment, where keystone looks for it and /proc does not.
"""

import os
import sys

region, url = sys.argv[1:]
# keystone takes each of these before its option.
for name in [name for name in os.environ if name.startswith("OS_")]:
    del os.environ[name]
os.environ["OS_BOOTSTRAP_PASSWORD"] = sys.stdin.read()
sys.argv = ["keystone-manage", "--config-file", "/etc/keystone/keystone.conf", "bootstrap", "--bootstrap-region-id", region]
for interface in ("admin", "internal", "public"):
    sys.argv += [f"--bootstrap-{interface}-url", url]

from keystone.cmd.manage import main  # reads sys.argv when it is run

sys.exit(main())
