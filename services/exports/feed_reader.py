"""Reads what the feed of an authority has now."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

import structlog
from frikort_contracts.authorities import Feed
from frikort_contracts.cloudevents import BrokenContract, decode
from frikort_contracts.feeds import FeedRecord
from frikort_contracts.topics import FEED_TOPICS

from services.runtime.kafka.followed_topic import records_of
from services.runtime.settings import KafkaSettings

logger = structlog.get_logger(__name__)


async def records_on(
    feed: Feed,
    settings: KafkaSettings,
    *,
    numbers: Iterable[int] | None = None,
    is_wanted: Callable[[bytes], bool] = lambda _: True,
) -> AsyncGenerator[FeedRecord, None]:
    """The valid records of a feed, in the order of each partition. Raises the errors of aiokafka.

    ``numbers`` are those of the partitions to read, by default all. Records whose key is not wanted are not decoded.
    """
    topic = FEED_TOPICS[feed.name]
    async with aclosing(records_of(settings, topic, numbers=numbers)) as records:
        async for record in records:
            if not is_wanted(record.key or b""):
                continue
            try:
                yield decode(topic, record.value, record.headers).data
            except BrokenContract:
                logger.warning("exports.feed_record_invalid", authority=feed.name, offset=record.offset)
