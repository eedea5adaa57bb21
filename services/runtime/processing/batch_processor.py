"""The one loop of every service: validate, load, fold, write, publish; the caller then commits.

A crash between any two steps leads to redelivery, which the fold makes harmless. See ``docs/decisions/``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

import structlog
from frikort_contracts.cloudevents import BrokenContract, Record, decode
from frikort_contracts.topics import Topic

from services.runtime.processing.apply import Delivery, Document, Documents, Incoming, fold
from services.runtime.processing.decision import Address, Processor, S

logger = structlog.get_logger(__name__)

Place = tuple[str, int, int]


class Store(Protocol[S]):
    """Where a processor's documents live."""

    async def load(self, addresses: Sequence[Address]) -> Documents[S]:
        """The documents at ``addresses`` and the holders of their aliases and asks, as a majority knows them."""
        ...

    async def write(self, documents: Sequence[Document[S]]) -> bool:
        """Write each document over the version it was loaded at, durably on a majority.

        False if any of them had changed meanwhile (or an alias was taken): load and fold again.
        """
        ...


class Log(Protocol):
    """Where records are published."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Publish in order for each key; return when every replica in sync has every record."""
        ...


class DeadLetterLimitExceeded(RuntimeError):
    """So many records in a row break their contract that the topic itself, or this release, must be wrong."""


@dataclass(frozen=True)
class BatchResult:
    """What a batch came to, for the metrics."""

    applied: int
    published: int
    dead: int


class BatchProcessor(Generic[S]):
    """Makes one processor's decisions durable, a batch at a time."""

    def __init__(
        self, *, service: str, processor: Processor[S], store: Store[S], log: Log, dead_letter_limit: int = 1000
    ) -> None:
        self._service = service
        self._processor = processor
        self._store = store
        self._log = log
        self._topics: dict[str, Topic] = {topic.name: topic for topic in processor.topics}
        self._dead_letter_limit = dead_letter_limit
        self._dead_in_a_row = 0

    @property
    def name(self) -> str:
        """The processor's."""
        return self._processor.name

    @property
    def topics(self) -> Collection[str]:
        """The names of the topics that it is fed from."""
        return self._topics.keys()

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        """Carry out ``batch`` wholly. When this returns, its offsets may be committed; if it raises, they must not.

        Raises whatever the store and the log raise when they are away (the batch may be processed again), and
        ``DeadLetterLimitExceeded``.
        """
        deliveries, broken = self._read(batch)
        addresses = [delivery.address for delivery in deliveries]
        while True:
            documents = await self._store.load(addresses)
            folded = fold(self._service, self._processor, documents, deliveries)
            failed = {_place(f.delivery.incoming): f"the rule failed: {f.error}" for f in folded.failures}
            reasons = {**broken, **failed}
            self._check_dead_in_a_row(batch, reasons)
            changed = documents.changed()
            if not changed or await self._store.write(changed):
                break
            # Somebody was faster, or holds an alias that nobody asked about: see them this time.
            addresses += [Address(document.id, asks=document.aliases) for document in changed if document.aliases]
        dead = [
            self._put_aside(incoming, reasons[_place(incoming)]) for incoming in batch if _place(incoming) in reasons
        ]
        await self._log.publish([*dead, *folded.records])
        # Only now: a batch that is tried again while Kafka or MongoDB is away must not count twice.
        self._dead_in_a_row = self._dead_after(batch, reasons)[-1]
        return BatchResult(applied=len(deliveries), published=len(folded.records), dead=len(dead))

    def _read(self, batch: Sequence[Incoming]) -> tuple[list[Delivery], dict[Place, str]]:
        deliveries: list[Delivery] = []
        broken: dict[Place, str] = {}
        for incoming in batch:
            try:
                envelope = decode(self._topics[incoming.topic], incoming.value, incoming.headers)
                address = self._processor.address(envelope)
            except BrokenContract as reason:
                broken[_place(incoming)] = str(reason)
                continue
            if address is not None:
                deliveries.append(Delivery(incoming, envelope, address))
        return deliveries, broken

    def _check_dead_in_a_row(self, batch: Sequence[Incoming], reasons: Mapping[Place, str]) -> None:
        if max(self._dead_after(batch, reasons)) >= self._dead_letter_limit:
            raise DeadLetterLimitExceeded(
                f"{self._dead_letter_limit} records in a row on {batch[0].topic} break their contract or its rule; "
                "stopped before draining it into the dead letters"
            )

    def _dead_after(self, batch: Sequence[Incoming], reasons: Mapping[Place, str]) -> Sequence[int]:
        """How many in a row are dead letters after each record of the batch."""
        if not reasons:
            return (0,)
        in_a_row = [self._dead_in_a_row]
        for incoming in batch:
            in_a_row.append(in_a_row[-1] + 1 if _place(incoming) in reasons else 0)
        return in_a_row[1:]

    def _put_aside(self, incoming: Incoming, reason: str) -> Record:
        logger.error(
            "runtime.dead_letter",
            topic=incoming.topic,
            partition=incoming.partition,
            offset=incoming.offset,
            reason=reason,
        )
        return dead_letter(self._service, self._processor.name, incoming, reason)


def _place(incoming: Incoming) -> Place:
    return incoming.topic, incoming.partition, incoming.offset


def dead_letter(service: str, processor: str, incoming: Incoming, reason: str) -> Record:
    """The original key, bytes and headers, with where it came from and why it was put aside."""
    facts = {
        "dead_reason": reason,
        "dead_service": service,
        "dead_processor": processor,
        "dead_topic": incoming.topic,
        "dead_partition": str(incoming.partition),
        "dead_offset": str(incoming.offset),
    }
    return Record(
        topic=incoming.topic + ".dead",
        key=incoming.key or b"",
        value=incoming.value or b"",
        headers=(*incoming.headers, *((name, value.encode()) for name, value in facts.items())),
    )
