"""Reads the last records of cards from the feeds of all authorities."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import aclosing

from frikort_contracts.authorities import Feed
from frikort_contracts.feeds import FeedRecord

from services.exports.feed_reader import records_on
from services.exports.rebuilding.card_feeds import LastRecords, ReadLast
from services.runtime.settings import KafkaSettings


def last_records(feeds: Sequence[Feed], settings: KafkaSettings) -> ReadLast:
    """A function that reads every feed once, and keeps the records of the given cards. Raises the errors of aiokafka.

    Of the records with a key, the one with the highest revision counts, as for every reader of a feed.
    """

    async def read(card_ids: Collection[str]) -> LastRecords:
        wanted, found = frozenset(card_ids), dict[tuple[str, str], FeedRecord]()

        def is_wanted(key: bytes) -> bool:
            return key.decode().partition(":")[0] in wanted

        for feed in feeds if wanted else ():
            async with aclosing(records_on(feed, settings, is_wanted=is_wanted)) as records:
                async for record in records:
                    last = found.get((feed.name, record.key))
                    if last is None or last.revision <= record.revision:
                        found[feed.name, record.key] = record
        by_card: dict[str, list[FeedRecord]] = defaultdict(list)
        for record in found.values():
            by_card[record.card_id].append(record)
        return by_card

    return read
