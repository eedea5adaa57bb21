"""Reads a topic from its beginning, without a consumer group: whole, or the records of some keys."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from frikort_contracts.topics import Topic

from services.runtime.kafka.connection import FETCHER_TIMEOUT_MS, client_options
from services.runtime.kafka.producer import number_of
from services.runtime.processing.apply import Incoming
from services.runtime.settings import KafkaSettings

_POLL_MS: Final = 1_000
# A record ends the wait at once; while there is none, a reader costs one fetch each such time. A request for the end of
# the topic waits behind the fetch: a reader that asks for it again and again waits less, and one that ends there least.
_FOLLOW_WAIT_MS: Final = 5_000
_CHECKED_WAIT_MS: Final = 1_000
_READ_WAIT_MS: Final = 100
_CHECK: Final = timedelta(seconds=2)

CaughtUp = Callable[[datetime], None]
"""Called with a moment (UTC) when every record that was there at that moment was yielded and handled."""


async def records_of(
    settings: KafkaSettings,
    topic: Topic,
    *,
    follow: bool = False,
    caught_up: CaughtUp | None = None,
    numbers: Iterable[int] | None = None,
) -> AsyncGenerator[Any, None]:
    """The records that ``topic`` has now, of aiokafka; with ``follow`` also all later ones, without end.

    ``numbers`` are those of the partitions to read; by default all of the topic table. Close it
    (``contextlib.aclosing``) if it may not be read to its end. Raises the errors of aiokafka.
    """
    needs_ends = caught_up is not None or not follow
    wait = _READ_WAIT_MS if not follow else _FOLLOW_WAIT_MS if caught_up is None else _CHECKED_WAIT_MS
    consumer = AIOKafkaConsumer(
        **client_options(settings),
        enable_auto_commit=False,
        fetch_max_wait_ms=wait,
        consumer_timeout_ms=FETCHER_TIMEOUT_MS,
    )
    try:
        await consumer.start()
        partitions = [
            TopicPartition(topic.name, number) for number in (range(topic.partitions) if numbers is None else numbers)
        ]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        moment, waits = datetime.now(UTC), needs_ends
        ends = await consumer.end_offsets(partitions) if needs_ends else {}
        while True:
            if waits and await _is_at(consumer, ends):
                waits = False
                if caught_up is not None:
                    caught_up(moment)
            if not waits and not follow:
                return
            if not waits and caught_up is not None and datetime.now(UTC) - moment >= _CHECK:
                moment, ends, waits = datetime.now(UTC), await consumer.end_offsets(partitions), True
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


async def records_with_keys(settings: KafkaSettings, topic: Topic, keys: Collection[bytes]) -> AsyncIterator[Incoming]:
    """The records of ``topic`` with one of ``keys``, from their partitions alone. Raises as ``records_of``."""
    among = tuple(range(topic.partitions))
    async with aclosing(records_of(settings, topic, numbers={number_of(key, among) for key in keys})) as records:
        async for record in records:
            if record.key in keys:
                yield Incoming(
                    record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers)
                )


async def _is_at(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    """Whether everything before these offsets was read."""
    for partition, end in ends.items():
        if await consumer.position(partition) < end:
            return False
    return True
