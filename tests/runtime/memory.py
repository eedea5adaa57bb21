"""Kafka and MongoDB in memory, with a point before and after every effect where a test can crash an instance.

They give the guarantees that the runtime relies on: partitions with offsets, and committed offsets; a store with a
version guard, unique aliases and an unordered bulk write, in which each document is written or refused by itself.
States are stored as JSON, so a simulated crash loses everything that a real one would lose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, Protocol
from zlib import crc32

from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import PARTITIONS
from pydantic_core import from_json, to_json

from services.runtime.kafka.topics.added_partitions import used_partitions
from services.runtime.processing.apply import Document, Documents, Incoming, PendingEvents
from services.runtime.processing.batch_processor import BatchProcessor, BatchResult
from services.runtime.processing.decision import Address, Processor, S
from services.runtime.processing.document_cache import DocumentCache
from services.runtime.processing.entries import EntryMap
from services.runtime.processing.entry_loading import MapAddress, Needed, StoredEntries
from services.runtime.processing.positions import Partition
from services.runtime.processing.projection import Projection
from services.runtime.processing.published import PublishedEvents
from services.runtime.processing.unwritable import CannotBeWritten, Problem

Hook = Callable[[], Awaitable[None]]


@cache
def partitions_of(topic: str) -> tuple[Partition, ...]:
    """The partitions that the producer uses of ``topic``; of one that a test has made up, the usual number."""
    return tuple(Partition(topic, number) for number in used_partitions(topic, range(PARTITIONS)))


class Points(Protocol):
    """Called by a store or producer before and after each of its effects.

    An exception raised by ``point`` is a failure of the call, before or after the effect.
    """

    async def point(self, name: str) -> None:
        """Pass a point."""
        ...


class Crash(Exception):
    """The instance crashes at this point and loses its memory."""


@dataclass
class Faults:
    """Records the points that a run passes, and crashes or calls a hook at some of them."""

    passed: list[str] = field(default_factory=list)
    _crash_at: dict[str, int] = field(default_factory=dict)
    _crash_in: int | None = None
    _hooks: dict[str, Hook] = field(default_factory=dict)

    def crash_at(self, point: str, *, after: int = 0) -> None:
        """Crash once at ``point``, after it was passed ``after`` more times."""
        self._crash_at[point] = after

    def crash_in(self, points: int) -> None:
        """Crash once, after ``points`` more points."""
        self._crash_in = points

    def do_at(self, point: str, hook: Hook) -> None:
        """Call ``hook`` once at ``point``, for example to let another instance act at that moment."""
        self._hooks[point] = hook

    async def point(self, name: str) -> None:
        """Pass a point. Raises ``Crash`` if the test asked for one here."""
        self.passed.append(name)
        if (hook := self._hooks.pop(name, None)) is not None:
            await hook()
        if self._crash_in is not None:
            self._crash_in -= 1
            if self._crash_in < 0:
                self._crash_in = None
                raise Crash(name)
        if name in self._crash_at:
            self._crash_at[name] -= 1
            if self._crash_at[name] < 0:
                del self._crash_at[name]
                raise Crash(name)


@dataclass(frozen=True)
class Stored:
    """A document as it is stored."""

    version: int
    state: bytes | None
    aliases: tuple[str, ...]
    applied: bytes
    outbox: tuple[PendingEvents, ...]


class MemoryDatabase(Generic[S]):
    """The durable documents of one processor; instances access it through ``MemoryStore``."""

    def __init__(self, processor: Processor[S] | Projection[S]) -> None:
        self.processor = processor
        self.write_once = isinstance(processor, Projection) and processor.write_once
        self.documents: dict[str, Stored] = {}
        self.entries: dict[MapAddress, dict[str, tuple[int, bytes]]] = {}
        self.conflicts = 0
        self.changes = 0
        self.unwritable: Callable[[Document[S]], Problem | None] = lambda _: None
        self.on_put: Callable[[str], None] = lambda _: None
        self._holders: dict[str, list[str]] = {}

    def holders(self, alias: str) -> Sequence[str]:
        """The documents that hold ``alias``: at most one, unless the alias guard is broken."""
        return self._holders.get(alias, ())

    def state(self, document_id: str) -> S | None:
        """The state of one document, with all its entries."""
        return None if document_id not in self.documents else self.read_whole(document_id).state

    def read(self, document_id: str) -> Document[S]:
        stored = self.documents[document_id]
        return Document(
            id=document_id,
            version=stored.version,
            state=self._state_of(stored),
            aliases=stored.aliases,
            applied=EntryMap.from_stored(from_json(stored.applied)),
            outbox=list(stored.outbox),
        )

    def put(self, document: Document[S]) -> bool:
        """Store a document over the version that was loaded; False if it has changed or an alias is taken."""
        stored = self.documents.get(document.id)
        if (0 if stored is None else stored.version) != document.version:
            return False
        if self._held_by_others(document):
            return False
        if stored is not None:
            self.delete(document.id)
        for alias in document.aliases:
            self._holders.setdefault(alias, []).append(document.id)
        self.changes += 1
        self.documents[document.id] = Stored(
            version=document.version + 1,
            state=None if document.state is None else to_json(self.processor.to_stored(document.state)),
            aliases=document.aliases,
            applied=to_json(document.applied.to_stored()),
            outbox=tuple(document.outbox),
        )
        self.on_put(document.id)
        return True

    def move_out(self, document: Document[S]) -> None:
        """Store the recent entries of a document outside it, unless newer ones are there."""
        for entries in self._maps_of(document):
            for key, value in entries.recent.items():
                self.put_entry(MapAddress(document.id, entries.name), key, document.version, to_json(value))

    def put_entry(self, address: MapAddress, key: str, version: int, value: bytes) -> None:
        stored = self.entries.setdefault(address, {})
        if stored.get(key, (0, b""))[0] < version:
            stored[key] = (version, value)

    def has_recent_entries(self, document: Document[S]) -> bool:
        """Whether entries move out before the document is written."""
        return any(entries.recent for entries in self._maps_of(document))

    def read_whole(self, document_id: str) -> Document[S]:
        """A document with all entries outside it."""
        document = self.read(document_id)
        for entries in self._maps_of(document):
            stored = self.entries.get(MapAddress(document_id, entries.name), {})
            entries.add_loaded({key: from_json(value) for key, (_, value) in stored.items()}, None)
        return document

    def _maps_of(self, document: Document[S]) -> Sequence[EntryMap]:
        return document.entry_maps(self.processor) if isinstance(self.processor, Processor) else ()

    def delete(self, document_id: str) -> None:
        """Delete a document."""
        self.changes += 1
        for alias in self.documents.pop(document_id).aliases:
            self._holders[alias].remove(document_id)

    def backup(self) -> MemoryDatabase[S]:
        """A copy of all documents as they are now."""
        copy = MemoryDatabase(self.processor)
        copy.documents = dict(self.documents)
        copy.entries = {address: dict(stored) for address, stored in self.entries.items()}
        copy._holders = {alias: list(holders) for alias, holders in self._holders.items()}
        return copy

    def _held_by_others(self, document: Document[S]) -> bool:
        return any(name != document.id for alias in document.aliases for name in self.holders(alias))

    def _state_of(self, stored: Stored) -> S | None:
        return None if stored.state is None else self.processor.from_stored(from_json(stored.state))


class MemoryStore(Generic[S]):
    """The store of one instance."""

    def __init__(self, database: MemoryDatabase[S], faults: Points) -> None:
        self._database = database
        self._faults = faults

    async def load(self, addresses: Sequence[Address]) -> Documents[S]:
        if self._database.write_once:
            return Documents()
        await self._faults.point("load.before")
        names = dict.fromkeys(address.id for address in addresses)
        for address in addresses:
            for alias in (address.alias, *address.candidates):
                names.update(dict.fromkeys(() if alias is None else self._database.holders(alias)))
        found = [self._database.read(name) for name in names if name in self._database.documents]
        await self._faults.point("load.after")
        return Documents(found)

    async def load_entries(self, needed: Needed) -> Mapping[MapAddress, StoredEntries]:
        await self._faults.point("load.before")
        found: dict[MapAddress, StoredEntries] = {}
        for address, keys in needed.items():
            stored = self._database.entries.get(address, {})
            chosen = {key: stored[key] for key in (stored if keys is None else keys & stored.keys())}
            document = self._database.documents.get(address.document)
            found[address] = StoredEntries(
                0 if document is None else document.version,
                max((version for version, _ in chosen.values()), default=0),
                {key: from_json(value) for key, (_, value) in chosen.items()},
            )
        await self._faults.point("load.after")
        return found

    async def write(self, documents: Sequence[Document[S]]) -> bool:
        await self._faults.point("write.before")
        all_written, problem = True, None
        for document in documents:
            self._database.move_out(document)
        if any(map(self._database.has_recent_entries, documents)):
            await self._faults.point("write.between")
        for document in documents:
            if (refused := self._database.unwritable(document)) is not None:
                problem = refused
                continue
            written = self._database.put(document)
            if not self._database.write_once:
                self._database.conflicts += not written
                all_written &= written
            await self._faults.point("write.between")
        await self._faults.point("write.after")
        if problem is not None:
            raise CannotBeWritten(problem)
        return all_written


class MemoryKafka:
    """Topics, their partitions and the committed offsets of one group."""

    def __init__(self) -> None:
        self.partitions: dict[Partition, list[Incoming]] = {}
        self.committed: dict[Partition, int] = {}

    def append(self, record: Record, partition: int | None = None) -> Incoming:
        """Add ``record`` to its topic; the key chooses the partition unless one is given."""
        chosen = self.partition_of(record)[1] if partition is None else partition
        place = self.partitions.setdefault(Partition(record.topic, chosen), [])
        incoming = Incoming(record.topic, chosen, len(place), record.key, record.value, record.headers)
        place.append(incoming)
        return incoming

    @staticmethod
    def partition_of(record: Record) -> Partition:
        """The partition of ``record``, by its key."""
        partitions = partitions_of(record.topic)
        return partitions[crc32(record.key) % len(partitions)]

    def all(self, topic: str) -> list[Incoming]:
        """Every record of ``topic``, by partition."""
        return [incoming for (name, _), place in sorted(self.partitions.items()) if name == topic for incoming in place]


class MemoryProducer:
    """The producer of one instance."""

    def __init__(self, kafka: MemoryKafka, faults: Points) -> None:
        self._kafka = kafka
        self._faults = faults

    async def publish(self, records: Sequence[Record]) -> None:
        await self._faults.point("publish.before")
        for record in records:
            self._kafka.append(record)
            await self._faults.point("publish.between")
        await self._faults.point("publish.after")


class Instance(Generic[S]):
    """A running instance of a service: a batch processor, and a consumer that starts at the committed offsets.

    After a ``Crash``, discard the instance and create another.
    """

    def __init__(
        self,
        kafka: MemoryKafka,
        database: MemoryDatabase[S],
        faults: Faults,
        *,
        service: str = "test",
        dead_letter_limit: int = 1000,
        cached: int = 0,
    ) -> None:
        self._kafka = kafka
        self._faults = faults
        self._next = dict(kafka.committed)
        self.fenced = False  # set after a rebalance: the group then refuses this instance's commits
        self.cache: DocumentCache[S] = DocumentCache(cached)
        self.batch_processor = BatchProcessor(
            service=service,
            processor=database.processor,
            store=MemoryStore(database, faults),
            producer=MemoryProducer(kafka, faults),
            published=PublishedEvents(self._committed, sleep=_at_once),
            cache=self.cache,
            dead_letter_limit=dead_letter_limit,
        )

    async def _committed(self) -> Mapping[Partition, int]:
        return self._kafka.committed

    def waiting(self, topics: Iterable[str]) -> dict[Partition, int]:
        """The number of records of each partition that this instance has not read."""
        names = set(topics)
        counts = {p: len(place) - self._next.get(p, 0) for p, place in self._kafka.partitions.items() if p[0] in names}
        return {partition: count for partition, count in counts.items() if count}

    async def process_next(self, limits: Sequence[tuple[Partition, int]]) -> BatchResult:
        """Process one batch and commit it. ``limits`` are the most records of each partition."""
        batch: list[Incoming] = []
        for partition, count in limits:
            start = self._next.get(partition, 0)
            records = self._kafka.partitions.get(partition, [])[start : start + count]
            self._next[partition] = start + len(records)
            batch.extend(records)
        result = await self.batch_processor.process(batch)
        await self._faults.point("commit.before")
        for incoming in () if self.fenced else batch:
            self._kafka.committed[Partition(incoming.topic, incoming.partition)] = incoming.offset + 1
        await self._faults.point("commit.after")
        return result

    async def drain(self, topics: Iterable[str], most: int = 500) -> None:
        """Process all waiting records, in batches of up to ``most`` of each partition."""
        names = tuple(topics)
        while waiting := self.waiting(names):
            await self.process_next([(partition, min(most, count)) for partition, count in waiting.items()])


async def _at_once(_: float) -> None:
    """Sleep for no time."""


def by_id(records: Iterable[Incoming]) -> dict[str, set[tuple[Any, ...]]]:
    """The distinct contents of each message id. Readers rely on there being exactly one."""
    seen: dict[str, set[tuple[Any, ...]]] = {}
    for incoming in records:
        message_id = dict(incoming.headers)["ce_id"].decode()
        seen.setdefault(message_id, set()).add((incoming.key, incoming.value, incoming.headers))
    return seen
