"""Where one local system keeps its things."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import ports

REPOSITORY = Path(__file__).parents[2]


def default_cache() -> Path:
    """What is fetched once: FRIKORT_CACHE, or `.cache/frikort` in the repository."""
    given = os.environ.get("FRIKORT_CACHE")
    return Path(given).resolve() if given else REPOSITORY / ".cache" / "frikort"


@dataclass(frozen=True)
class Config:
    """One local system: its directories, ports and what its services are told beyond the usual.

    Two systems run beside each other when their data directories and ports differ.
    """

    data: Path
    """Data of the engines, keys and logs. Kept unless the caller deletes it."""
    cache: Path = field(default_factory=default_cache)
    """What is fetched once and shared by all systems."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """TCP ports by process name; a process that is not named gets a free one."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Further environment variables of every service; they win over the launcher's."""
    broker_heap_mb: int = 512

    @classmethod
    def kept(cls) -> Config:
        """What `make run` uses: fixed ports, and data that is there again at the next start."""
        cache = default_cache()
        return cls(data=cache / "run", cache=cache, ports=ports.FIXED)

    def port(self, name: str) -> int:
        """The port of a process: the given one if it is free, or a free one.

        Raises:
            LauncherError: the given port is taken.
        """
        if name not in self.ports:
            return ports.free_port()
        ports.require_free(self.ports[name], name)
        return self.ports[name]

    def log(self, name: str) -> Path:
        """The log file of a process."""
        return self.data / "logs" / f"{name}.log"
