"""Settings of a contestant, from environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

MECHANISM: Final = "SCRAM-SHA-512"
Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]


@dataclass(frozen=True)
class Settings:
    """``group`` reads ``source`` and writes ``sink``; ``state`` is the contestant's own folder.

    ``guarantee`` is "exactly-once" or "at-least-once".
    """

    bootstrap: str
    user: str | None
    password: str
    tls: bool
    ca_file: str | None
    source: str
    sink: str
    group: str
    state: Path
    guarantee: str

    @property
    def protocol(self) -> Protocol:
        """Kafka's ``security.protocol``."""
        if self.user is None:
            return "SSL" if self.tls else "PLAINTEXT"
        return "SASL_SSL" if self.tls else "SASL_PLAINTEXT"

    @property
    def security(self) -> dict[str, str]:
        """The user and TLS, as librdkafka's configuration."""
        options: dict[str, str] = {"security.protocol": self.protocol}
        if self.ca_file is not None:
            options["ssl.ca.location"] = self.ca_file
        if self.user is not None:
            options |= {"sasl.mechanism": MECHANISM, "sasl.username": self.user, "sasl.password": self.password}
        return options

    @classmethod
    def from_environment(cls) -> Settings:
        """Raises ``KeyError`` for a missing variable."""
        return cls(
            bootstrap=os.environ["FRIKORT_KAFKA"],
            user=os.environ.get("FRIKORT_KAFKA_USER"),
            password=_password(),
            tls=os.environ.get("FRIKORT_KAFKA_TLS") == "true",
            ca_file=os.environ.get("FRIKORT_KAFKA_CA_FILE"),
            source=os.environ["BENCH_SOURCE"],
            sink=os.environ["BENCH_SINK"],
            group=os.environ["BENCH_GROUP"],
            state=Path(os.environ["BENCH_STATE"]),
            guarantee=os.environ.get("BENCH_GUARANTEE", "exactly-once"),
        )


def _password() -> str:
    file = os.environ.get("FRIKORT_KAFKA_PASSWORD_FILE")
    return Path(file).read_text().strip() if file else os.environ.get("FRIKORT_KAFKA_PASSWORD", "")
