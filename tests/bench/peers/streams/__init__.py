"""Kafka Streams from Maven Central: its jars, and our classes compiled against them, in the launcher's cache.

``python -m tests.bench.peers.streams`` resolves pom.xml and writes the list of checksums, for a change of version.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from deploy.local.cache import fetch_once
from deploy.local.config import default_cache
from deploy.local.errors import LauncherError

HERE = Path(__file__).parent
POM = HERE / "pom.xml"
CHECKSUMS = HERE / "streams.sha256"
SOURCES = sorted(HERE.glob("*.java"))


def kafka_streams() -> list[str]:
    """The command that runs the contestant. The first call downloads and compiles what it needs.

    Raises:
        LauncherError: Maven or a Java compiler is missing, or Maven brought other bytes than the checksums say.
    """
    edition = b"".join(path.read_bytes() for path in (POM, CHECKSUMS, *SOURCES))
    target = default_cache() / f"kafka-streams-{hashlib.sha256(edition).hexdigest()[:12]}"
    fetch_once(target, _build)
    return ["java", "-Xmx1g", "-cp", f"{target / 'classes'}:{target / 'jars'}/*", "Ledgers"]


def fetch(directory: Path) -> None:
    """Copy the jars of pom.xml into a directory with Maven. Raises ``LauncherError``."""
    argv = ["mvn", "--batch-mode", "--strict-checksums", "--file", str(POM), "dependency:copy-dependencies"]
    _run([*argv, "-DincludeScope=runtime", f"-DoutputDirectory={directory}"])


def checksums(directory: Path) -> str:
    """The jars of a directory in the format of sha256sum."""
    jars = sorted(directory.glob("*.jar"))
    return "".join(f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in jars)


def _build(directory: Path) -> None:
    jars = directory / "jars"
    fetch(jars)
    if checksums(jars) != CHECKSUMS.read_text():
        raise LauncherError(f"The jars that Maven brought are not those in {CHECKSUMS.name}.", "Look at what changed.")
    _run(["javac", "-Xlint:all", "-d", str(directory / "classes"), "-cp", f"{jars}/*", *map(str, SOURCES)])


def _run(argv: list[str]) -> None:
    if shutil.which(argv[0]) is None:
        raise LauncherError(
            f"Kafka Streams needs `{argv[0]}`, which is not on the path.",
            "On Debian or Ubuntu: `apt-get install openjdk-17-jdk-headless maven`.",
        )
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LauncherError(f"`{argv[0]}` failed.", "What it said stands below.", done.stdout + done.stderr)
