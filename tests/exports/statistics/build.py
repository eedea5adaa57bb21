"""Builders of cards for the statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.exports.statistics.card_history import CardChange, CardHistory, Totals, YearHistory
from services.exports.statistics.cells import MonthCells

MONTH = "2025-03"


def card(
    municipality: str = "101",
    *,
    issued: str = "2025-01-10",
    changes: Iterable[CardChange] = (),
    exempt: Mapping[str, int] | None = None,
    excess: Mapping[str, int] | None = None,
    employers: Iterable[str] = ("10000009",),
    number: int = 0,
) -> CardHistory:
    """A card. ``exempt`` and ``excess`` are the totals of 2025 at the end of each month, in øre."""
    exempt, excess = exempt or {}, excess or {}
    months = {month: Totals(exempt.get(month, 0), excess.get(month, 0)) for month in sorted({*exempt, *excess})}
    first = min(months, default=MONTH)
    return CardHistory(
        card_id=f"card-{number}",
        first_month=issued[:7],
        changes=(CardChange(issued, municipality, True), *changes),
        years={2025: YearHistory(revision=1, months=months, employers=dict.fromkeys(employers, first))}
        if months
        else {},
    )


def cells_of(cards: Iterable[CardHistory], month: str = MONTH) -> MonthCells:
    """The true figures of a month."""
    cells = MonthCells(month)
    for each in cards:
        cells.add(each)
    return cells
