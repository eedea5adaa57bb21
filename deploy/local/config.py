"""Directories, ports and environment of one local system."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import ports
from deploy.local.ports import FIRST

REPOSITORY = Path(__file__).parents[2]


def default_cache() -> Path:
    """The directory for downloads: FRIKORT_CACHE, or `.cache/frikort` in the repository."""
    given = os.environ.get("FRIKORT_CACHE")
    return Path(given).resolve() if given else REPOSITORY / ".cache" / "frikort"


@dataclass(frozen=True)
class Config:
    """Configuration of one local system.

    Two systems can run at the same time if their data directories and ports differ.
    """

    data: Path
    """The directory for the data of Kafka and MongoDB, keys and logs. The launcher never deletes it."""
    cache: Path = field(default_factory=default_cache)
    """The directory for downloads, shared by all local systems."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """TCP ports by process name; other processes get a free port."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables for every service; they override the launcher's."""
    broker_heap_mb: int = 512
    database_cache_gb: float = 0.5
    """The documents in use should fit: MongoDB otherwise writes and reads pages of many documents for one of them."""

    @classmethod
    def kept(cls, first_port: int = FIRST) -> Config:
        """The configuration of `make run`: fixed ports, and a data directory that the next start on them uses again."""
        cache = default_cache()
        name = "run" if first_port == FIRST else f"run-{first_port}"
        return cls(data=cache / name, cache=cache, ports=ports.fixed(first_port))

    def port(self, name: str) -> int:
        """The port of a process: the configured one, otherwise a free one.

        Raises:
            LauncherError: the configured port is in use.
        """
        if name not in self.ports:
            return ports.free_port()
        ports.require_free(self.ports[name], name)
        return self.ports[name]

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.data / "logs" / f"{name}.log"
