"""Reads a topic that ``is_followed``: whole, from its beginning, without a consumer group."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from frikort_contracts.topics import Topic

from services.runtime.kafka.connection import client_options
from services.runtime.settings import KafkaSettings

_POLL_MS: Final = 500
# A record ends the wait at once; while there is none, a reader costs one fetch each such time.
_FOLLOW_WAIT_MS: Final = 5_000
_READ_WAIT_MS: Final = 100


async def records_of(settings: KafkaSettings, topic: Topic, *, follow: bool = False) -> AsyncGenerator[Any, None]:
    """The records that ``topic`` has now, of aiokafka; with ``follow`` also all later ones, without end.

    Close it (``contextlib.aclosing``) if it may not be read to its end. Raises the errors of aiokafka.
    """
    wait = _FOLLOW_WAIT_MS if follow else _READ_WAIT_MS
    consumer = AIOKafkaConsumer(**client_options(settings), enable_auto_commit=False, fetch_max_wait_ms=wait)
    try:
        await consumer.start()
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        # A reader that follows needs no end, and would wait for it behind its own fetch.
        ends = {} if follow else await consumer.end_offsets(partitions)
        while follow or any([await consumer.position(each) < ends[each] for each in partitions]):
            for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()
