"""Processes a batch: validate, load, apply, write, publish; the caller then commits the offsets.

A crash between any two steps leads to redelivery, which changes nothing. See ``docs/decisions/``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, Protocol

import structlog
from frikort_contracts.cloudevents import BrokenContract, Record
from frikort_contracts.topics import TOPICS, Topic

from services.runtime import metrics
from services.runtime.event_loop import in_slices
from services.runtime.processing.apply import (
    AppliedBatch,
    Delivery,
    Document,
    Documents,
    Incoming,
    apply_deliveries,
)
from services.runtime.processing.dead_letters import dead_letter, replay_in
from services.runtime.processing.decision import Address, Processor, S, unprepared
from services.runtime.processing.decoding import RecordDecoder
from services.runtime.processing.document_cache import DocumentCache
from services.runtime.processing.entries import EntriesNotLoaded
from services.runtime.processing.entry_loading import (
    MapAddress,
    Needed,
    StoredEntries,
    add_asked,
    add_loaded,
    needed_entries,
)
from services.runtime.processing.preparation import NotYetKnown
from services.runtime.processing.producer import Producer
from services.runtime.processing.projection import Projection, project_deliveries
from services.runtime.processing.published import PublishedEvents, batch_starts
from services.runtime.processing.unwritable import CannotBeWritten, bytes_of, check_sizes

logger = structlog.get_logger(__name__)

_MOST_LOADS: Final = 100  # each further one needs a write of another instance between two reads
_COMPACTED: Final = frozenset(topic.name for topic in TOPICS if topic.cleanup == "compact")
_LATEST: Final = datetime.max.replace(tzinfo=UTC)
LARGE_OUTBOX: Final = 3 * 1024 * 1024  # bytes of JSON; MongoDB stores documents of at most 16 MB

Position = tuple[str, int, int]


class Store(Protocol[S]):
    """Stores the documents of a processor or projection."""

    async def load(self, addresses: Sequence[Address]) -> Documents[S]:
        """The documents at ``addresses`` and the holders of all their aliases, read with majority concern."""
        ...

    async def load_entries(self, needed: Needed) -> Mapping[MapAddress, StoredEntries]:
        """The stored entries of maps outside their documents, read with majority concern."""
        ...

    async def write(self, documents: Sequence[Document[S]]) -> bool:
        """Write each document over the version it was loaded at, durably on a majority, after its recent entries.

        False if any of them has changed meanwhile or an alias is taken: load and apply again.
        """
        ...


class DeadLetterLimitExceeded(RuntimeError):
    """So many consecutive records are dead letters that the topic or this release must be wrong."""


@dataclass(frozen=True)
class BatchResult:
    """Counts of a batch, for the metrics."""

    applied: int
    published: int
    dead: int


class BatchHandler(Protocol):
    """Processes the batches of its topics; implemented by ``BatchProcessor``."""

    @property
    def name(self) -> str:
        """For logs."""
        ...

    @property
    def reader(self) -> str:
        """``<service>.<processor>``, as metrics and dead letters have it."""
        ...

    @property
    def topics(self) -> Collection[str]:
        """The names of the topics that it reads."""
        ...

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        """Process ``batch`` completely. When it returns, the offsets may be committed; if it raises, they must not."""
        ...

    def revoked(self) -> None:
        """All partitions were revoked, after the batches in progress have ended."""
        ...


class BatchProcessor(Generic[S]):
    """Runs one processor or projection, a batch at a time."""

    def __init__(
        self,
        *,
        service: str,
        processor: Processor[S] | Projection[S],
        store: Store[S],
        producer: Producer,
        published: PublishedEvents | None = None,
        cache: DocumentCache[S] | None = None,
        decoder: RecordDecoder | None = None,
        dead_letter_limit: int = 1000,
    ) -> None:
        self._service = service
        self._processor = processor
        self._store = store
        self._producer = producer
        self._published = published or PublishedEvents()
        self._cache = DocumentCache[S](0) if cache is None else cache
        self._decoder = decoder or RecordDecoder()
        self._topics: dict[str, Topic] = {topic.name: topic for topic in processor.topics}
        self._dead_letter_limit = dead_letter_limit
        self._dead_in_a_row = 0
        types = {message_type for topic in processor.topics for message_type in topic.types}
        self._age_of = {name.encode(): metrics.RECORD_AGE.labels(self.reader, name) for name in types}

    @property
    def name(self) -> str:
        """The name of the processor."""
        return self._processor.name

    @property
    def reader(self) -> str:
        """``<service>.<processor>``, as metrics and dead letters have it."""
        return f"{self._service}.{self.name}"

    @property
    def topics(self) -> Collection[str]:
        """The names of the topics that the processor reads."""
        return self._topics.keys()

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        """Process ``batch`` completely. Its offsets may be committed if this returns, and must not be if it raises.

        A record whose document or events can never be written becomes a dead letter: the batch is halved until the
        record is alone. What the first attempt has written is found applied. Raises the other errors of the store and
        of the producer (then the batch may be processed again), and ``DeadLetterLimitExceeded``.
        """
        try:
            return await self._process(batch, {})
        except CannotBeWritten as refused:
            if len(batch) > 1:
                return await self._process_halves(batch)
            return await self._process(batch, {_position(batch[0]): str(refused)})

    async def _process(self, batch: Sequence[Incoming], unwritable: Mapping[Position, str]) -> BatchResult:
        """Process ``batch``, whose records in ``unwritable`` become dead letters without being applied."""
        readable = [each for each in batch if _position(each) not in unwritable] if unwritable else batch
        deliveries, broken = await self._read(readable)
        addresses = [delivery.address for delivery in deliveries]
        asked = Needed()
        while True:
            documents = await self._load(addresses, deliveries, asked)
            if any(document.outbox for document in documents):
                await self._published.remove_from(documents, batch_starts(deliveries))
            try:
                applied = await self._apply(documents, deliveries)
            except EntriesNotLoaded as missing:
                add_asked(asked, missing)
                continue
            changed = documents.changed()
            if len(batch) > 1 and bytes_of(applied.records) > LARGE_OUTBOX and any(map(_has_large_outbox, changed)):
                return await self._process_halves(batch)
            failed = {_position(f.delivery.incoming): f"the rule failed: {f.error}" for f in applied.failures}
            reasons = {**broken, **failed, **unwritable}
            self._check_dead_in_a_row(batch, reasons)
            check_sizes(applied.records)
            if not changed or await self._store.write(changed):
                break
            # Another instance wrote first, or created a holder of a new alias: load again, with the new aliases.
            addresses += [Address(document.id, candidates=document.aliases) for document in changed if document.aliases]
        dead = self._dead_letters(batch, reasons) if reasons else []
        records = last_of_each_key(applied.records)
        await self._producer.publish([*dead, *records])
        self._published.add(applied.causes)
        self._remember(changed)
        # Count only now: a batch that is retried while Kafka or MongoDB is unreachable must not count twice.
        self._dead_in_a_row = self._dead_after(batch, reasons)[-1]
        self._observe_ages(deliveries)
        return BatchResult(applied=len(deliveries), published=len(records), dead=len(dead))

    async def _process_halves(self, batch: Sequence[Incoming]) -> BatchResult:
        """Process two batches in place of one: each has less to store, and one of them no unwritable record."""
        half = len(batch) // 2
        dead_in_a_row = self._dead_in_a_row
        try:
            first, second = await self.process(batch[:half]), await self.process(batch[half:])
        except Exception:
            # The whole batch is processed again.
            self._dead_in_a_row = dead_in_a_row
            raise
        return BatchResult(*(a + b for a, b in zip(astuple(first), astuple(second), strict=True)))

    def _observe_ages(self, deliveries: Sequence[Delivery]) -> None:
        """Observe the oldest message of each type, which says how late the batch is."""
        oldest: dict[bytes, datetime] = {}
        for incoming, envelope, _ in deliveries:
            # Prepared data has no type any more.
            message_type = _type_of(incoming)
            if envelope.time < oldest.get(message_type, _LATEST) and replay_in(incoming) is None:
                oldest[message_type] = envelope.time
        now = datetime.now(UTC)
        for message_type, time in oldest.items():
            if (age := self._age_of.get(message_type)) is not None:
                # The time is that of another machine's clock.
                age.observe(max(0.0, (now - time).total_seconds()))

    def revoked(self) -> None:
        """Forget the documents of the partitions: another instance may write them now. No batch is in progress."""
        self._cache.clear()

    async def _load(self, addresses: Sequence[Address], deliveries: Sequence[Delivery], asked: Needed) -> Documents[S]:
        """The cached documents and the others from the store, with the entries that the batch needs."""
        for _ in range(_MOST_LOADS):
            documents = Documents(self._cache.take({address.id for address in addresses}))
            missing = [address for address in addresses if address.id not in documents]
            if missing:
                documents.add(await self._store.load(missing))
            if isinstance(self._processor, Projection):
                return documents
            needed = needed_entries(self._processor, documents, deliveries, asked)
            if not needed or add_loaded(self._processor, documents, needed, await self._store.load_entries(needed)):
                return documents
        raise RuntimeError(f"{self.name}: entries are newer than their document, which has not changed")

    def _remember(self, documents: Sequence[Document[S]]) -> None:
        if isinstance(self._processor, Processor):
            for document in documents:
                for entries in document.entry_maps(self._processor):
                    if entries.outside:
                        entries.set_written()
        self._cache.put(documents)

    async def _apply(self, documents: Documents[S], deliveries: Sequence[Delivery]) -> AppliedBatch:
        applied = AppliedBatch()
        # A large batch may compute for a second. Health checks and heartbeats are answered meanwhile.
        async for some in in_slices(deliveries, lambda delivery: _size_of(delivery.incoming)):
            if isinstance(self._processor, Projection):
                project_deliveries(self._processor, documents, some, applied)
            else:
                apply_deliveries(self._service, self._processor, documents, some, applied)
        return applied

    async def _read(self, batch: Sequence[Incoming]) -> tuple[list[Delivery], dict[Position, str]]:
        """The readable records of ``batch``, decoded and prepared, and why the others are not."""
        deliveries: list[Delivery] = []
        broken: dict[Position, str] = {}
        async for some in in_slices(batch, _size_of):
            readable, others = self._read_some(some)
            deliveries += readable
            broken |= others
        return deliveries, broken

    def _read_some(self, batch: Sequence[Incoming]) -> tuple[list[Delivery], dict[Position, str]]:
        deliveries: list[Delivery] = []
        broken: dict[Position, str] = {}
        prepare = unprepared if isinstance(self._processor, Projection) else self._processor.prepare
        decode, address_of = self._decoder.decode, self._processor.address_of
        for incoming in batch:
            if self._is_replay_for_another(incoming):
                continue
            try:
                envelope = decode(self._topics[incoming.topic], incoming)
                address = address_of(envelope)
            except BrokenContract as reason:
                broken[_position(incoming)] = str(reason)
                continue
            if address is None:
                continue
            try:
                deliveries.append(Delivery(incoming, prepare(envelope), address))
            except NotYetKnown:
                raise
            except Exception as error:
                logger.exception(
                    "runtime.prepare_failed",
                    processor=self.name,
                    message_id=str(envelope.id),
                    correlation_id=str(envelope.correlation_id),
                )
                broken[_position(incoming)] = f"the preparation failed: {type(error).__name__}"
        return deliveries, broken

    def _is_replay_for_another(self, incoming: Incoming) -> bool:
        replay = replay_in(incoming)
        return replay is not None and replay.origin.reader != self.reader

    def _check_dead_in_a_row(self, batch: Sequence[Incoming], reasons: Mapping[Position, str]) -> None:
        if max(self._dead_after(batch, reasons)) >= self._dead_letter_limit:
            raise DeadLetterLimitExceeded(
                f"{self._dead_letter_limit} records in a row on {batch[0].topic} are dead letters; "
                "stopped before sending the whole topic there"
            )

    def _dead_after(self, batch: Sequence[Incoming], reasons: Mapping[Position, str]) -> Sequence[int]:
        """The number of consecutive dead letters after each record; one zero if the batch has none.

        A replay does not count: operators may replay any number of records that are rejected again.
        """
        if not reasons:
            return (0,)
        in_a_row = [self._dead_in_a_row]
        for incoming in batch:
            if replay_in(incoming) is not None:
                in_a_row.append(in_a_row[-1])
            else:
                in_a_row.append(in_a_row[-1] + 1 if _position(incoming) in reasons else 0)
        return in_a_row[1:]

    def _dead_letters(self, batch: Sequence[Incoming], reasons: Mapping[Position, str]) -> list[Record]:
        return [
            rejected(self._service, self._processor.name, incoming, reason)
            for incoming in batch
            if (reason := reasons.get(_position(incoming)))
        ]


def last_of_each_key(records: Sequence[Record]) -> Sequence[Record]:
    """The records without those of a compacted topic that a later one of the same key replaces.

    After a crash, the events of a batch are published again. A reader that keeps the last record of a key would see
    older ones after newer ones.
    """
    last = {(record.topic, record.key): at for at, record in enumerate(records) if record.topic in _COMPACTED}
    if not last:
        return records
    return [record for at, record in enumerate(records) if last.get((record.topic, record.key), at) == at]


def rejected(service: str, processor: str, incoming: Incoming, reason: str) -> Record:
    """Log that a processor rejects a record. Returns its dead letter."""
    logger.error(
        "runtime.dead_letter",
        topic=incoming.topic,
        partition=incoming.partition,
        offset=incoming.offset,
        reason=reason,
    )
    return dead_letter(service, processor, incoming, reason)


def _has_large_outbox(document: Document[Any]) -> bool:
    return sum(pending.entry.size for pending in document.outbox) > LARGE_OUTBOX


def _type_of(incoming: Incoming) -> bytes:
    return next(value for name, value in incoming.headers if name == "ce_type")


def _position(incoming: Incoming) -> Position:
    return incoming.topic, incoming.partition, incoming.offset


def _size_of(incoming: Incoming) -> int:
    return len(incoming.value or b"")
