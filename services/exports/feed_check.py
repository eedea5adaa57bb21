"""Checks once a night that the last record of each key of a feed is the newest, and publishes again where it is not.

A process that was declared dead and still runs may publish a record after its successor has published a newer one. A
reader that keeps the record with the higher revision is right at any time. One that keeps the last record, or that
begins after the topic was compacted, is right after the check (decision 0055).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from frikort_contracts.authorities import Feed
from frikort_contracts.cloudevents import encode
from frikort_contracts.feeds import FillFeed
from frikort_contracts.topics import FEED_TOPICS
from prometheus_client import Gauge

from services.exports.card_feeds.last_records import Last, last_of, to_fill
from services.exports.card_feeds.state import CardFeeds
from services.exports.feed_reader import records_on
from services.runtime.envelopes import new_envelope
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.nightly import NightlyRuns
from services.runtime.processing.decision import Processor
from services.runtime.service import BackgroundTask, Runtime
from services.runtime.settings import KafkaSettings

logger = structlog.get_logger(__name__)

CHECKS: Final = "feed_checks"
_HOUR: Final = 3
_PAUSE_SECONDS: Final = 60.0
_SETTLE_SECONDS: Final = 30.0
_CARDS_AT_ONCE: Final = 200

_FILLED: Final = Gauge(
    "frikort_feed_cards_filled",
    "Cards whose records were published again at the last check of the feeds, because an older one was the last.",
)
_CHECKED: Final = Gauge(
    "frikort_feeds_checked_timestamp_seconds",
    "When the feeds were last checked, in seconds since 1970; 0 before the first check.",
)

ReadLast = Callable[[Feed, int], Awaitable[Sequence[Last]]]
"""The last record of each key in a partition of a feed."""

GetCard = Callable[[str], Awaitable[CardFeeds | None]]
Send = Callable[[Sequence[FillFeed]], Awaitable[None]]


class FeedCheck:
    """Checks all feeds, a partition at a time."""

    def __init__(
        self,
        *,
        feeds: Sequence[Feed],
        read_last: ReadLast,
        get_card: GetCard,
        send: Send,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._feeds = feeds
        self._read_last = read_last
        self._get_card = get_card
        self._send = send
        self._sleep = sleep

    async def run(self) -> int:
        """Check, and send the messages that fill. Returns the number of cards. Raises the errors of the ports."""
        count = 0
        for feed in self._feeds:
            found = [each for n in range(FEED_TOPICS[feed.name].partitions) for each in await self._check(feed, n)]
            if found:
                await self._send(found)
                logger.warning("exports.feed_filled", authority=feed.name, cards=len(found))
            count += len(found)
        return count

    async def _check(self, feed: Feed, number: int) -> list[FillFeed]:
        found = await self._to_fill(feed, await self._read_last(feed, number))
        if not found:
            return []
        # What was stored and not published yet a moment ago is on the topic now.
        await self._sleep(_SETTLE_SECONDS)
        cards = {message.card_id for message in found}
        again = await self._read_last(feed, number)
        return await self._to_fill(feed, [last for last in again if last.card_id in cards])

    async def _to_fill(self, feed: Feed, last: Iterable[Last]) -> list[FillFeed]:
        by_card: dict[str, list[Last]] = defaultdict(list)
        for each in last:
            by_card[each.card_id].append(each)
        ids, found = sorted(by_card), list[FillFeed]()
        for start in range(0, len(ids), _CARDS_AT_ONCE):
            some = ids[start : start + _CARDS_AT_ONCE]
            cards = await asyncio.gather(*map(self._get_card, some))
            messages = [to_fill(feed, card, by_card[card.card_id]) for card in cards if card is not None]
            found += [message for message in messages if message is not None]
        return found


def last_records(settings: KafkaSettings) -> ReadLast:
    """Reads them from the broker. Raises the errors of aiokafka."""

    async def read(feed: Feed, number: int) -> Sequence[Last]:
        last: dict[str, Last] = {}
        async with aclosing(records_on(feed, settings, numbers=(number,))) as records:
            async for record in records:
                last[record.key] = last_of(record)
        return list(last.values())

    return read


def feed_check(table: Sequence[Feed], documents: Processor[CardFeeds], settings: KafkaSettings) -> BackgroundTask:
    """The job that checks the feeds for each Danish day, from 03:00 on, in one of the instances."""

    async def check_feeds(runtime: Runtime) -> None:
        runs = NightlyRuns(runtime.database[CHECKS], hour=_HOUR)

        async def send(messages: Sequence[FillFeed]) -> None:
            await runtime.producer.publish([encode(new_envelope(each, writer="exports")) for each in messages])

        check = FeedCheck(
            feeds=table,
            read_last=last_records(settings),
            get_card=runtime.reader(documents).get,
            send=send,
        )
        while True:
            await _check_once(runs, check, runs.day_of(datetime.now(UTC)))
            if (latest := await runs.latest()) is not None:
                _FILLED.set(latest["cards"])
                _CHECKED.set(datetime.fromisoformat(latest["ended_at"]).timestamp())
            await asyncio.sleep(_PAUSE_SECONDS)

    return check_feeds


async def _check_once(runs: NightlyRuns, check: FeedCheck, day: str) -> None:
    async def fill() -> dict[str, int]:
        cards = await check.run()
        logger.info("exports.feeds_checked", cards=cards)
        return {"cards": cards}

    try:
        await runs.run(day, fill)
    except (KafkaError, KafkaUnavailable) as error:
        logger.warning("exports.feeds_not_checked", reason=type(error).__name__)
