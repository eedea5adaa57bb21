"""The ledger of one card and year. Pure arithmetic in whole øre.

Whose money is exempt first is the order in which reports were accepted: an employer who reported first has already
acted on the answer (DOMAIN.md, decision 3). A corrected report keeps its place.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, Field

from contracts.allowances import split
from contracts.balance import Threshold
from contracts.values import Ore, Revision, Year

NEAR_PERCENT = 80


class Entry(BaseModel):
    """One report and its split; a withdrawn report stays, with nothing in it."""

    employment_id: str
    cvr: str
    revision: Revision
    total: Ore
    exempt: Ore = 0
    excess: Ore = 0


class Ledger(BaseModel):
    """Everything reported on one card for one year. ``entries`` are by report id, in the order of acceptance."""

    card_id: str
    year: Year
    revision: int = 0
    allowance: Ore = 0
    provisional: bool = False
    entries: dict[str, Entry] = Field(default_factory=dict)
    warned: tuple[Threshold, ...] = ()


class Totals(NamedTuple):
    """A year's sums, in øre."""

    reported: int
    exempt: int
    excess: int
    remaining: int


def totals(ledger: Ledger) -> Totals:
    """The sums of the ledger's entries, and what is left of the allowance."""
    exempt = excess = 0
    for entry in ledger.entries.values():
        exempt += entry.exempt
        excess += entry.excess
    return Totals(exempt + excess, exempt, excess, ledger.allowance - exempt)


def settle(ledger: Ledger) -> tuple[Ledger, tuple[str, ...]]:
    """Divide the allowance over the entries in their order.

    Returns the settled ledger and the ids of the reports whose split changed, in order.
    """
    remaining = ledger.allowance
    changed: dict[str, Entry] = {}
    for report_id, entry in ledger.entries.items():
        if entry.total <= remaining:
            exempt, excess = entry.total, 0
        else:
            exempt, excess = split(entry.total, remaining)
        remaining -= exempt
        if exempt != entry.exempt or excess != entry.excess:
            changed[report_id] = entry.model_copy(update={"exempt": exempt, "excess": excess})
    return ledger.model_copy(update={"entries": ledger.entries | changed}), tuple(changed)


def thresholds_crossed(ledger: Ledger) -> tuple[Threshold, ...]:
    """The warnings that are true of the ledger: 80 % used, all used, the first øre above."""
    if ledger.allowance == 0:
        # Only a withdrawal has come, of a report that lies among the dead letters: nothing is known yet.
        return ()
    reported = totals(ledger).reported
    if reported > ledger.allowance:
        return Threshold.NEAR, Threshold.REACHED, Threshold.EXCEEDED
    if reported == ledger.allowance:
        return Threshold.NEAR, Threshold.REACHED
    return (Threshold.NEAR,) if 100 * reported >= NEAR_PERCENT * ledger.allowance else ()
