"""The records of a card and its years in the feed of each authority. No other module decides on them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from frikort_contracts.authorities import Facts, Feed
from frikort_contracts.extracts import TaxStatementUpdated
from frikort_contracts.feeds import (
    BenefitYearEnded,
    BenefitYearUpdated,
    CardStateUpdated,
    CardUseUpdated,
    CardYearRecord,
    FeedRecord,
    PaymentDay,
    TaxYearUpdated,
)
from frikort_contracts.rules.hours import converted_hours

from services.exports.card_feeds.payment_days import DaySums
from services.exports.card_feeds.state import CardFeeds, FeedYear

HourlyRate = Callable[[int], int | None]
"""The øre that count as an hour in a year; None if the year has no rate."""

OWN_CPR = "skat"
"""The authority whose statements have the CPR number already, encrypted with its key."""


def needs_cpr(feed: Feed) -> bool:
    """Whether the CPR number must be encrypted for this feed's records."""
    return feed.cpr and feed.name != OWN_CPR


def card_record(feed: Feed, card: CardFeeds) -> FeedRecord | None:
    """The record of the card itself in ``feed``; None if the feed has none."""
    if feed.facts is not Facts.USE or card.municipality is None:
        return None
    return CardStateUpdated(
        authority=feed.name,
        card_id=card.card_id,
        revision=card.card_revision,
        municipality=card.municipality,
        active=card.active,
        since=date.fromisoformat(card.since),
    )


def year_record(feed: Feed, card: CardFeeds, number: int, rate: HourlyRate) -> CardYearRecord | None:
    """The record of a year in ``feed``; None if the feed has none, or not yet.

    Its revision follows from what it says, not from how often it was published, so a database that was restored comes
    to the same ones again.
    """
    year = card.year(number)
    statement = year.statement
    if statement is None or (needs_cpr(feed) and feed.name not in card.cprs and not card.erased):
        return None
    edition = card.editions.get(feed.name, 0)
    match feed.facts:
        case Facts.TAX:
            cpr = statement.cpr if feed.name == OWN_CPR else card.cprs.get(feed.name)
            return _tax_year(feed, statement, cpr if feed.cpr else None, statement.revision + edition)
        case Facts.USE:
            return _use(feed, statement)
        case Facts.BENEFITS:
            return _benefits(feed, card, year, statement, rate)


def ended(feed: Feed, card: CardFeeds, number: int) -> BenefitYearEnded | None:
    """The end of a year in ``feed`` for which another municipality is responsible now; None if it has not ended."""
    year = card.year(number)
    if feed.facts is not Facts.BENEFITS or year.statement is None or feed.name not in year.published:
        return None
    if feed.municipality == year.statement.municipality:
        return None
    return BenefitYearEnded(
        authority=feed.name,
        card_id=card.card_id,
        revision=_benefit_revision(feed, card, year, year.statement),
        year=number,
    )


def _benefit_revision(feed: Feed, card: CardFeeds, year: FeedYear, statement: TaxStatementUpdated) -> int:
    return statement.revision + year.payments.revision + card.editions.get(feed.name, 0)


def _benefits(
    feed: Feed, card: CardFeeds, year: FeedYear, statement: TaxStatementUpdated, rate: HourlyRate
) -> BenefitYearUpdated | None:
    """None also while the statement names another municipality than the card, or the days are not complete."""
    if statement.municipality != feed.municipality or card.municipality != feed.municipality:
        return None
    if not year.payments.add_up_to(statement.exempt, statement.excess):
        return None
    hourly_rate = rate(statement.year)
    return BenefitYearUpdated(
        authority=feed.name,
        card_id=card.card_id,
        revision=_benefit_revision(feed, card, year, statement),
        year=statement.year,
        municipality=statement.municipality,
        provisional=statement.provisional,
        allowance=statement.allowance,
        reported=statement.reported,
        exempt=statement.exempt,
        excess=statement.excess,
        hourly_rate=hourly_rate,
        converted_hours=_hours(statement.exempt, hourly_rate),
        disputed=statement.disputed,
        cpr=card.cprs.get(feed.name),
        days=tuple(_days(year.payments.days, hourly_rate)),
    )


def _days(days: Mapping[str, DaySums], hourly_rate: int | None) -> Iterable[PaymentDay]:
    for day, sums in sorted(days.items()):
        yield PaymentDay(
            payment_date=date.fromisoformat(day),
            reports=sums.reports,
            exempt=sums.exempt,
            excess=sums.excess,
            converted_hours=_hours(sums.exempt, hourly_rate),
        )


def _hours(exempt: int, hourly_rate: int | None) -> int | None:
    return converted_hours(exempt, hourly_rate) if hourly_rate else None


def _tax_year(feed: Feed, statement: TaxStatementUpdated, cpr: str | None, revision: int) -> TaxYearUpdated:
    return TaxYearUpdated(
        authority=feed.name,
        card_id=statement.card_id,
        revision=revision,
        year=statement.year,
        municipality=statement.municipality,
        provisional=statement.provisional,
        allowance=statement.allowance,
        reported=statement.reported,
        exempt=statement.exempt,
        excess=statement.excess,
        reports=statement.reports,
        disputed=statement.disputed,
        cpr=cpr,
        employers=statement.employers,
        disputed_employers=statement.disputed_employers,
    )


def _use(feed: Feed, statement: TaxStatementUpdated) -> CardUseUpdated:
    return CardUseUpdated(
        authority=feed.name,
        card_id=statement.card_id,
        revision=statement.revision,
        year=statement.year,
        municipality=statement.municipality,
        provisional=statement.provisional,
        allowance=statement.allowance,
        reported=statement.reported,
        exempt=statement.exempt,
        excess=statement.excess,
        reports=statement.reports,
        employers=len(statement.employers),
        disputed=statement.disputed,
    )
