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
    user: str
    password: str
    source: str
    sink: str
    group: str
    state: Path
    guarantee: str

    @property
    def security(self) -> dict[str, str]:
        """The user, as librdkafka's configuration."""
        return {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.user,
            "sasl.password": self.password,
        }

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises ``KeyError`` for a missing variable."""
        return cls(
            bootstrap=os.environ["FRIKORT_KAFKA"],
            user=os.environ["FRIKORT_KAFKA_USER"],
            password=Path(os.environ["FRIKORT_KAFKA_PASSWORD_FILE"]).read_text(),
            source=os.environ["BENCH_SOURCE"],
            sink=os.environ["BENCH_SINK"],
            group=os.environ["BENCH_GROUP"],
            state=Path(os.environ["BENCH_STATE"]),
            guarantee=os.environ.get("BENCH_GUARANTEE", "exactly-once"),
        )
