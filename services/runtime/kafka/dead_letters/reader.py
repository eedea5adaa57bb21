"""Reading the dead-letter topics."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from frikort_contracts.cloudevents import Headers, Record
from frikort_contracts.topics import Topic

from services.runtime.kafka.connection import client_options
from services.runtime.kafka.producer import KafkaUnavailable
from services.runtime.kafka.topics import require
from services.runtime.settings import RuntimeSettings

FACTS: Final = ("dead_reason", "dead_service", "dead_processor", "dead_topic", "dead_partition", "dead_offset")
"""The headers that the batch processor adds, in this order, after those of the original record."""

_POLL_MS = 500
_ORIGIN: Final = re.compile(
    r"(?P<topic>[\w.-]+)/(?P<partition>\d+)/(?P<offset>\d+)@(?P<service>[\w-]+)\.(?P<processor>[\w-]+)"
)


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The identity of a dead letter: the position of the original record, and the processor that could not read it.

    A redelivered record may be sent to the dead-letter topic again. It has the same origin and is one dead letter.
    """

    topic: str
    partition: int
    offset: int
    service: str
    processor: str

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}@{self.service}.{self.processor}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The origin that ``text`` writes. Raises ``ValueError``."""
        found = _ORIGIN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not an origin such as frikort.earnings.v1/3/17@balance.ledgers")
        place = found.groupdict()
        return cls(place["topic"], int(place["partition"]), int(place["offset"]), place["service"], place["processor"])


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that a processor could not read, unchanged, with the reason."""

    origin: Origin
    time: datetime
    reason: str
    key: bytes
    value: bytes
    headers: Headers

    @property
    def type(self) -> str:
        """Its ``ce_type``; bytes that are not UTF-8 are replaced."""
        return _text(dict(self.headers).get("ce_type", b""))

    @property
    def key_text(self) -> str:
        return _text(self.key)

    def original(self, body: bytes | None = None) -> Record:
        """The record to publish again; ``body`` replaces its own value if given."""
        return Record(self.origin.topic, self.key, self.value if body is None else body, self.headers)


async def read(settings: RuntimeSettings, topics: Collection[Topic], since: datetime | None) -> list[DeadLetter]:
    """Every dead letter of ``topics`` once, by origin. Raises ``KafkaUnavailable`` and ``MissingTopics``."""
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        async with asyncio.timeout(settings.publish_timeout):
            await require(settings, [topic.dead for topic in topics])
            await consumer.start()
        return await _read(consumer, topics, since, settings.publish_timeout)
    except (KafkaError, TimeoutError, OSError) as error:
        raise KafkaUnavailable(f"Kafka at {settings.kafka} does not answer: {type(error).__name__}") from error
    finally:
        await consumer.stop()


async def _read(
    consumer: AIOKafkaConsumer, topics: Collection[Topic], since: datetime | None, seconds: float
) -> list[DeadLetter]:
    partitions = [TopicPartition(topic.dead, number) for topic in topics for number in range(topic.partitions)]
    async with asyncio.timeout(seconds):
        ends = await consumer.end_offsets(partitions)
        starts = await _starts(consumer, partitions, since)
    left = {p for p in partitions if starts.get(p, ends[p]) < ends[p]}
    consumer.assign(list(left))
    for partition in left:
        consumer.seek(partition, starts[partition])
    letters: dict[Origin, DeadLetter] = {}
    while left:
        # The limit is for each poll, not for the whole: there may be many dead letters.
        async with asyncio.timeout(seconds):
            while not (batch := await consumer.getmany(timeout_ms=_POLL_MS)):
                pass
        for records in batch.values():
            for record in records:
                if (letter := _letter(record)) is not None:
                    letters.setdefault(letter.origin, letter)
        left = {p for p in left if await consumer.position(p) < ends[p]}
    return [letters[origin] for origin in sorted(letters)]


async def _starts(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], since: datetime | None
) -> Mapping[TopicPartition, int]:
    if since is None:
        return dict(await consumer.beginning_offsets(partitions))
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
    return {partition: place.offset for partition, place in found.items() if place is not None}


def _letter(record: Any) -> DeadLetter | None:
    """None for a record that no batch processor wrote. The original may have headers of the same names."""
    headers, facts = tuple(record.headers[: -len(FACTS)]), tuple(record.headers[-len(FACTS) :])
    if tuple(name for name, _ in facts) != FACTS:
        return None
    reason, service, processor, topic, partition, offset = (value.decode() for _, value in facts)
    return DeadLetter(
        origin=Origin(topic, int(partition), int(offset), service, processor),
        time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        reason=reason,
        key=record.key or b"",
        value=record.value or b"",
        headers=headers,
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
