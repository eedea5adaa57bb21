"""What exports keeps of a card for the feeds, as its topics have it, compared with the document in place. Pure.

What a card says follows from its topics. What it has published, its encrypted CPR numbers, and how often they or the
rate of hours were replaced are kept: from the document in place, or from the last records of the feeds.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from frikort_contracts.authorities import Facts, Feed
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import ForgetPerson, RepublishStatements
from frikort_contracts.feeds import (
    BenefitYearEnded,
    BenefitYearUpdated,
    CardYearRecord,
    FeedRecord,
    FillFeed,
    TaxYearUpdated,
)
from frikort_contracts.rules.allowances import AllowanceTable
from frikort_contracts.topics import FEED_JOBS

from services.exports.card_feeds.decision import CardChange, YearChange
from services.exports.card_feeds.processor import card_feeds
from services.exports.card_feeds.records import card_record, needs_cpr, year_record
from services.exports.card_feeds.state import CardFeeds, FeedYear
from services.exports.rebuilding.order import years_in_order
from services.runtime.processing.decision import Address, Processor
from services.runtime.processing.entries import EntryMap
from services.runtime.rebuild.verdict import Unexplained, Verdict

LastRecords = Mapping[str, Sequence[FeedRecord]]
"""The records with the highest revision of each key of each feed, by card."""
ReadLast = Callable[[Collection[str]], Awaitable[LastRecords]]
"""Reads the last records of cards from the feeds."""

_CONSUMED = CardChange | YearChange | ForgetPerson
_WITHOUT_FEEDS: Final = card_feeds((), {}, AllowanceTable(years={}))


def _address(message: Envelope[Any]) -> Address | None:
    """Messages by which a card publishes again change nothing that is compared."""
    return Address(message.data.card_id) if isinstance(message.data, _CONSUMED) else None


REPLAYED: Final[Processor[CardFeeds]] = replace(
    _WITHOUT_FEEDS,
    topics=tuple(topic for topic in _WITHOUT_FEEDS.topics if topic != FEED_JOBS),
    address=_address,
    consumes=_CONSUMED,
)
"""The documents that are built beside, by the rule of production without a feed: it emits nothing."""


def compare_card(
    feeds: Sequence[Feed], in_place: CardFeeds | None, rebuilt: CardFeeds | None, last: Sequence[FeedRecord] = ()
) -> Verdict[CardFeeds]:
    """Compare what is kept of a card. ``last`` are its records on the feeds. Raises ``Unexplained``.

    A document that the service has begun again, after it was dropped, knows too little of what was published.
    """
    if rebuilt is None:
        return Verdict(None, is_same=in_place is None)
    if more := sorted(_years_of(in_place, last) - rebuilt.years.keys()):
        raise Unexplained(f"no record on the topics is about its years {more}")
    published = _from_feeds(feeds, rebuilt, last)
    if in_place is None:
        return Verdict(published, is_same=False, must_publish=_differs(feeds, published, last))
    right = _with_kept(published, in_place)
    if _plain(right) == _plain(in_place):
        return Verdict(in_place, is_same=True)
    years = {n: {**published.years[n].published, **year.published} for n, year in right.years.items()}
    return Verdict(_unpublished(right, years), is_same=False, must_publish=True)


def _years_of(in_place: CardFeeds | None, last: Iterable[FeedRecord]) -> set[int]:
    of_records = {record.year for record in last if isinstance(record, CardYearRecord)}
    return of_records if in_place is None else of_records | in_place.years.keys()


def _with_kept(rebuilt: CardFeeds, kept: CardFeeds) -> CardFeeds:
    """What the topics and the feeds say of the card, with what cannot be made again."""
    erased = kept.erased or rebuilt.erased
    cprs = {**rebuilt.cprs, **kept.cprs}
    names = {**rebuilt.editions, **kept.editions}
    return replace(
        rebuilt,
        person=None if erased else rebuilt.person,
        erased=erased,
        cprs=dict.fromkeys(cprs) if erased else cprs,
        asked=kept.asked,
        editions={name: max(rebuilt.editions.get(name, 0), kept.editions.get(name, 0)) for name in names},
        published=kept.published,
        years={
            number: _year(rebuilt.years[number], kept.year(number))
            for number in years_in_order(kept.years, rebuilt.years)
        },
    )


def _year(rebuilt: FeedYear, kept: FeedYear) -> FeedYear:
    lines = rebuilt.payments.lines.arranged_as(kept.payments.lines)
    payments = replace(rebuilt.payments, lines=lines)
    return replace(rebuilt, payments=payments, published=kept.published, rates=kept.rates)


def _unpublished(card: CardFeeds, published: Mapping[int, Mapping[str, int]]) -> CardFeeds:
    """The card as if no authority had its newest records; a year that an authority has can still end."""
    years = {n: replace(year, published=dict.fromkeys(published[n], 0)) for n, year in card.years.items()}
    return replace(card, published=dict.fromkeys(card.published, 0), years=years)


def _plain(card: CardFeeds) -> tuple[Any, ...]:
    """What is compared: the entries of a map are the same wherever and in whichever order they are stored."""
    lines = {number: dict(year.payments.lines.items()) for number, year in card.years.items()}
    years = {
        number: replace(
            year,
            payments=replace(year.payments, lines=EntryMap(str(number)), unknown=tuple(sorted(year.payments.unknown))),
        )
        for number, year in card.years.items()
    }
    return replace(card, years=years), lines


def _from_feeds(feeds: Sequence[Feed], rebuilt: CardFeeds, last: Sequence[FeedRecord]) -> CardFeeds:
    """The card with what its last records say of what was published.

    Each statement is published again without CPR number when the person is erased.
    """
    names = {feed.name: feed for feed in feeds}
    statements = [year.statement for year in rebuilt.years.values() if year.statement is not None]
    erased = rebuilt.erased or any(statement.cpr is None for statement in statements)
    cprs: dict[str, str | None] = {}
    editions: dict[str, int] = {}
    published: dict[str, int] = {}
    of_years: dict[int, dict[str, int]] = {number: {} for number in rebuilt.years}
    rates: dict[int, dict[str, int | None]] = {number: {} for number in rebuilt.years}
    for record in sorted(last, key=lambda record: record.revision):
        feed = names.get(record.authority)
        if feed is None:
            continue
        if not isinstance(record, CardYearRecord):
            published[feed.name] = record.revision
            continue
        if not isinstance(record, BenefitYearEnded):
            of_years[record.year][feed.name] = record.revision
        if isinstance(record, BenefitYearUpdated):
            rates[record.year][feed.name] = record.hourly_rate
        if isinstance(record, TaxYearUpdated | BenefitYearUpdated) and needs_cpr(feed):
            cprs[feed.name] = None if erased else record.cpr
        if feed.facts is not Facts.USE and (edition := record.revision - _base(feed, rebuilt, record.year)) > 0:
            editions[feed.name] = max(edition, editions.get(feed.name, 0))
    years = {n: replace(year, published=of_years[n], rates=rates[n]) for n, year in rebuilt.years.items()}
    return replace(
        rebuilt,
        person=None if erased else rebuilt.person,
        erased=erased,
        cprs=cprs,
        asked=(),
        editions=editions,
        published=published,
        years=years,
    )


def _base(feed: Feed, card: CardFeeds, number: int) -> int:
    """The revision of a year's record before any CPR number was replaced."""
    year = card.year(number)
    statement = 0 if year.statement is None else year.statement.revision
    return statement + (year.payments.revision if feed.facts is Facts.BENEFITS else 0)


def _differs(feeds: Sequence[Feed], card: CardFeeds, last: Sequence[FeedRecord]) -> bool:
    """Whether a feed lacks a record that the card has, or has another one. A rate of hours may have changed since."""
    held = {(record.authority, record.key): _without_hours(record) for record in last}
    records: list[FeedRecord | None] = []
    for feed in feeds:
        records.append(card_record(feed, card))
        records += [year_record(feed, card, number, lambda _: None) for number in card.years]
    return any(held.get((r.authority, r.key)) != _without_hours(r) for r in records if r is not None)


def _without_hours(record: FeedRecord) -> Mapping[str, Any]:
    hours: Any = {"hourly_rate": True, "converted_hours": True, "days": {"__all__": {"converted_hours"}}}
    return {"type": record.type, **record.model_dump(exclude=hours)}


class CardFeedsComparison:
    """The comparison of the documents ``card_feeds``; see ``services.runtime.rebuild.compared``."""

    replayed = REPLAYED

    def __init__(self, feeds: Sequence[Feed], read_last: ReadLast) -> None:
        self.documents = _WITHOUT_FEEDS
        self._feeds = feeds
        self._read_last = read_last
        self._last: LastRecords = {}

    async def prepare(self, wrong: Collection[str]) -> None:
        """Read the last records of these cards."""
        self._last = await self._read_last(wrong)

    def compare(self, document_id: str, in_place: CardFeeds | None, rebuilt: CardFeeds | None) -> Verdict[CardFeeds]:
        """See ``compare_card``."""
        return compare_card(self._feeds, in_place, rebuilt, self._last.get(document_id, ()))

    def messages(self, state: CardFeeds) -> Sequence[RepublishStatements | FillFeed]:
        """The messages by which all records of the card are published again.

        A statement with a new revision leads to a new record of its year in every feed.
        """
        if any(year.statement is not None for year in state.years.values()):
            return [RepublishStatements(card_id=state.card_id)]
        use = (feed for feed in self._feeds if feed.facts is Facts.USE)
        return [FillFeed(card_id=state.card_id, authority=feed.name) for feed in use]
