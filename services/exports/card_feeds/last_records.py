"""Which last records of a feed are not the newest that the card has published. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from frikort_contracts.authorities import Feed
from frikort_contracts.feeds import BenefitYearEnded, CardYearRecord, FeedRecord, FillFeed

from services.exports.card_feeds.state import CardFeeds


class Last(NamedTuple):
    """The last record of a key. ``year`` is None for the record of the card itself."""

    card_id: str
    year: int | None
    revision: int
    is_end: bool


def last_of(record: FeedRecord) -> Last:
    """What the check needs of a record."""
    year = record.year if isinstance(record, CardYearRecord) else None
    return Last(record.card_id, year, record.revision, isinstance(record, BenefitYearEnded))


def is_current(feed: Feed, card: CardFeeds, last: Last) -> bool:
    """Whether ``card`` has published nothing newer to ``feed`` than ``last``."""
    published = card.published if last.year is None else card.year(last.year).published
    newest = published.get(feed.name)
    if newest is None:  # the year has ended there
        return last.is_end
    return last.revision >= newest and not (last.is_end and newest > 0)


def to_fill(feed: Feed, last: Iterable[Last], cards: Mapping[str, CardFeeds]) -> list[FillFeed]:
    """The messages that let each card publish again what is newer than the last records."""
    years: dict[str, set[int]] = defaultdict(set)
    for each in last:
        card = cards.get(each.card_id)
        if card is not None and not is_current(feed, card, each):
            years[each.card_id] |= set() if each.year is None else {each.year}
    return [
        FillFeed(card_id=card_id, authority=feed.name, years=tuple(sorted(of_card)))
        for card_id, of_card in sorted(years.items())
    ]
