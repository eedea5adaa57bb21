"""Finds pending events that are already published, so that no batch publishes them a second time.

A document keeps its pending events until a batch knows them to be published. A batch of another topic that touches the
document can know it in two ways: this instance remembers that Kafka acknowledged the events, or the consumer group has
committed the offset of the message that caused them, which happens only after they are published. Otherwise the events
are published again, under the same ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from services.runtime.processing.apply import Delivery, Document, PendingEvents
from services.runtime.processing.positions import Partition

MOST_REMEMBERED: Final = 50_000  # causes; about 5 MB
_CHECKS: Final = 20
_SECONDS_BETWEEN_CHECKS: Final = 0.05


class CommittedOffsets(Protocol):
    """Reads the offsets that the consumer group of this service has committed."""

    async def __call__(self) -> Mapping[Partition, int]:
        """The next offset to read of each partition. Raises the errors of the Kafka client."""
        ...


class PublishedEvents:
    """The events of one processor that are known to be published.

    ``committed`` may be None where one instance processes all partitions; then only its own memory counts.
    """

    def __init__(
        self,
        committed: CommittedOffsets | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        most: int = MOST_REMEMBERED,
    ) -> None:
        self._committed = committed
        self._sleep = sleep
        self._most = most
        # The 128-bit integers of the ids take half of the memory of their texts.
        self._newer: set[int] = set()
        self._older: set[int] = set()

    def add(self, causes: Iterable[str]) -> None:
        """Remember that Kafka has acknowledged all events of these causes: at least the newest half of the limit."""
        for cause in causes:
            if len(self._newer) * 2 >= self._most:
                self._older, self._newer = self._newer, set()
            self._newer.add(_number(cause))

    async def remove_from(self, documents: Iterable[Document[Any]], starts: Mapping[Partition, int]) -> None:
        """Remove published events from the outboxes of ``documents``, which must have been loaded before this call.

        ``starts`` is the first offset of each partition in the batch. This batch publishes the pending events
        of these partitions. Events of another partition number belong to another worker or instance, which may be
        publishing them at this moment, so this call waits for them, at most a second.
        """
        with_events = [document for document in documents if document.outbox]
        numbers = {partition for _, partition in starts}
        for check in range(_CHECKS):
            for document in with_events:
                document.outbox = [
                    p for p in document.outbox if not _is_published_before(p, starts) and not self._is_remembered(p)
                ]
            unknown = [p for document in with_events for p in document.outbox if _partition(p) not in starts]
            if not unknown or self._committed is None:
                return
            committed = await self._committed()
            for document in with_events:
                document.outbox = [
                    p for p in document.outbox if _partition(p) in starts or p.offset >= committed.get(_partition(p), 0)
                ]
            in_flight = any(p.partition not in numbers for document in with_events for p in document.outbox)
            if not in_flight or check == _CHECKS - 1:
                return
            await self._sleep(_SECONDS_BETWEEN_CHECKS)

    def _is_remembered(self, pending: PendingEvents) -> bool:
        cause = _number(pending.entry.cause)
        return cause in self._newer or cause in self._older


def _number(message_id: str) -> int:
    return int(message_id.replace("-", ""), 16)


def batch_starts(deliveries: Iterable[Delivery]) -> Mapping[Partition, int]:
    """The offset of the first message of each partition."""
    starts: dict[Partition, int] = {}
    for delivery in deliveries:
        incoming = delivery.incoming
        starts.setdefault(Partition(incoming.topic, incoming.partition), incoming.offset)
    return starts


def _is_published_before(pending: PendingEvents, starts: Mapping[Partition, int]) -> bool:
    # An earlier batch published it: a batch is published before the next one of its partition is read.
    return pending.offset < starts.get(_partition(pending), -1)


def _partition(pending: PendingEvents) -> Partition:
    return Partition(pending.topic, pending.partition)
