"""The fold: a batch of messages over the documents that they touch. Pure.

A document remembers the id of every message that it has applied, for ever (16 bytes each), and the records that
each of them emitted until these are known to be published. So a second delivery changes nothing and emits the same
bytes again, and every effect happens once however often a message comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Generic, NamedTuple, Protocol
from uuid import UUID

import structlog
from frikort_contracts.cloudevents import Envelope, Headers, Record, Told, tell

from services.runtime.processing.decision import Address, Processor, S

logger = structlog.get_logger(__name__)


class Incoming(NamedTuple):
    """A Kafka record as it was read."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Delivery(NamedTuple):
    """A message and the place in the log that it was read from."""

    incoming: Incoming
    envelope: Envelope[Any]
    address: Address


class Emitted(NamedTuple):
    """What one message made a document emit, and the place of the message whose batch is to publish it."""

    topic: str
    partition: int
    offset: int
    records: Iterable[Record]


class Failure(NamedTuple):
    """A message on which the rule itself raised; ``error`` is the exception's name, never its text."""

    delivery: Delivery
    error: str


class AppliedBatch(NamedTuple):
    """What a fold came to: the records to publish in order, and the messages to put aside."""

    records: list[Record]
    failures: list[Failure]


class Ids(Protocol):
    """Message ids, of which it is asked whether one is among them."""

    def __contains__(self, message_id: object, /) -> bool: ...

    def __iter__(self) -> Iterator[UUID]: ...

    def __len__(self) -> int: ...

    def add(self, message_id: UUID, /) -> None: ...


@dataclass(slots=True)
class Document(Generic[S]):
    """One document: a state, and what makes applying a message to it exact. ``version`` 0 is not stored yet."""

    id: str
    version: int = 0
    state: S | None = None
    aliases: tuple[str, ...] = ()
    applied: Ids = field(default_factory=set[UUID])
    outbox: list[Emitted] = field(default_factory=list)
    changed: bool = False


class AliasTaken(RuntimeError):
    """A decision claims an alias that another document holds: the message contradicts one applied before."""


class Documents(Generic[S]):
    """The documents that a batch touches, found by id or alias."""

    def __init__(self, documents: Iterable[Document[S]] = ()) -> None:
        self._by_id: dict[str, Document[S]] = {}
        self._by_alias: dict[str, Document[S]] = {}
        for document in documents:
            self._by_id[document.id] = document
            self._name(document, document.aliases)

    def at(self, address: Address, message_id: UUID) -> Document[S]:
        """The document at ``address``; a new one if there is none. A message stays where it was once applied."""
        earlier = self._by_id.get(address.id)
        if earlier is not None and (address.alias is None or message_id in earlier.applied):
            # Another document may have taken the alias since.
            return earlier
        if address.alias is not None and address.alias in self._by_alias:
            return self._by_alias[address.alias]
        return self._by_id.setdefault(address.id, Document(address.id))

    def taken(self, asks: Iterable[str], by_others_than: Document[S]) -> frozenset[str]:
        """Those of ``asks`` that another document holds."""
        return frozenset(a for a in asks if self._by_alias.get(a, by_others_than) is not by_others_than)

    def rename(self, document: Document[S], aliases: tuple[str, ...]) -> None:
        """Give ``document`` these aliases in place of the ones it had."""
        for alias in document.aliases:
            self._by_alias.pop(alias, None)
        document.aliases = aliases
        self._name(document, aliases)

    def changed(self) -> list[Document[S]]:
        """The documents that must be written."""
        return [document for document in self._by_id.values() if document.changed]

    def _name(self, document: Document[S], aliases: tuple[str, ...]) -> None:
        for alias in aliases:
            self._by_alias[alias] = document


def fold(
    service: str, processor: Processor[S], documents: Documents[S], deliveries: Sequence[Delivery]
) -> AppliedBatch:
    """Apply ``deliveries`` in order to ``documents``.

    Event ids are UUIDv5 of the causing message and (service/processor, index): the same on every delivery. What a
    document still has to say is said first, whoever made it say so: its events come out in the order in which they
    were decided, also when two instances work on it from two partitions.
    """
    starts = _batch_starts(deliveries)
    touched: set[str] = set()
    said: list[Iterable[Record]] = []
    failures: list[Failure] = []
    for delivery in deliveries:
        envelope, place = delivery.envelope, delivery.incoming
        document = documents.at(delivery.address, envelope.id)
        if document.id not in touched:
            touched.add(document.id)
            document.outbox = [entry for entry in document.outbox if not _is_published(entry, starts)]
            said.append(tuple(_still_to_say(document)))
        if envelope.id in document.applied:
            continue
        try:
            told = _apply(service, processor, documents, document, delivery)
        except Exception as error:
            logger.exception(
                "runtime.rule_failed",
                processor=processor.name,
                message_id=str(envelope.id),
                correlation_id=str(envelope.correlation_id),
            )
            failures.append(Failure(delivery, type(error).__name__))
            continue
        if not document.changed:
            document.outbox = [_taken_over(entry, place) for entry in document.outbox]
            document.changed = True
        if told.events:
            document.outbox.append(Emitted(place.topic, place.partition, place.offset, told))
            said.append(told)
    return AppliedBatch(list(chain.from_iterable(said)), failures)


def _apply(
    service: str,
    processor: Processor[S],
    documents: Documents[S],
    document: Document[S],
    delivery: Delivery,
) -> Told:
    envelope, asks = delivery.envelope, delivery.address.asks
    decision = (
        processor.decide(document.state, envelope, documents.taken(asks, document))
        if asks
        else processor.decide(document.state, envelope)
    )
    aliases = () if decision.state is None else processor.aliases(decision.state)
    told = tell(envelope, f"{service}/{processor.name}", decision.events)
    if aliases != document.aliases:
        if documents.taken(aliases, document):
            raise AliasTaken(f"another document of {processor.name} holds an alias of {document.id}")
        documents.rename(document, aliases)
    document.state = decision.state
    document.applied.add(envelope.id)
    return told


def _still_to_say(document: Document[Any]) -> Iterable[Record]:
    for entry in document.outbox:
        yield from entry.records


def _taken_over(entry: Emitted, by: Incoming) -> Emitted:
    # The batch of ``by`` publishes it too, so it can be forgotten with what that batch adds. The partition that it
    # came from may not touch the document again for years.
    if (entry.topic, entry.partition) == (by.topic, by.partition):
        return entry
    return Emitted(by.topic, by.partition, by.offset, entry.records)


def _batch_starts(deliveries: Sequence[Delivery]) -> Mapping[tuple[str, int], int]:
    starts: dict[tuple[str, int], int] = {}
    for delivery in deliveries:
        place = delivery.incoming
        starts.setdefault((place.topic, place.partition), place.offset)
    return starts


def _is_published(entry: Emitted, starts: Mapping[tuple[str, int], int]) -> bool:
    # A batch is published before the next one of its partition is read, so all before this batch's start is out.
    return entry.offset < starts.get((entry.topic, entry.partition), -1)
