"""The users of a local broker, and the settings to connect as one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Final

from frikort_contracts.access import PRINCIPALS, PROVISIONER

from deploy.local import engine_users
from deploy.local.engine_users import EngineAccess
from services.runtime.kafka.connection import client_options
from services.runtime.settings import KafkaSettings

BROKER: Final = "broker"
"""The principal of the brokers themselves: between brokers, and to the controllers."""


def passwords(keys: Path) -> dict[str, Path]:
    """The file with the password of each user in `keys`; draws the missing ones."""
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    return engine_users.passwords(keys / "kafka", (BROKER, *PRINCIPALS))


class KafkaAccess(EngineAccess):
    """How programs connect to the broker of a local system: `address` are its bootstrap servers."""

    engine: ClassVar[str] = "KAFKA"

    def settings(self, principal: str = PROVISIONER) -> KafkaSettings:
        """The settings of a program that connects as `principal`, by default as the one that may do everything."""
        return KafkaSettings(**self.fields(principal))  # type: ignore[arg-type]  # pydantic reads the texts

    def options(self, principal: str = PROVISIONER) -> dict[str, Any]:
        """The same as keyword arguments of aiokafka's clients."""
        return client_options(self.settings(principal))
