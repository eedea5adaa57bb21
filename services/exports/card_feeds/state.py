"""What exports keeps of a card for the feeds: its person, its state, its years, and what is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from frikort_contracts.extracts import TaxStatementUpdated
from frikort_contracts.values import EncryptedPerson
from pydantic import TypeAdapter

from services.exports.card_feeds.payment_days import PaymentDays
from services.runtime.processing.entries import EntryMap


@dataclass(frozen=True, slots=True)
class FeedYear:
    """A calendar year of a card: its latest statement, its payment dates.

    ``published`` is the revision of the latest record of each authority that has one and not its end. ``rates`` are the
    hourly rates of these records, where they have one or none; an earlier release did not keep them.
    """

    payments: PaymentDays
    statement: TaxStatementUpdated | None = None
    published: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CardFeeds:
    """One card. ``since`` is the first day (ISO) of its state.

    ``cprs`` has the CPR number encrypted for each authority that needs it; None if the person was erased. ``asked`` are
    the authorities for which it is being encrypted. ``editions`` counts for each authority how often its CPR number or
    its hourly rate was replaced. ``published`` is the revision of the card's state that each authority has.
    """

    card_id: str
    card_revision: int = 0
    municipality: str | None = None
    active: bool = True
    since: str = ""
    person: EncryptedPerson | None = None
    erased: bool = False
    cprs: Mapping[str, str | None] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    editions: Mapping[str, int] = field(default_factory=dict)
    published: Mapping[str, int] = field(default_factory=dict)
    years: Mapping[int, FeedYear] = field(default_factory=dict)

    def year(self, number: int) -> FeedYear:
        """The calendar year ``number``; empty if nothing is known of it."""
        return self.years.get(number) or FeedYear(PaymentDays(EntryMap(str(number))))

    def with_year(self, number: int, year: FeedYear) -> CardFeeds:
        """The card with this year."""
        return replace(self, years={**self.years, number: year})

    def to_stored(self) -> dict[str, Any]:
        """The stored form."""
        stored: dict[str, Any] = _STORED.dump_python(self, mode="json")
        return stored

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> CardFeeds:
        """The state of a stored form."""
        return _STORED.validate_python(stored)


_STORED: Final = TypeAdapter(CardFeeds)
