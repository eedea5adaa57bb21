"""Which last records of a feed are not the newest that the card has published. Pure."""

from __future__ import annotations

from collections.abc import Iterable
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


def to_fill(feed: Feed, card: CardFeeds, last: Iterable[Last]) -> FillFeed | None:
    """The message that lets a card publish again what is newer than its last records; None if nothing is."""
    older = [each for each in last if not is_current(feed, card, each)]
    if not older:
        return None
    years = sorted(each.year for each in older if each.year is not None)
    return FillFeed(card_id=card.card_id, authority=feed.name, years=tuple(years))
