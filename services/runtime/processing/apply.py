"""Apply a batch of messages to the documents that they touch. Pure.

A document keeps the id of every message that it has applied (in an ``EntryMap``; see ``Processor.idempotent`` for the
exception), and the events that each message caused, until they are known to be published. A second delivery therefore
changes nothing and emits the same bytes again, so every effect happens once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, Protocol

import structlog
from frikort_contracts.cloudevents import Envelope, Headers, Record, id_text

from services.runtime.processing.decision import Address, Processor, S
from services.runtime.processing.entries import EntriesNotLoaded, EntryMap
from services.runtime.processing.outbox import emit

logger = structlog.get_logger(__name__)

APPLIED: Final = "applied"
"""The name of the map of applied ids."""


class Incoming(NamedTuple):
    """A record as it was read from Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Delivery(NamedTuple):
    """A message, the record that it was read from, and the document that it touches."""

    incoming: Incoming
    envelope: Envelope[Any]
    address: Address


class StoredEntry(Protocol):
    """An ``OutboxEntry``, or its stored form."""

    @property
    def cause(self) -> str: ...

    @property
    def size(self) -> int: ...

    def records(self) -> list[Record]: ...


class PendingEvents(NamedTuple):
    """An outbox entry, and the position of the message whose batch publishes it."""

    topic: str
    partition: int
    offset: int
    entry: StoredEntry


class Failure(NamedTuple):
    """A message on which the rule raised; ``error`` is the name of the exception, never its text."""

    delivery: Delivery
    error: str


@dataclass(slots=True)
class AppliedBatch:
    """The records to publish, in order, the messages that become dead letters, and the ids of the records' causes.

    ``touched`` are the ids of the documents whose pending events are among the records.
    """

    records: list[Record] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Document(Generic[S]):
    """A state, with the applied ids and the outbox that make its changes exactly-once. Version 0 is not stored yet."""

    id: str
    version: int = 0
    state: S | None = None
    aliases: tuple[str, ...] = ()
    applied: EntryMap = field(default_factory=lambda: EntryMap(APPLIED))
    outbox: list[PendingEvents] = field(default_factory=list)
    changed: bool = False

    def has_applied(self, message_id: str) -> bool:
        """Whether the document has applied this message. Raises ``EntriesNotLoaded``."""
        try:
            return message_id in self.applied
        except EntriesNotLoaded as missing:
            missing.document = self.id
            raise

    def entry_maps(self, processor: Processor[S]) -> tuple[EntryMap, ...]:
        """The applied ids, and the maps of the state."""
        return (self.applied, *(() if self.state is None else processor.entry_maps(self.state)))


class AliasTaken(RuntimeError):
    """The new state claims an alias that another document holds: the message contradicts an earlier one."""


class Documents(Generic[S]):
    """The documents that a batch touches, found by id or alias."""

    def __init__(self, documents: Iterable[Document[S]] = ()) -> None:
        self._by_id: dict[str, Document[S]] = {}
        self._by_alias: dict[str, Document[S]] = {}
        self.add(documents)

    def __contains__(self, document_id: str) -> bool:
        return document_id in self._by_id

    def add(self, others: Iterable[Document[S]]) -> None:
        """Add documents."""
        for document in others:
            self._by_id[document.id] = document
            self._index(document, document.aliases)

    def find(self, address: Address, message_id: str = "") -> Document[S]:
        """The document at ``address``; a new one if there is none.

        A message that was applied before finds the document that applied it, also if another one holds the alias now.
        """
        by_id = self._by_id.get(address.id)
        if by_id is not None and (address.alias is None or by_id.has_applied(message_id)):
            # Another document may have taken the alias since.
            return by_id
        if address.alias is not None and address.alias in self._by_alias:
            return self._by_alias[address.alias]
        if by_id is None:
            by_id = self._by_id[address.id] = Document(address.id)
        return by_id

    def candidates(self, address: Address) -> Iterator[Document[S]]:
        """The documents that a message at ``address`` may touch."""
        if (by_id := self._by_id.get(address.id)) is not None:
            yield by_id
        holder = None if address.alias is None else self._by_alias.get(address.alias)
        if holder is not None and holder is not by_id:
            yield holder

    def held_by_others(self, aliases: Iterable[str], document: Document[S]) -> frozenset[str]:
        """Those of ``aliases`` that a document other than ``document`` holds."""
        return frozenset(a for a in aliases if self._by_alias.get(a, document) is not document)

    def update(self, document: Document[S], state: S | None, aliases: tuple[str, ...]) -> None:
        """Give ``document`` a state and the aliases that follow from it. Raises ``AliasTaken``."""
        if aliases != document.aliases:
            if self.held_by_others(aliases, document):
                raise AliasTaken(f"another document holds an alias of {document.id}")
            for alias in document.aliases:
                self._by_alias.pop(alias, None)
            document.aliases = aliases
            self._index(document, aliases)
        document.state = state

    def __iter__(self) -> Iterator[Document[S]]:
        return iter(self._by_id.values())

    def changed(self) -> list[Document[S]]:
        """The documents that must be written."""
        return [document for document in self._by_id.values() if document.changed]

    def _index(self, document: Document[S], aliases: tuple[str, ...]) -> None:
        for alias in aliases:
            self._by_alias[alias] = document


def apply_deliveries(
    service: str,
    processor: Processor[S],
    documents: Documents[S],
    deliveries: Sequence[Delivery],
    applied: AppliedBatch,
) -> None:
    """Apply ``deliveries`` in order to ``documents``, and add the result to that of the earlier ones of the batch.

    Event ids are UUIDv5 of the causing message and (service/processor, index): the same on every delivery. Pending
    events of a document are published before those that the batch adds, whichever instance decided them, so the events
    of a document reach the log in the order in which they were decided. Published events are removed beforehand
    (``PublishedEvents``).
    """
    emitter = f"{service}/{processor.name}"
    for delivery in deliveries:
        incoming, envelope, address = delivery
        message_id = id_text(envelope.id)
        document = documents.find(address, message_id)
        if document.id not in applied.touched:
            applied.touched.add(document.id)
            if document.outbox:
                applied.records += _pending_records(document)
                applied.causes += [pending.entry.cause for pending in document.outbox]
        is_idempotent = type(envelope.data) in processor.idempotent
        if not is_idempotent and document.has_applied(message_id):
            continue
        before = document.state
        try:
            taken_aliases = documents.held_by_others(address.candidates, document) if address.candidates else ()
            state, events = processor.decide(before, envelope, taken_aliases)
            entry = emit(envelope, message_id, emitter, events) if events else None
            documents.update(document, state, () if state is None else processor.aliases(state))
        except EntriesNotLoaded as missing:
            missing.document = document.id
            raise
        except Exception as error:
            logger.exception(
                "runtime.rule_failed",
                processor=processor.name,
                message_id=str(envelope.id),
                correlation_id=str(envelope.correlation_id),
            )
            applied.failures.append(Failure(delivery, type(error).__name__))
            continue
        if not is_idempotent:
            document.applied = document.applied.with_entries({message_id: True})
        elif state is before and entry is None:
            continue
        _mark_changed(document, incoming)
        if entry is not None:
            document.outbox.append(PendingEvents(incoming.topic, incoming.partition, incoming.offset, entry))
            applied.records += entry.records()
            applied.causes.append(message_id)


def _pending_records(document: Document[Any]) -> list[Record]:
    return [record for pending in document.outbox for record in pending.entry.records()]


def _mark_changed(document: Document[Any], by: Incoming) -> None:
    if not document.changed:
        if document.outbox:
            document.outbox = [_taken_over(pending, by) for pending in document.outbox]
        document.changed = True


def _taken_over(pending: PendingEvents, by: Incoming) -> PendingEvents:
    # The batch of ``by`` publishes this entry too, so it can be removed together with the events of that batch. Its
    # own partition may not touch the document again for years.
    if (pending.topic, pending.partition) == (by.topic, by.partition):
        return pending
    return PendingEvents(by.topic, by.partition, by.offset, pending.entry)
