"""Exports on a real database, with the runtime's own batch processor and the real worker.

Only the producer is a fake: it records what is published, and it can fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.extracts import (
    Authority,
    ExtractCompleted,
    ExtractFormat,
    ExtractPartWritten,
    ExtractStarted,
    RequestExtract,
)
from frikort_contracts.messages import Message
from frikort_contracts.topics import TOPICS

from services.exports.extract_queue import ExtractQueue
from services.exports.extract_requests import ExtractRequest
from services.exports.extract_worker import ExtractWorker
from services.exports.processor import REQUESTS
from services.exports.statement_reader import StatementReader
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.document_store import MongoStore, Reader
from services.runtime.mongo.driver import Database
from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchProcessor
from tests.exports.build import CARDS, envelope


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

    def manifest(self) -> ExtractCompleted:
        (manifest,) = (event for event in self.events() if isinstance(event, ExtractCompleted))
        return manifest

    def started(self) -> list[ExtractStarted]:
        return [event for event in self.events() if isinstance(event, ExtractStarted)]

    def parts(self) -> list[ExtractPartWritten]:
        return [event for event in self.events() if isinstance(event, ExtractPartWritten)]

    def file(self, file_format: ExtractFormat, attempt: int | None = None) -> str:
        """The file that the parts of the manifest's attempt (or of ``attempt``) form."""
        wanted = attempt or self.manifest().attempt
        parts = [part for part in self.parts() if part.format is file_format and part.attempt == wanted]
        assert [part.index for part in parts] == list(range(len(parts)))
        return "".join(part.content for part in parts)


class Exports:
    """Exports with a database of its own; ``worker`` returns a new worker on each call."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.reader = StatementReader(database, CARDS)
        self.outcomes = RecordingProducer()
        self.feeds = RecordingProducer()
        self._cards = BatchProcessor(
            service="exports", processor=CARDS, store=MongoStore(database, CARDS), producer=self.feeds
        )
        self._requests = BatchProcessor(
            service="exports", processor=REQUESTS, store=MongoStore(database, REQUESTS), producer=self.outcomes
        )
        self._offsets = count()

    async def prepare(self) -> None:
        await MongoStore(self.database, CARDS).prepare()
        await MongoStore(self.database, REQUESTS).prepare()
        await self.reader.ensure_indexes()

    async def apply(self, messages: Sequence[Message]) -> None:
        """Apply card and balance events in one batch."""
        await self._cards.process([self._incoming(envelope(message)) for message in messages])

    async def request(
        self, authority: Authority, year: int = 2025, *, municipality: str | None = None, extract_id: str | None = None
    ) -> str:
        command = RequestExtract(
            extract_id=extract_id or str(uuid4()),
            authority=authority,
            year=year,
            municipality=municipality,
            positions=(),
            actor="authority",
        )
        await self._requests.process([self._incoming(envelope(command))])
        return command.extract_id

    def queue(self, *, lease: float = 60.0) -> ExtractQueue:
        return ExtractQueue(self.database, lease=lease)

    def worker(self, producer: RecordingProducer, *, lease: float = 60.0) -> ExtractWorker:
        return ExtractWorker(queue=self.queue(lease=lease), reader=self.reader, publish=producer.publish)

    async def claim(self, extract_id: str, *, lease: float = 60.0) -> ExtractRequest:
        claimed = await self.queue(lease=lease).claim(extract_id)
        assert claimed is not None
        return claimed

    async def make(self, extract_id: str) -> RecordingProducer:
        """Claim and make the extract; return the producer that recorded it."""
        producer = RecordingProducer()
        await self.worker(producer).make(await self.claim(extract_id))
        return producer

    async def state(self, extract_id: str) -> ExtractRequest:
        found = await Reader(self.database, REQUESTS).get(extract_id)
        assert found is not None
        return found

    async def end_lease(self, extract_id: str) -> None:
        """End the pause after a failure, or the lease of a dead worker."""
        change = {"$set": {"state.lease_until": 0}, "$inc": {"version": 1}}
        await self.database[REQUESTS.name].update_one({"_id": extract_id}, change)

    def _incoming(self, message: Envelope[Any]) -> Incoming:
        record = encode(message)
        return Incoming(record.topic, 0, next(self._offsets), record.key, record.value, record.headers)
