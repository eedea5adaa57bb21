"""Settings of a contestant, from environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """``group`` reads ``source`` and writes ``sink``; ``state`` is the contestant's own folder.

    ``guarantee`` is "exactly-once" or "at-least-once".
    """

    bootstrap: str
    source: str
    sink: str
    group: str
    state: Path
    guarantee: str

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises ``KeyError`` for a missing variable."""
        return cls(
            bootstrap=os.environ["BENCH_BOOTSTRAP"],
            source=os.environ["BENCH_SOURCE"],
            sink=os.environ["BENCH_SINK"],
            group=os.environ["BENCH_GROUP"],
            state=Path(os.environ["BENCH_STATE"]),
            guarantee=os.environ.get("BENCH_GUARANTEE", "exactly-once"),
        )
