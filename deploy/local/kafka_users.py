"""The users of a local broker: a password for each, drawn once, and the settings to connect as one of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from frikort_contracts.access import PRINCIPALS, PROVISIONER

from deploy.local.keys import kept
from services.runtime.kafka.connection import client_options
from services.runtime.settings import KafkaSettings

BROKER: Final = "broker"
"""The principal of the brokers themselves: between brokers, and to the controllers."""
SETTINGS: Final = (
    "FRIKORT_KAFKA_USER",
    "FRIKORT_KAFKA_PASSWORD",
    "FRIKORT_KAFKA_PASSWORD_FILE",
    "FRIKORT_KAFKA_TLS",
    "FRIKORT_KAFKA_CA_FILE",
)


def passwords(keys: Path) -> dict[str, Path]:
    """The file with the password of each user, in a folder of its own in `keys`; draws those that are not there yet."""
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = {user: keys / "kafka" / user / "password" for user in (BROKER, *PRINCIPALS)}
    for path in files.values():
        kept(path, lambda: secrets.token_hex(32))
    return files


@dataclass(frozen=True)
class KafkaAccess:
    """How programs connect to the broker of a local system.

    `passwords` has the users of the launcher's own broker. Another broker has none; `given` are the settings with which
    every program connects to it.
    """

    servers: str
    passwords: Mapping[str, Path] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    def environment(self, principal: str) -> dict[str, str]:
        """The environment variables of a process that connects as `principal`."""
        own = {}
        if self.passwords:
            own = {"FRIKORT_KAFKA_USER": principal, "FRIKORT_KAFKA_PASSWORD_FILE": str(self.passwords[principal])}
        return {"FRIKORT_KAFKA": self.servers, **self.given, **own}

    def settings(self, principal: str = PROVISIONER) -> KafkaSettings:
        """The settings of a program that connects as `principal`, by default as the one that may do everything."""
        names = {name.removeprefix("FRIKORT_").lower(): value for name, value in self.environment(principal).items()}
        return KafkaSettings(**names)  # type: ignore[arg-type]  # pydantic reads the texts

    def options(self, principal: str = PROVISIONER) -> dict[str, Any]:
        """The same as keyword arguments of aiokafka's clients."""
        return client_options(self.settings(principal))
