"""The reconciliation of the feeds: each authority gets the records of a card's year what the journal says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from frikort_contracts.authorities import FEEDS, Facts, Feed
from frikort_contracts.feeds import BenefitYearEnded, BenefitYearUpdated, CardUseUpdated, CardYearRecord, TaxYearUpdated
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from tests.agency import cpr_of
from tests.chaos.journal import Card
from tests.chaos.reference_model import YEAR, Split

Newest = Mapping[tuple[str, str, int], CardYearRecord]
"""The record with the highest revision by authority, card and year."""


def differences(card: Card, total: Split, newest: Newest, keys: Mapping[str, ECKey]) -> Iterator[tuple[bool, str]]:
    """What is wrong, and whether it is lost. ``keys`` are the private keys of the authorities that have one."""
    for feed in FEEDS:
        found = newest.get((feed.name, card.id, YEAR))
        is_for_it = feed.facts is not Facts.BENEFITS or feed.municipality == card.municipality
        if isinstance(found, TaxYearUpdated | BenefitYearUpdated | CardUseUpdated):
            if not is_for_it:
                yield False, f"card {card.id}: {feed.topic} was not sent the end"
            elif _amounts(found) != (total.exempt, total.excess, card.municipality):
                yield False, f"card {card.id}: {feed.topic} says {_amounts(found)}"
            yield from _days(card, feed, found)
            yield from _number(card, feed, found, keys.get(feed.name))
        elif is_for_it and total != Split(0, 0):
            yield (
                True,
                f"card {card.id}: {feed.topic} has {'an end' if isinstance(found, BenefitYearEnded) else 'nothing'}",
            )


def _amounts(record: TaxYearUpdated | BenefitYearUpdated | CardUseUpdated) -> tuple[int, int, str]:
    return record.exempt, record.excess, record.municipality


def _days(card: Card, feed: Feed, record: CardYearRecord) -> Iterator[tuple[bool, str]]:
    if isinstance(record, BenefitYearUpdated):
        sums = sum(day.exempt for day in record.days), sum(day.excess for day in record.days)
        if sums != (record.exempt, record.excess):
            yield False, f"card {card.id}: the days of {feed.topic} do not add up"


def _number(card: Card, feed: Feed, record: CardYearRecord, key: ECKey | None) -> Iterator[tuple[bool, str]]:
    if key is None or not isinstance(record, TaxYearUpdated | BenefitYearUpdated):
        return
    try:
        number = cpr_of(record.cpr, key, card.id)
    except (AssertionError, JoseError):
        number = None
    if number != card.cpr:
        yield False, f"card {card.id}: {feed.topic} has no number that its authority can read"
