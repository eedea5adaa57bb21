"""Java archives (jars) from a Maven repository, each checked against the SHA-256 hash in a lock file.

A lock file has one line for each jar: `<sha256>  <group>:<artifact>:<version>`.
The repository is Maven Central, or the one whose address is in FRIKORT_MAVEN_REPOSITORY.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from maven_artifact import Artifact, Downloader, RequestException

from deploy.local.errors import LauncherError
from deploy.local.progress import Say

_CONNECTIONS = 8
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Jar:
    """One line of a lock file."""

    sha256: str
    coordinates: str
    """`<group>:<artifact>:<version>`, as Maven writes it."""

    @property
    def file_name(self) -> str:
        """The name that the jar has in a repository, such as `kafka-clients-4.3.1.jar`."""
        return str(self._artifact().uri("")).rpartition("/")[2]

    def download(self, downloader: Downloader) -> bytes:
        """The jar's bytes.

        Raises:
            LauncherError: the download failed or has the wrong hash.
        """
        address = downloader.resolver.uri_for_artifact(self._artifact())
        try:
            content: bytes = downloader.requestor.request(
                address, _refused, lambda response: response.content, timeout=_TIMEOUT_SECONDS
            )
        except RequestException as error:
            raise LauncherError(
                f"The Maven repository did not give {self.coordinates}.",
                "Check that this machine reaches one, or set FRIKORT_MAVEN_REPOSITORY to the address of a mirror.",
                error.msg,
            ) from error
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise LauncherError(
                f"The Maven repository gave other bytes for {self.coordinates} than its hash in the lock file says.",
                "Look at what changed between you and the repository before you trust it; nothing was installed.",
            )
        return content

    def _artifact(self) -> Artifact:
        return Artifact.parse(self.coordinates)


def read_lock(lock: Path) -> list[Jar]:
    """The jars that a lock file names."""
    lines = (line.split() for line in lock.read_text().splitlines() if line and not line.startswith("#"))
    return [Jar(sha256, coordinates) for sha256, coordinates in lines]


def fetch(wanted: Iterable[Jar], directory: Path, say: Say) -> None:
    """Download jars into `directory`, several at a time.

    Raises:
        LauncherError: a download failed or has the wrong hash.
    """
    mirror = os.environ.get("FRIKORT_MAVEN_REPOSITORY")
    downloader = Downloader(mirror) if mirror else Downloader()
    jars = list(wanted)
    with ThreadPoolExecutor(max_workers=_CONNECTIONS) as pool:
        downloads = pool.map(lambda jar: jar.download(downloader), jars)
        for number, (jar, content) in enumerate(zip(jars, downloads, strict=True), start=1):
            (directory / jar.file_name).write_bytes(content)
            say(f"{number} of {len(jars)}")


def lock_line(jar: Path, repository: Path) -> str:
    """The line of a lock file for a jar in a directory that is laid out as a Maven repository."""
    *group, artifact, version, _ = jar.relative_to(repository).parts
    return f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {'.'.join(group)}:{artifact}:{version}\n"


def _refused(address: str, error: Exception) -> NoReturn:
    raise RequestException(str(error))
