"""The database as RDS hands one over: MariaDB 10.11, or MySQL 8.0 after `fleet database mysql`.

TLS is required, with a certificate for RDS's own name by a CA that is in the bundle which RDS publishes for a region; the
master user is no superuser, and its password is only in Secrets Manager, where RDS puts it. `root` logs in over the
socket, from this machine alone.
"""

import dataclasses
import json
import os
import pathlib
import secrets
import shutil
import string
import uuid

from . import keys, mysql, services, settings as s
from .cgroups import Group
from .shell import FleetError, run, say, timed

FOLDER = s.STATE / "database"
KIND = FOLDER / "kind"  # a word, one of SERVERS; without the file it is the first
TLS = FOLDER / "tls"
MASTER = FOLDER / "master.json"
BUNDLE = TLS / "bundle.pem"
SOCKET = s.RUN / "database.sock"
MASTER_USER = "admin"
PORT = s.DATABASE_PORT

# What RDS grants its master user: all but SUPER, FILE and SHUTDOWN.
PRIVILEGES = ("SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
              "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, "
              "ALTER ROUTINE, CREATE USER, EVENT, TRIGGER")
SCHEMAS = ["mysql", "sys", "information_schema", "performance_schema"]


@dataclasses.dataclass(frozen=True)
class Server:
    """What the two have of their own."""
    data: pathlib.Path
    argv: list
    section: str
    settings: str
    privileges: str
    users: list

    def initialize(self, folder):
        if self.section == "mysqld":
            return mysql.initialize(folder)
        run("/usr/bin/mariadb-install-db", "--no-defaults", f"--datadir={folder}", "--user=root", "--skip-test-db",
            "--auth-root-authentication-method=socket", "--auth-root-socket-user=root", group=Group("build"))


SERVERS = {
    # DELETE HISTORY is MariaDB's own; without it the user could not give ALL PRIVILEGES on a schema to anybody.
    "mariadb": Server(FOLDER / "data", ["/usr/sbin/mariadbd"], "mariadbd", "", PRIVILEGES + ", DELETE HISTORY", ["root", "mariadb.sys"]),
    "mysql": Server(FOLDER / "data-mysql", mysql.MYSQLD, "mysqld", f"lc_messages_dir={mysql.FOLDER}/usr/share/mysql\nmysqlx=OFF\nsecure_file_priv=NULL\n", PRIVILEGES,
                    ["root", "mysql.infoschema", "mysql.session", "mysql.sys"]),
}


def kind():
    return KIND.read_text().strip() if KIND.exists() else next(iter(SERVERS))


def server():
    return SERVERS[kind()]


def ensure():
    """Keys and an empty server, made once a fleet. Each is built beside its place and renamed, so that a killed build is
    never taken for a whole one."""
    FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not MASTER.exists():
        keys.write_private(MASTER, json.dumps(new_master()))
    if not TLS.exists():
        make_certificates()
    if server() is SERVERS["mysql"]:
        mysql.ensure()
    if not server().data.exists():
        with timed("an empty database"):
            building = FOLDER / "data.building"
            shutil.rmtree(building, ignore_errors=True)
            server().initialize(building)
            building.rename(server().data)


# --- the master user -----------------------------------------------------------------------------------------------


def new_master():
    """28 characters as RDS makes them: any printable one but / ' " @ and the space. Those that readers mishandle most are
    always among them."""
    usual = "".join(c for c in string.printable[:94] if c not in "/'\"@")
    word = [secrets.choice(usual) for _ in range(23)] + list("%$#\\&")
    secrets.SystemRandom().shuffle(word)
    return {"version": str(uuid.uuid4()), "values": {"username": MASTER_USER, "password": "".join(word)}}


def secret():
    """As the AWS endpoint is to hold it: {version, values}."""
    return json.loads(MASTER.read_text())


def ensure_master():
    """The user as RDS makes it, whatever was done to it."""
    word = secret()["values"]["password"].replace("\\", "\\\\")  # the alphabet has no quote
    user = f"'{MASTER_USER}'@'%'"
    sql(f"CREATE USER IF NOT EXISTS {user};\nALTER USER {user} IDENTIFIED BY '{word}';\n"
        f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {user};\nGRANT {server().privileges} ON *.* TO {user} WITH GRANT OPTION;\n")


# --- certificates --------------------------------------------------------------------------------------------------


def make_certificates():
    building = FOLDER / "tls.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(mode=0o700)
    # A region's bundle has several CAs; the server's is not the first. `strange` is in no bundle, for tests.
    for name, subject in (("other", f"Embedded RDS {s.REGION} Root CA ECC384 G1"), ("ca", f"Embedded RDS {s.REGION} Root CA RSA2048 G1"),
                          ("strange", "A CA that nobody trusts")):
        openssl(building, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                "-subj", f"/O=Embedded fleet/CN={subject}", "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(building, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={s.DATABASE_NAME}",
            "-keyout", "server.key", "-out", "server.csr")
    (building / "server.ext").write_text(f"subjectAltName=DNS:{s.DATABASE_NAME}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n")
    openssl(building, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "825",
            "-extfile", "server.ext", "-out", "server.pem")
    (building / "bundle.pem").write_text((building / "other.pem").read_text() + (building / "ca.pem").read_text())
    building.rename(TLS)


def openssl(folder, *argv):
    run("/usr/bin/openssl", *argv, cwd=folder)


# --- the server ----------------------------------------------------------------------------------------------------


def start():
    if services.running("database") and services.accepts(s.DATABASE, PORT):
        return
    configuration = FOLDER / "my.cnf"
    # It trusts this machine's disk cache at a commit: a killed server loses nothing, and a schema is made in half the time.
    configuration.write_text(
        f"[{server().section}]\nuser=root\ndatadir={server().data}\nsocket={SOCKET}\npid-file={s.RUN}/database.pid\n"
        f"bind-address={s.DATABASE}\nport={PORT}\n"
        f"skip-name-resolve\nrequire_secure_transport=ON\nssl_cert={TLS}/server.pem\nssl_key={TLS}/server.key\n"
        "tls_version=TLSv1.2,TLSv1.3\ncharacter-set-server=utf8mb4\ninnodb_buffer_pool_size=64M\n"
        f"innodb_flush_log_at_trx_commit=2\nperformance_schema=OFF\nmax_connections=300\n{server().settings}")
    services.start("database", [*server().argv, f"--defaults-file={configuration}"], s.DATABASE, PORT, deadline=60)
    ensure_master()


def stop():
    """In order, since it can: what a server writes out at its end need not be read back from its log at the next start."""
    services.stop("database", grace=20)


def use(name):
    """Another server in its place, empty but for the master user."""
    require()
    if name != kind():
        stop()
        KIND.write_text(name + "\n")
    ensure()
    start()
    reset()


def client(*options):
    return ["/usr/bin/mariadb", "--no-defaults", f"--socket={SOCKET}", "--user=root", *options]


def sql(statements):
    """As root over the socket, from standard input. Rows come back as tab-separated lines."""
    return run(*client("--batch", "--skip-column-names"), input=statements)


def require():
    if not services.running("database"):
        raise FleetError("the database is off", "Tests/Fleet/fleet up")


def execute():
    """The caller's standard input as SQL; becomes the client, so its exit status and messages are the answer."""
    require()
    os.execv("/usr/bin/mariadb", client())


def reset():
    """As a new RDS instance: nothing of any role, and the master user as RDS makes it."""
    require()

    def names(query, kept):
        return [row.split("\t") for row in sql(query).splitlines() if row.split("\t")[0] not in kept]

    schemas = names("SELECT schema_name FROM information_schema.schemata;", SCHEMAS)
    users = [row for row in names("SELECT user, host FROM mysql.user;", server().users) if row != [MASTER_USER, "%"]]
    # Connections of dropped users would go on.
    threads = sql(f"SELECT id FROM information_schema.processlist WHERE user NOT IN ('root', 'system user', 'event_scheduler');").split()
    for number in threads:
        run(*client(), input=f"KILL CONNECTION {number};", check=False)  # it may have ended meanwhile
    sql("".join(f"DROP DATABASE IF EXISTS `{name[0].replace('`', '``')}`;\n" for name in schemas)
        + "".join(f"DROP USER IF EXISTS '{user}'@'{host}';\n" for user, host in users))
    ensure_master()
    say(f"database as new: {len(schemas)} schemas and {len(users)} users are gone")


def rotate():
    """A new master password, as RDS makes one every seven days: in the server first, then in Secrets Manager."""
    require()
    keys.write_private(MASTER, json.dumps(new_master()))
    ensure_master()
