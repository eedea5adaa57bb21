"""Reading the dead-letter topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from frikort_contracts.cloudevents import Headers, Record
from frikort_contracts.topics import Topic

from services.runtime.kafka.connection import client_options
from services.runtime.kafka.topics import require
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.processing.dead_letters import Origin, Replay, facts_of
from services.runtime.settings import RuntimeSettings

Positions = Mapping[TopicPartition, int]
"""The next offset to read of each partition."""

_POLL_MS: Final = 500


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that a processor could not read, unchanged, with the reason.

    ``replay`` is the number of the latest replay that was rejected; 0 if only the original was.
    """

    origin: Origin
    time: datetime
    reason: str
    key: bytes
    value: bytes
    headers: Headers
    replay: int = 0

    @property
    def type(self) -> str:
        """Its ``ce_type``; bytes that are not UTF-8 are replaced."""
        return _text(dict(self.headers).get("ce_type", b""))

    @property
    def key_text(self) -> str:
        return _text(self.key)

    def replayed(self, number: int, body: bytes | None = None) -> Record:
        """The record of the replay ``number``; ``body`` replaces its own value if given."""
        return Replay(self.origin, number).record(self.key, self.value if body is None else body, self.headers)


Take = Callable[[DeadLetter], None]


async def read(settings: RuntimeSettings, topics: Collection[Topic], since: datetime | None) -> list[DeadLetter]:
    """Every dead letter of ``topics`` once, by origin. Raises ``KafkaUnavailable`` and ``MissingTopics``."""
    async with _consumer(settings) as consumer:
        async with asyncio.timeout(settings.publish_timeout):
            await require(settings, [topic.dead for topic in topics])
            await consumer.start()
            starts = await _starts(consumer, _partitions(topics), since)
        letters: list[DeadLetter] = []
        await _read(consumer, starts, settings.publish_timeout, letters.append)
    return merged(letters)


async def read_on(settings: RuntimeSettings, topics: Collection[Topic], positions: Positions, take: Take) -> Positions:
    """Give ``take`` the dead letters of ``topics`` from ``positions`` on; returns the next positions.

    A partition without a position is read from its beginning. Raises ``KafkaUnavailable``.
    """
    async with _consumer(settings) as consumer:
        async with asyncio.timeout(settings.publish_timeout):
            await consumer.start()
            starts = {**await _starts(consumer, _partitions(topics), None), **positions}
        return await _read(consumer, starts, settings.publish_timeout, take)


def merged(letters: Iterable[DeadLetter]) -> list[DeadLetter]:
    """Each dead letter once: the body and headers of the original, with the reason of the latest rejection."""
    first: dict[Origin, DeadLetter] = {}
    latest: dict[Origin, DeadLetter] = {}
    for letter in letters:
        if (known := first.get(letter.origin)) is None or letter.replay < known.replay:
            first[letter.origin] = letter
        if (known := latest.get(letter.origin)) is None or letter.replay > known.replay:
            latest[letter.origin] = letter
    return [
        replace(first[origin], time=latest[origin].time, reason=latest[origin].reason, replay=latest[origin].replay)
        for origin in sorted(first)
    ]


@asynccontextmanager
async def _consumer(settings: RuntimeSettings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False, auto_offset_reset="earliest")
    try:
        yield consumer
    except (KafkaError, TimeoutError, OSError) as error:
        raise KafkaUnavailable(f"Kafka at {settings.kafka} does not answer: {type(error).__name__}") from error
    finally:
        await consumer.stop()


def _partitions(topics: Collection[Topic]) -> list[TopicPartition]:
    return [TopicPartition(topic.dead, number) for topic in topics for number in range(topic.partitions)]


async def _read(consumer: AIOKafkaConsumer, starts: Positions, seconds: float, take: Take) -> Positions:
    """Give ``take`` the dead letters from ``starts`` to the present ends; returns the ends."""
    if not starts:
        return {}
    async with asyncio.timeout(seconds):
        ends: dict[TopicPartition, int] = await consumer.end_offsets(list(starts))
    left = {partition for partition, start in starts.items() if start < ends[partition]}
    consumer.assign(list(left))
    for partition in left:
        consumer.seek(partition, starts[partition])
    while left:
        # The limit is for each poll, not for the whole: there may be many dead letters.
        async with asyncio.timeout(seconds):
            while not (batch := await consumer.getmany(timeout_ms=_POLL_MS)):
                pass
        for record in chain.from_iterable(batch.values()):
            if (letter := _letter(record)) is not None:
                take(letter)
        left = {p for p in left if await consumer.position(p) < ends[p]}
    return ends


async def _starts(
    consumer: AIOKafkaConsumer, partitions: list[TopicPartition], since: datetime | None
) -> dict[TopicPartition, int]:
    if since is None:
        return dict(await consumer.beginning_offsets(partitions))
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, int(since.timestamp() * 1000)))
    return {partition: place.offset for partition, place in found.items() if place is not None}


def _letter(record: Any) -> DeadLetter | None:
    """None for a record that no batch processor wrote."""
    facts = facts_of(tuple(record.headers))
    if facts is None:
        return None
    return DeadLetter(
        origin=facts.origin,
        time=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        reason=facts.reason,
        key=record.key or b"",
        value=record.value or b"",
        headers=facts.headers,
        replay=facts.replay,
    )


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode(errors="replace")
