"""Exports on a real database, with the runtime's own batch processor and the real worker.

Only the producer is a fake: it records what is published, and it can fail.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.extract_files import (
    ExtractKind,
    ExtractMade,
    ExtractProgressed,
    FileFormat,
    RequestExtractFiles,
)
from frikort_contracts.extracts import Position
from frikort_contracts.messages import Message
from frikort_contracts.months import Months
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import TOPICS, Topic

from services.exports.card_feeds.processor import card_feeds
from services.exports.extracts.queue import ExtractQueue
from services.exports.extracts.reader import ExtractReader
from services.exports.extracts.requests import EXTRACT_FILES, PERIOD_EXTRACTS, ExtractRequest
from services.exports.extracts.worker import ExtractWorker
from services.runtime.file_store import FileStore
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.document_store import MongoStore, Reader
from services.runtime.mongo.driver import Database
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.decision import Processor
from tests.exports.build import CARDS, envelope

CARD_FEEDS = card_feeds((), {}, AllowanceTable(years={}))


def decoded(record: Record) -> Envelope[Any]:
    (topic,) = (topic for topic in TOPICS if topic.name == record.topic)
    return decode(topic, record.value, record.headers)


@dataclass
class RecordingProducer:
    """Records what is published; call number ``fails_at`` fails before it publishes anything."""

    records: list[Record] = field(default_factory=list)
    fails_at: int | None = None
    calls: int = 0

    async def publish(self, records: Sequence[Record]) -> None:
        self.calls += 1
        if self.calls == self.fails_at:
            raise KafkaUnavailable("Kafka is unreachable")
        self.records += records

    def envelopes(self) -> list[Envelope[Any]]:
        return [decoded(record) for record in self.records]

    def events(self) -> list[Any]:
        return [envelope.data for envelope in self.envelopes()]

    def manifest(self) -> ExtractMade:
        (made,) = (event for event in self.events() if isinstance(event, ExtractMade))
        return made

    def progress(self) -> list[ExtractProgressed]:
        return [event for event in self.events() if isinstance(event, ExtractProgressed)]


class Exports:
    """Exports with a database and a folder of its own; ``worker`` returns a new worker on each call."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.store = FileStore(folder.as_uri())
        self.reader = ExtractReader(database, CARDS)
        self.outcomes = RecordingProducer()
        self.feeds = RecordingProducer()
        self._cards = BatchProcessor(
            service="exports", processor=CARDS, store=MongoStore(database, CARDS), producer=self.feeds
        )
        self._feeds = BatchProcessor(
            service="exports",
            processor=CARD_FEEDS,
            store=MongoStore(database, CARD_FEEDS),
            producer=RecordingProducer(),
        )
        self._requests = [
            BatchProcessor(service="exports", processor=each, store=MongoStore(database, each), producer=self.outcomes)
            for each in (EXTRACT_FILES, PERIOD_EXTRACTS)
        ]
        self._periods: set[str] = set()
        self._offsets = count()
        self.asked_positions = 0

    async def prepare(self) -> None:
        await MongoStore(self.database, CARDS).prepare()
        await MongoStore(self.database, CARD_FEEDS).prepare()
        for requests in (EXTRACT_FILES, PERIOD_EXTRACTS):
            await MongoStore(self.database, requests).prepare()
        await self.reader.ensure_indexes()

    async def apply(self, messages: Sequence[Message]) -> None:
        """Apply card and balance events to the statements, in one batch."""
        await self._cards.process([self._incoming(envelope(message)) for message in messages])

    async def apply_to_feeds(self, messages: Sequence[Message]) -> None:
        """Apply earnings and balance events to the payment dates, in one batch."""
        await self._feeds.process([self._incoming(envelope(message)) for message in messages])

    async def request(
        self,
        kind: ExtractKind,
        year: int | None = 2025,
        *,
        period: Months | None = None,
        municipality: str | None = None,
        cvr: str | None = None,
        card_id: str | None = None,
        extract_id: str | None = None,
    ) -> str:
        command = RequestExtractFiles(
            extract_id=extract_id or str(uuid4()),
            kind=kind,
            year=None if period is not None else year,
            period=period,
            municipality=municipality,
            cvr=cvr,
            card_id=card_id,
            requester="authority:skat",
            positions=(),
            actor="authority",
        )
        if period is not None:
            self._periods.add(command.extract_id)
        for requests in self._requests:
            await requests.process([self._incoming(envelope(command))])
        return command.extract_id

    def queue(self, extract_id: str = "", *, lease: float = 60.0) -> ExtractQueue:
        return ExtractQueue(self.database, self._requests_of(extract_id), lease=lease)

    def _requests_of(self, extract_id: str) -> Processor[ExtractRequest]:
        return PERIOD_EXTRACTS if extract_id in self._periods else EXTRACT_FILES

    def worker(self, producer: RecordingProducer, extract_id: str = "", *, lease: float = 60.0) -> ExtractWorker:
        return ExtractWorker(
            queue=self.queue(extract_id, lease=lease),
            reader=self.reader,
            store=self.store,
            publish=producer.publish,
            end_positions=self.end_positions,
        )

    async def end_positions(self, topics: Collection[Topic]) -> tuple[Position, ...]:
        """As if each partition of a topic had seven records."""
        self.asked_positions += 1
        return tuple(Position(topic=t.name, partition=p, offset=7) for t in topics for p in range(t.partitions))

    async def claim(self, extract_id: str, *, lease: float = 60.0) -> ExtractRequest:
        claimed = await self.queue(extract_id, lease=lease).claim(extract_id)
        assert claimed is not None
        return claimed

    async def make(self, extract_id: str) -> RecordingProducer:
        """Claim and make the extract; return the producer that recorded it."""
        producer = RecordingProducer()
        await self.worker(producer, extract_id).make(await self.claim(extract_id))
        return producer

    def file(self, made: ExtractMade, file_format: FileFormat) -> bytes:
        """The stored file of a manifest, whose size and digest it has."""
        (file,) = (file for file in made.files if file.format is file_format)
        content = (self.folder / file.name).read_bytes()
        assert (file.size, file.sha256) == (len(content), sha256(content).hexdigest())
        return content

    async def state(self, extract_id: str) -> ExtractRequest:
        found = await Reader(self.database, self._requests_of(extract_id)).get(extract_id)
        assert found is not None
        return found

    async def end_lease(self, extract_id: str) -> None:
        """End the pause after a failure, or the lease of a dead worker."""
        change = {"$set": {"state.lease_until": 0}, "$inc": {"version": 1}}
        await self.database[self._requests_of(extract_id).name].update_one({"_id": extract_id}, change)

    def _incoming(self, message: Envelope[Any]) -> Incoming:
        record = encode(message)
        return Incoming(record.topic, 0, next(self._offsets), record.key, record.value, record.headers)
