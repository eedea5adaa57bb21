"""Reads the last records of cards from the feeds of all authorities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import aclosing

import structlog
from frikort_contracts.authorities import Feed
from frikort_contracts.cloudevents import BrokenContract, decode
from frikort_contracts.feeds import FeedRecord
from frikort_contracts.topics import FEED_TOPICS

from services.exports.rebuilding.card_feeds import LastRecords, ReadLast
from services.runtime.kafka.followed_topic import records_of
from services.runtime.settings import KafkaSettings

logger = structlog.get_logger(__name__)


def last_records(feeds: Sequence[Feed], settings: KafkaSettings) -> ReadLast:
    """A function that reads every feed once, and keeps the records of the given cards. Raises the errors of aiokafka.

    Of the records with a key, the one with the highest revision counts, as for every reader of a feed.
    """

    async def read(card_ids: Collection[str]) -> LastRecords:
        wanted, found = frozenset(card_ids), dict[tuple[str, str], FeedRecord]()
        for feed in feeds if wanted else ():
            topic = FEED_TOPICS[feed.name]
            async with aclosing(records_of(settings, topic)) as records:
                async for record in records:
                    if (record.key or b"").decode().partition(":")[0] not in wanted:
                        continue
                    try:
                        data = decode(topic, record.value, record.headers).data
                    except BrokenContract:
                        logger.warning("exports.feed_record_invalid", authority=feed.name, offset=record.offset)
                        continue
                    last = found.get((feed.name, data.key))
                    if last is None or last.revision <= data.revision:
                        found[feed.name, data.key] = data
        by_card: dict[str, list[FeedRecord]] = defaultdict(list)
        for data in found.values():
            by_card[data.card_id].append(data)
        return by_card

    return read
