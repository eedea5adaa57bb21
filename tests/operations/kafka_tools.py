"""Kafka's own tools, which the operations page names. The launcher needs none of them, so their jar is fetched here."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from frikort_contracts.access import PROVISIONER

from deploy.local import broker_config, jars, kafka
from deploy.local.cache import fetch_once
from deploy.local.config import default_cache
from deploy.local.engines import Engines
from deploy.local.progress import Silent

LOCK: Final = Path(__file__).with_name("kafka-tools.lock")
_MAINS: Final[Mapping[str, str]] = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
}
"""The main class of each tool, as the scripts of Kafka's distribution have it."""
_LOGIN: Final = "org.apache.kafka.common.security.scram.ScramLoginModule"


def run_line(line: str, engines: Engines, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the page in ``directory``, with ``...`` for the broker's address, as the provisioner logs in."""
    settings = engines.access.settings(PROVISIONER)
    secret = settings.kafka_secret
    assert secret is not None
    broker_config.write_properties(
        directory / "provisioner.properties",
        {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": f'{_LOGIN} required username="{PROVISIONER}" password="{secret.get_secret_value()}";',
        },
    )
    return run_with_login(line, settings.kafka, directory)


def run_with_login(line: str, address: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of the page in ``directory``, which has ``provisioner.properties``, with ``...`` for ``address``."""
    tool, *arguments = shlex.split(line)
    cache = default_cache()
    installation = kafka.install(cache, Silent())
    classes = f"{installation.jars}/*:{_jar(cache)}/*"
    java = [str(installation.java), "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={kafka.LOGGING}"]
    given = [address if word == "..." else word for word in arguments]
    return subprocess.run(
        [*java, "-cp", classes, _MAINS[tool], *given],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def _jar(cache: Path) -> Path:
    """The directory of the jar, which is fetched once."""
    edition = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    directory = cache / f"kafka-tools-{kafka.VERSION}-{edition}"
    if not directory.exists():
        fetch_once(directory, lambda target: jars.fetch(jars.read_lock(LOCK), target, lambda _: None))
    return directory
