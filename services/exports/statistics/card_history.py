"""What the statistics need of a card: where it was, whether it was active, and what was reported in each month.

The state holds no person and no report. It grows with the changes of the card, the months with earnings and the
employers, and not with the reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, NamedTuple

from frikort_contracts.balance import BalanceChanged, ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import CardDeactivated, CardHandedOver, CardIssued, CardReactivated
from frikort_contracts.statistics import month_of
from frikort_contracts.topics import BALANCES, CARDS
from frikort_contracts.values import danish_day
from pydantic import BaseModel, ConfigDict

from services.runtime.processing.projection import Projection

_CARD_EVENTS = CardIssued | CardDeactivated | CardReactivated | CardHandedOver
_CONSUMED = _CARD_EVENTS | ReportSettled | BalanceChanged


class CardChange(NamedTuple):
    """From the day ``day`` (ISO) on, the card belongs to ``municipality`` and is active or not."""

    day: str
    municipality: str
    active: bool


class Totals(NamedTuple):
    """The totals of a year in øre, after the last change in a month."""

    exempt: int = 0
    excess: int = 0

    @property
    def reported(self) -> int:
        """All earnings."""
        return self.exempt + self.excess


@dataclass(frozen=True, slots=True)
class YearHistory:
    """A payment year of a card: its totals by the month of the change, and each employer's first month."""

    revision: int = 0
    months: Mapping[str, Totals] = field(default_factory=dict)
    employers: Mapping[str, str] = field(default_factory=dict)

    def totals(self, month: str) -> Totals:
        """The totals at the end of ``month``."""
        latest = max((known for known in self.months if known <= month), default=None)
        return Totals() if latest is None else self.months[latest]

    def employers_until(self, month: str) -> set[str]:
        """The employers until the end of ``month``."""
        return {cvr for cvr, first in self.employers.items() if first <= month}


class CardHistory(BaseModel):
    """One card. ``first_month`` is the month of its issue; null while only earnings are known."""

    model_config = ConfigDict(frozen=True)

    card_id: str
    card_revision: int = 0
    first_month: str | None = None
    changes: tuple[CardChange, ...] = ()
    years: dict[int, YearHistory] = {}

    def at_end_of(self, month: str) -> CardChange | None:
        """The card's place and state at the end of ``month``; None before its issue."""
        return next((change for change in reversed(self.changes) if change.day[: len(month)] <= month), None)


def project(card: CardHistory | None, message: Envelope[Any]) -> CardHistory:
    """The card after one event. An older or repeated one changes nothing."""
    event, day = message.data, danish_day(message.time)
    card = card or CardHistory(card_id=event.card_id)
    match event:
        case ReportSettled():
            return _with_employer(card, event, month_of(day))
        case BalanceChanged():
            return _with_totals(card, event, month_of(day))
        case _:
            return _with_change(card, event, day)


def _with_change(card: CardHistory, event: _CARD_EVENTS, day: date) -> CardHistory:
    if event.revision <= card.card_revision:
        return card
    was_active = card.changes[-1].active if card.changes else True
    active = isinstance(event, CardIssued | CardReactivated) or (isinstance(event, CardHandedOver) and was_active)
    # A clock that was set back must not change a month that has passed.
    at = max(day.isoformat(), card.changes[-1].day if card.changes else "")
    return CardHistory(
        card_id=card.card_id,
        card_revision=event.revision,
        first_month=card.first_month or at[:7],
        changes=(*card.changes, CardChange(at, event.municipality, active)),
        years=card.years,
    )


def _with_totals(card: CardHistory, event: BalanceChanged, month: str) -> CardHistory:
    year = card.years.get(event.year, YearHistory())
    if event.revision <= year.revision:
        return card
    at = max(month, *year.months) if year.months else month
    months = {**year.months, at: Totals(event.exempt, event.excess)}
    return _with_year(card, event.year, replace(year, revision=event.revision, months=months))


def _with_employer(card: CardHistory, event: ReportSettled, month: str) -> CardHistory:
    """An employer counts from its first settled report on, also if that is withdrawn later."""
    year = card.years.get(event.year, YearHistory())
    if event.total == 0 or year.employers.get(event.cvr, "9") <= month:
        return card
    return _with_year(card, event.year, replace(year, employers={**year.employers, event.cvr: month}))


def _with_year(card: CardHistory, number: int, year: YearHistory) -> CardHistory:
    return CardHistory(
        card_id=card.card_id,
        card_revision=card.card_revision,
        first_month=card.first_month,
        changes=card.changes,
        years={**card.years, number: year},
    )


def _document_id(message: Envelope[Any]) -> str | None:
    return message.data.card_id if isinstance(message.data, _CONSUMED) else None


CARD_HISTORIES: Final = Projection(
    name="card_histories",
    topics=(CARDS, BALANCES),
    state=CardHistory,
    document_id=_document_id,
    project=project,
    consumes=_CONSUMED,
    indexes=("first_month",),
)
