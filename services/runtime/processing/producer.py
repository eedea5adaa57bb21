"""The port through which records are published; ``services.runtime.kafka.producer`` implements it for Kafka."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from frikort_contracts.cloudevents import Record


class Producer(Protocol):
    """Publishes records."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Publish in order for each key; return when every replica in sync has every record."""
        ...
