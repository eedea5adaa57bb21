"""A real Apache Kafka broker (KRaft, broker and controller in one) from its own jars and a JVM.

`python -m deploy.local.kafka` resolves pom.xml anew and writes the list of checksums: for a change of version.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import re
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy.local.cache import fetch_once
from deploy.local.errors import LauncherError
from deploy.local.ports import answers, free_port
from deploy.local.process import Process
from deploy.local.progress import Progress, Say, Silent

VERSION = "4.3.1"
HERE = Path(__file__).parent
POM = HERE / "pom.xml"
CHECKSUMS = HERE / "kafka.sha256"
LOGGING = HERE / "log4j2.properties"
INSTALL = (
    "On Debian or Ubuntu: `apt-get install openjdk-17-jre-headless maven` (on Debian 13 `maven` alone brings Java);"
    " or start a Docker engine."
)

SETTINGS = {
    "auto.create.topics.enable": "false",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    # Tests have instances die and partitions change hands: 6 s, Kafka's own least, is most of their time.
    "group.min.session.timeout.ms": "1000",
    # A killed broker may register anew only when its old session has run out (9 s by default).
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "1000",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "num.network.threads": "2",
    "num.io.threads": "2",
}
"""What makes a broker small and quick on one machine; the same for the jars and for a container."""


def addresses(
    kafka_port: int, controller_port: int, data: str, *, node: int = 1, voters: Mapping[int, int] | None = None
) -> dict[str, str]:
    """The settings that say who and where this node is; ``voters`` are the controllers' ports, by node."""
    quorum = voters or {node: controller_port}
    return {
        "process.roles": "broker,controller",
        "node.id": str(node),
        "controller.quorum.voters": ",".join(f"{voter}@127.0.0.1:{port}" for voter, port in quorum.items()),
        "listeners": f"PLAINTEXT://127.0.0.1:{kafka_port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{kafka_port}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": data,
    }


def java_version() -> str:
    """The version of the `java` on the path, such as "17.0.15".

    Raises:
        LauncherError: there is none, or it is older than 17.
    """
    java = shutil.which("java")
    if java is None:
        raise LauncherError("Kafka needs Java 17 or newer, and there is no `java` on the path.", INSTALL)
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "((\d+)[^"]*)"', shown)
    if found is None or int(found[2]) < 17:
        raise LauncherError(
            f"Kafka needs Java 17 or newer, and the `java` on the path is {found[1] if found else 'unknown'}.",
            INSTALL,
        )
    return found[1]


def fetch(cache: Path, progress: Progress) -> Path:
    """Fetch Kafka's jars with Maven, once. Returns the directory that holds them.

    Raises:
        LauncherError: Maven is missing, could not fetch, or brought other bytes than the checksums say.
    """
    edition = hashlib.sha256(POM.read_bytes() + CHECKSUMS.read_bytes()).hexdigest()[:12]
    target = cache / f"kafka-{VERSION}-{edition}"
    if not target.exists():
        with progress.step(f"Apache Kafka {VERSION} fetched with Maven (once, about 45 MB)") as say:
            fetch_once(target, lambda directory: _fetch_and_check(directory, say))
    return target


def archive_classes(jars: Path, progress: Progress) -> Path:
    """Prepare Kafka's classes for this version of Java, once; it halves every start. Returns the archive.

    Raises:
        LauncherError: Java is missing, or the broker does not start.
    """
    target = jars.with_name(f"{jars.name}-java-{java_version()}")
    if not target.exists():
        with progress.step("Kafka's classes prepared for this Java (once)"):
            fetch_once(target, lambda directory: _archive_classes(jars, directory))
    return target / "classes.jsa"


def _archive_classes(jars: Path, directory: Path) -> None:
    """Let a broker start and stop once; the JVM writes the archive of the classes that it loaded."""
    with tempfile.TemporaryDirectory() as scratch:
        data, log = Path(scratch) / "kafka", Path(scratch) / "kafka.log"
        broker = process(jars, None, data=data, log=log, kafka_port=free_port(), controller_port=free_port())
        broker.argv.insert(1, f"-XX:ArchiveClassesAtExit={directory / 'classes.jsa'}")
        broker.start()
        try:
            broker.wait_ready()
        finally:
            broker.terminate()


def _fetch_and_check(directory: Path, say: Say) -> None:
    _run_maven(directory, say)
    if _checksums(directory) != CHECKSUMS.read_text():
        raise LauncherError(
            "The jars that Maven brought are not those in deploy/local/kafka.sha256.",
            "Look at what changed between you and the registry before you trust them; nothing was installed.",
        )


def _run_maven(directory: Path, say: Say) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise LauncherError("Kafka is fetched with Maven, and there is no `mvn` on the path.", INSTALL)
    argv = [maven, "--batch-mode", "--strict-checksums", "--file", str(POM)]
    argv += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={directory}"]
    output: list[str] = []
    files = 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        for line in child.stdout or ():
            output.append(line.rstrip())
            if "Downloaded from" in line:
                files += 1
                say(f"{files} files")
    if child.returncode != 0:
        raise LauncherError(
            "Maven could not fetch Kafka.",
            "Check that this machine reaches a Maven repository (settings.xml), then start again.",
            "\n".join(line for line in output if "ERROR" in line),
        )


def _checksums(directory: Path) -> str:
    """The jars of a directory in the format of sha256sum."""
    jars = sorted(directory.glob("*.jar"))
    return "".join(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in jars)


def process(
    jars: Path,
    classes: Path | None,
    *,
    data: Path,
    log: Path,
    kafka_port: int,
    controller_port: int,
    heap_mb: int = 512,
    name: str = "kafka",
    settings: Mapping[str, str] | None = None,
    cluster: str | None = None,
) -> Process:
    """The broker over the kept (or new) directory `data`, ready to be started.

    Alone it needs no more; one of several also gets its `settings` (see `addresses`) and the `cluster` it is of.

    Raises:
        LauncherError: a new data directory could not be formatted.
    """
    data.mkdir(parents=True, exist_ok=True)
    properties = data.with_name(data.name + ".properties")
    settings = {**SETTINGS, **(settings or addresses(kafka_port, controller_port, str(data)))}
    properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    shared = [f"-XX:SharedArchiveFile={classes}"] if classes else []
    if not (data / "meta.properties").exists():
        arguments = ["format", "--ignore-formatted", "--cluster-id", cluster or new_cluster()]
        arguments += ["--config", str(properties)]
        tool = _java(jars, [*shared, "-Xmx128m"], "kafka.tools.StorageTool", *arguments)
        Process("Kafka's storage format", tool, log=log).run(60)
    argv = _java(jars, [*shared, f"-Xmx{heap_mb}m"], "kafka.Kafka", str(properties))
    return Process(name, argv, log=log, ready=lambda: ready(kafka_port), stop_seconds=30)


def new_cluster() -> str:
    """The id of a new cluster. None begins with a dash, as none of Kafka's own does: tools would read an option."""
    drawn = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    return new_cluster() if drawn.startswith("-") else drawn


def _java(jars: Path, flags: list[str], main: str, *arguments: str) -> list[str]:
    classpath = ":".join(str(jar) for jar in sorted(jars.glob("*.jar")))
    flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true", "-Xlog:cds*=off", *flags]
    return ["java", *flags, f"-Dlog4j2.configurationFile={LOGGING}", "-cp", classpath, main, *arguments]


def ready(port: int) -> bool:
    """Whether the broker answers a metadata request; an open port alone says too little."""
    return answers(port) and answers_metadata(f"127.0.0.1:{port}")


def answers_metadata(bootstrap: str) -> bool:
    """Whether a broker at this address answers an admin's metadata request within 5 s."""
    # In a thread of its own, because the caller may be inside a running event loop.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, _answers_metadata(bootstrap)).result()


async def _answers_metadata(bootstrap: str) -> bool:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await asyncio.wait_for(admin.start(), timeout=5)
        cluster = await admin.describe_cluster()
        return bool(cluster["brokers"])
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()


def _write_checksums() -> None:
    with tempfile.TemporaryDirectory() as directory, Silent().step("") as say:
        _run_maven(Path(directory), say)
        CHECKSUMS.write_text(_checksums(Path(directory)))


if __name__ == "__main__":
    _write_checksums()
