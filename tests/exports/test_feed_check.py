"""The nightly check of the feeds, on ports that the tests control."""

from __future__ import annotations

from collections.abc import Sequence

from frikort_contracts.authorities import Feed, municipality_feed
from frikort_contracts.feeds import FillFeed

from services.exports.card_feeds.last_records import Last
from services.exports.card_feeds.payment_days import PaymentDays
from services.exports.card_feeds.state import CardFeeds, FeedYear
from services.exports.feed_check import FeedCheck
from services.runtime.processing.entries import EntryMap

FEED = municipality_feed("101")
YEAR = 2025


def card(card_id: str, published: int) -> CardFeeds:
    """A card with a year whose newest record has the revision ``published``."""
    year = FeedYear(PaymentDays(EntryMap(str(YEAR))), published={FEED.name: published})
    return CardFeeds(card_id=card_id, years={YEAR: year})


class World:
    """A feed with these last records, each time that it is read, and the cards."""

    def __init__(self, *reads: Sequence[Last], cards: Sequence[CardFeeds]) -> None:
        self.reads = list(reads)
        self.cards = {each.card_id: each for each in cards}
        self.sent: list[FillFeed] = []
        self.waits: list[float] = []

    async def run(self) -> int:
        check = FeedCheck(
            feeds=(FEED,),
            read_last=self._read_last,
            get_card=self._get_card,
            send=self._send,
            sleep=self._sleep,
        )
        return await check.run()

    async def _read_last(self, feed: Feed, number: int) -> Sequence[Last]:
        assert (feed, number) == (FEED, 0)
        return self.reads.pop(0)

    async def _get_card(self, card_id: str) -> CardFeeds | None:
        return self.cards.get(card_id)

    async def _send(self, messages: Sequence[FillFeed]) -> None:
        self.sent += messages

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


def last(card_id: str, revision: int) -> Last:
    return Last(card_id, YEAR, revision, is_end=False)


async def test_a_feed_whose_last_records_are_the_newest_is_read_once_and_not_filled() -> None:
    world = World([last("a", 3), last("b", 1)], cards=[card("a", 3), card("b", 1)])
    assert await world.run() == 0
    assert (world.sent, world.waits, world.reads) == ([], [], [])


async def test_only_the_cards_with_an_older_last_record_are_filled() -> None:
    read = [last("a", 3), last("b", 1), last("unknown", 7)]
    world = World(read, read, cards=[card("a", 3), card("b", 2)])
    assert await world.run() == 1
    assert world.sent == [FillFeed(card_id="b", authority=FEED.name, years=(YEAR,))]


async def test_a_record_that_is_being_published_during_the_check_is_waited_for() -> None:
    world = World([last("a", 1)], [last("a", 2)], cards=[card("a", 2)])
    assert await world.run() == 0
    assert len(world.waits) == 1
