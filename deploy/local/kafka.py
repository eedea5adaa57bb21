"""An Apache Kafka broker (KRaft, broker and controller in one process) from its own jars.

To change the version, edit pom.xml and VERSION, then run `python -m deploy.local.kafka`, which needs Maven.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import os
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local import broker_config, jars, java, kafka_users
from deploy.local.cache import fetch_once
from deploy.local.certificates import Certificates
from deploy.local.errors import LauncherError
from deploy.local.kafka_users import BROKER, KafkaAccess
from deploy.local.ports import answers, free_port
from deploy.local.process import Process
from deploy.local.progress import Progress
from services.runtime.kafka.connection import client_options
from services.runtime.settings import KafkaSettings

VERSION = "4.3.1"
HERE = Path(__file__).parent
POM = HERE / "pom.xml"
LOCK = HERE / "kafka.lock"
LOGGING = HERE / "log4j2.properties"

_ARCHIVE_SECONDS = 180
_UTF_8 = {"LC_ALL": "C.UTF-8"}
"""Without a locale, Java reads no path with letters beyond ASCII."""


@dataclass(frozen=True)
class Installation:
    """The installed files that run a broker."""

    java: Path
    """The `java` command."""
    jars: Path
    """The directory of Kafka's jars."""
    classes: Path | None
    """The archive of the classes that a start loads. It halves the time of a start."""


def install(cache: Path, progress: Progress) -> Installation:
    """Fetch Java and Kafka's jars, and prepare Kafka's classes for this Java: each once.

    Raises:
        LauncherError: a download failed or has the wrong hash, or Kafka did not start.
    """
    runtime = java.fetch(cache, progress)
    archives = jars.read_lock(LOCK)
    edition = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    directory = cache / f"kafka-{VERSION}-{edition}"
    if not directory.exists():
        with progress.step(f"Apache Kafka {VERSION} fetched (once, about 45 MB)") as say:
            fetch_once(directory, lambda target: jars.fetch(archives, target, say))
    prepared = directory.with_name(f"{directory.name}-{java.edition()}-secured")
    if not prepared.exists():
        with progress.step("Kafka's classes prepared for this Java (once)"):
            bare = Installation(runtime, directory, None)
            fetch_once(prepared, lambda target: _archive_classes(bare, target))
    return Installation(runtime, directory, prepared / "classes.jsa")


def _archive_classes(bare: Installation, directory: Path) -> None:
    """Start and stop a broker once; the JVM then writes the archive of the classes that it loaded."""
    with tempfile.TemporaryDirectory() as scratch:
        data, log = Path(scratch) / "kafka", Path(scratch) / "kafka.log"
        archive = directory / "classes.jsa"
        broker = process(
            bare,
            data=data,
            log=log,
            kafka_port=free_port(),
            controller_port=free_port(),
            users=kafka_users.passwords(Path(scratch) / "keys"),
            stop_seconds=_ARCHIVE_SECONDS,
        )
        broker.argv.insert(1, f"-XX:ArchiveClassesAtExit={archive}")
        broker.start()
        try:
            broker.wait_ready()
        finally:
            broker.terminate()
        if not archive.exists():
            raise LauncherError("Java wrote no archive of Kafka's classes.", "See its output below.", broker.log_tail())


def process(
    installation: Installation,
    *,
    data: Path,
    log: Path,
    kafka_port: int,
    controller_port: int,
    users: Mapping[str, Path],
    heap_mb: int = 512,
    stop_seconds: float = 30,
    name: str = "kafka",
    settings: Mapping[str, str] | None = None,
    cluster: str | None = None,
    certificates: Certificates | None = None,
) -> Process:
    """A broker that is ready to be started; a new `data` directory is formatted first, with the credentials of `users`.

    `users` has the file with the password of each. A broker of a cluster also needs `settings` (see
    `broker_config.addresses`) and the id of the `cluster`. With `certificates` it speaks TLS only.

    Raises:
        LauncherError: a new data directory could not be formatted, or an old one lacks a user.
    """
    data.mkdir(parents=True, exist_ok=True)
    properties = data.with_name(data.name + ".properties")
    own = settings or broker_config.addresses(kafka_port, controller_port, str(data))
    secured = broker_config.security(users[BROKER].read_text())
    if certificates is not None:
        secured |= broker_config.tls(certificates)
    broker_config.write_properties(properties, {**broker_config.SETTINGS, **own, **secured})
    known = data.with_name(data.name + ".users")
    if not (data / "meta.properties").exists():
        _format(installation, data, properties, users, cluster or new_cluster())
        known.write_text("".join(f"{user}\n" for user in users))
    elif not known.exists() or set(users) - set(known.read_text().split()):
        raise LauncherError(
            f"The data of Kafka in {data} was made for other users.",
            f"Delete {data.parent}, which deletes all data of this system, and start again.",
        )
    argv = _java(installation, f"-Xmx{heap_mb}m", "kafka.Kafka", str(properties))
    access = KafkaAccess(f"127.0.0.1:{kafka_port}", users, KafkaAccess.tls(certificates))
    return Process(
        name,
        argv,
        log=log,
        environment=os.environ | _UTF_8,
        ready=lambda: ready(kafka_port, access.settings()),
        stop_seconds=stop_seconds,
    )


def _format(installation: Installation, data: Path, properties: Path, users: Mapping[str, Path], cluster: str) -> None:
    """Format a data directory. Passwords are passed in a file: everyone on the machine can read a command line."""
    credentials, log = data.with_name(data.name + ".credentials"), data.with_name(data.name + ".format.log")
    broker_config.write_credentials(credentials, users)
    broker_config.write_private(log, "")  # the tool prints the credentials' hashes
    try:
        arguments = ["format", "--ignore-formatted", "--cluster-id", cluster, "--config", str(properties)]
        tool = _java(installation, "-Xmx128m", "kafka.tools.StorageTool", *arguments, f"@{credentials}")
        Process("Kafka's storage format", tool, log=log, environment=os.environ | _UTF_8).run()
    finally:
        credentials.unlink()
    log.unlink()


def new_cluster() -> str:
    """A random cluster id. It never starts with a dash, because Kafka's tools would read it as an option."""
    identifier = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return new_cluster() if identifier.startswith("-") else identifier


def _java(installation: Installation, heap: str, main: str, *arguments: str) -> list[str]:
    classpath = ":".join(str(jar) for jar in sorted(installation.jars.glob("*.jar")))
    flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true", "-Xlog:cds*=off"]
    if installation.classes:
        flags.append(f"-XX:SharedArchiveFile={installation.classes}")
    flags += [heap, f"-Dlog4j2.configurationFile={LOGGING}"]
    return [str(installation.java), *flags, "-cp", classpath, main, *arguments]


def ready(port: int, settings: KafkaSettings) -> bool:
    """Whether the broker answers a metadata request. The port opens before the broker can answer."""
    return answers(port) and answers_metadata(settings)


def answers_metadata(settings: KafkaSettings) -> bool:
    """Whether a broker admits a client with these settings and answers its metadata request within 5 s."""
    # In a thread of its own, because the caller may be inside a running event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, _answers_metadata(settings)).result()


async def _answers_metadata(settings: KafkaSettings) -> bool:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    admin = AIOKafkaAdminClient(**client_options(settings), request_timeout_ms=5000)
    try:
        await asyncio.wait_for(admin.start(), timeout=5)
        cluster = await admin.describe_cluster()
        return bool(cluster["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()


def _write_lock() -> None:
    """Resolve pom.xml with Maven and write kafka.lock. Needed only when the version changes."""
    with tempfile.TemporaryDirectory() as directory:
        argv = ["mvn", "--batch-mode", "--strict-checksums", "--file", str(POM), "dependency:copy-dependencies"]
        argv += ["-DincludeScope=runtime", "-Dmdep.useRepositoryLayout=true", f"-DoutputDirectory={directory}"]
        subprocess.run(argv, check=True)
        fetched = sorted(Path(directory).rglob("*.jar"))
        LOCK.write_text("".join(jars.lock_line(jar, Path(directory)) for jar in fetched))


if __name__ == "__main__":
    _write_lock()
