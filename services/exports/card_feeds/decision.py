"""The records that the feeds get after each message about a card. Pure.

The statement of a year is that of the tax agency's first feed, so that feeds, extracts and reconciliations agree on
amounts and revisions. The payment dates are those of the reports themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from frikort_contracts.authorities import Facts, Feed
from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.extracts import EncryptCprAgain, ForgetPerson, TaxStatementUpdated
from frikort_contracts.feeds import BenefitYearUpdated, EncryptCprFor, FeedRecord, FillFeed
from frikort_contracts.issuance import CardDeactivated, CardHandedOver, CardIssued, CardReactivated
from frikort_contracts.messages import Event
from frikort_contracts.reporting import EarningsCorrected, EarningsReported, EarningsWithdrawn

from services.exports.card_feeds.records import HourlyRate, card_record, ended, needs_cpr, year_record
from services.exports.card_feeds.state import CardFeeds
from services.runtime.processing.decision import Decision


@dataclass(frozen=True, slots=True)
class CprFor:
    """The CPR number was encrypted for ``authority``; None if the person was erased.

    It stands for ``EncryptCprFor`` in decisions: the processor encrypts before it decides (decision 0021).
    """

    card_id: str
    authority: str
    cpr: str | None


CardChange = CardIssued | CardDeactivated | CardReactivated | CardHandedOver
YearChange = (
    TaxStatementUpdated | ReportSettled | BalanceChanged | EarningsReported | EarningsCorrected | EarningsWithdrawn
)
Request = FillFeed | CprFor | ForgetPerson | EncryptCprAgain


def entry_keys(state: CardFeeds, event: object) -> Mapping[str, Collection[str]]:
    """The reports that the decision on a message needs, by year."""
    if isinstance(event, ReportSettled | EarningsReported | EarningsCorrected | EarningsWithdrawn):
        return {state.year(event.year).payments.lines.name: (event.report_id,)}
    return {}


def decide_feeds(
    feeds: Sequence[Feed], rate: HourlyRate, state: CardFeeds | None, event: CardChange | YearChange | Request
) -> Decision[CardFeeds]:
    """Apply one event, and emit the records that it changes."""
    before = state or CardFeeds(card_id=event.card_id)
    match event:
        case CardIssued() | CardDeactivated() | CardReactivated() | CardHandedOver():
            card, numbers = _card_changed(before, event), tuple(before.years)
        case FillFeed() | CprFor() | ForgetPerson() | EncryptCprAgain():
            return _answer(feeds, rate, before, event) if state is not None else Decision(state)
        case _:
            card, numbers = _year_changed(before, event), (event.year,)
    if card is before:
        return Decision(state)
    return _publish(feeds, rate, card, numbers)


def _card_changed(card: CardFeeds, event: CardChange) -> CardFeeds:
    if event.revision <= card.card_revision:
        return card
    after = replace(card, card_revision=event.revision, municipality=event.municipality)
    match event:
        case CardIssued():
            person = None if card.erased else event.person
            return replace(after, person=person, active=True, since=event.active_from.isoformat())
        case CardReactivated():
            return replace(after, active=True, since=event.active_from.isoformat())
        case CardDeactivated():
            return replace(after, active=False, since=(event.last_active_day + timedelta(days=1)).isoformat())
        case CardHandedOver():
            return after


def _year_changed(card: CardFeeds, event: YearChange) -> CardFeeds:
    year = card.year(event.year)
    match event:
        case TaxStatementUpdated():
            if year.statement is not None and year.statement.revision >= event.revision:
                return card
            return card.with_year(event.year, replace(year, statement=event))
        case ReportSettled():
            payments = year.payments.report_settled(event)
        case BalanceChanged():
            payments = year.payments.balance_changed(event)
        case EarningsReported() | EarningsCorrected() | EarningsWithdrawn():
            payments = year.payments.report_dated(event)
    return card if payments is year.payments else card.with_year(event.year, replace(year, payments=payments))


def _answer(feeds: Sequence[Feed], rate: HourlyRate, card: CardFeeds, event: Request) -> Decision[CardFeeds]:
    match event:
        case FillFeed():
            if event.encrypt_again and card.cprs.get(event.authority) is not None:
                return Decision(card, _encryptions(card, (event.authority,)))
            return _publish(feeds, rate, _unpublished(card, event.authority, event.years), card.years)
        case EncryptCprAgain():
            # The tax agency's own number is part of its statements.
            held = sorted(name for name, cpr in card.cprs.items() if cpr is not None)
            return Decision(card, _encryptions(card, held))
        case ForgetPerson():
            if card.erased:
                return Decision(card)
            forgotten = replace(card, person=None, erased=True, cprs=dict.fromkeys(card.cprs))
            return _publish(feeds, rate, _new_editions(forgotten, card.cprs), card.years)
        case CprFor():
            cpr = None if card.erased else event.cpr
            after = _new_editions(card, {event.authority} & card.cprs.keys())
            asked = tuple(name for name in card.asked if name != event.authority)
            return _publish(
                feeds, rate, replace(after, cprs={**card.cprs, event.authority: cpr}, asked=asked), card.years
            )


def _encryptions(card: CardFeeds, authorities: Iterable[str]) -> tuple[Event, ...]:
    """The commands to this processor itself. They are stored and published as events are."""
    if card.person is None:
        return ()
    commands = (EncryptCprFor(card_id=card.card_id, authority=name, person=card.person) for name in authorities)
    return cast("tuple[Event, ...]", tuple(commands))


def _new_editions(card: CardFeeds, authorities: Iterable[str]) -> CardFeeds:
    editions = {name: card.editions.get(name, 0) + 1 for name in authorities}
    return replace(card, editions={**card.editions, **editions})


def _unpublished(card: CardFeeds, authority: str, held: Collection[int]) -> CardFeeds:
    """The card as if ``authority`` had no record of it; a year that it has, or that is in ``held``, can still end."""

    def without(published: Mapping[str, int]) -> dict[str, int]:
        return {name: 0 if name == authority else revision for name, revision in published.items()}

    years = {number: replace(year, published=without(year.published)) for number, year in card.years.items()}
    years |= {n: replace(years[n], published={**years[n].published, authority: 0}) for n in held if n in years}
    return replace(card, published=without(card.published), years=years)


def _publish(feeds: Sequence[Feed], rate: HourlyRate, card: CardFeeds, numbers: Iterable[int]) -> Decision[CardFeeds]:
    """Emit the records that are newer than those of each authority; ask for the CPR numbers that are missing."""
    events: list[Event] = []
    feeds = _concerned(feeds, card)
    for feed in feeds:
        record = card_record(feed, card)
        if record is not None and record.revision > card.published.get(feed.name, 0):
            card = replace(card, published={**card.published, feed.name: record.revision})
            events.append(record)
        for number in sorted(numbers):
            card, record = _publish_year(feed, rate, card, number)
            events += [] if record is None else [record]
    missing = [feed.name for feed in feeds if _lacks_cpr(feed, card)]
    if missing and (asked := _encryptions(card, missing)):
        card = replace(card, asked=(*card.asked, *missing))
        events += asked
    return Decision(card, tuple(events))


def _concerned(feeds: Sequence[Feed], card: CardFeeds) -> list[Feed]:
    """The feeds that can have a record of the card: of a hundred municipalities, those that are or were responsible."""
    municipalities = {year.statement.municipality for year in card.years.values() if year.statement is not None}
    names = {name for year in card.years.values() for name in year.published}
    return [
        feed
        for feed in feeds
        if feed.facts is not Facts.BENEFITS or feed.municipality in municipalities or feed.name in names
    ]


def _publish_year(feed: Feed, rate: HourlyRate, card: CardFeeds, number: int) -> tuple[CardFeeds, FeedRecord | None]:
    year = card.year(number)
    if (end := ended(feed, card, number)) is not None:
        published = {name: revision for name, revision in year.published.items() if name != feed.name}
        rates = {name: known for name, known in year.rates.items() if name != feed.name}
        return card.with_year(number, replace(year, published=published, rates=rates)), end
    record = year_record(feed, card, number, rate)
    if isinstance(record, BenefitYearUpdated):
        hourly_rate = record.hourly_rate
        if year.rates.get(feed.name, hourly_rate) != hourly_rate:
            # The statement is the same, but the hours are not: a later revision.
            card = _new_editions(card, (feed.name,))
            record = year_record(feed, card, number, rate)
        year = replace(year, rates={**year.rates, feed.name: hourly_rate})
    if record is None or record.revision <= year.published.get(feed.name, 0):
        return card, None
    published = {**year.published, feed.name: record.revision}
    return card.with_year(number, replace(year, published=published)), record


def _lacks_cpr(feed: Feed, card: CardFeeds) -> bool:
    """Whether a year waits for the CPR number of this feed."""
    if not needs_cpr(feed) or feed.name in card.cprs or feed.name in card.asked:
        return False
    stated = [year.statement for year in card.years.values() if year.statement is not None]
    return any(feed.facts is Facts.TAX or statement.municipality == feed.municipality for statement in stated)
