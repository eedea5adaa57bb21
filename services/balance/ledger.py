"""The ledger of one card and year. Pure arithmetic in whole øre.

Whose money is exempt first is the order in which reports were accepted: an employer who reported first has already
acted on the answer (DOMAIN.md, decision 3). A corrected report keeps its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from frikort_contracts.balance import Threshold
from frikort_contracts.rules.allowances import split
from frikort_contracts.values import Ore, Year
from pydantic import BaseModel, model_validator
from pydantic_core import from_json, to_json

NEAR_PERCENT = 80


class Entry(NamedTuple):
    """One report and its split, in øre; a withdrawn report stays, with nothing in it."""

    report_id: str
    employment_id: str
    cvr: str
    revision: int
    total: int
    exempt: int = 0
    excess: int = 0


class Ledger(BaseModel):
    """Everything reported on one card for one year, in øre.

    ``entries`` is text (JSON Lines, each after its line break): an ``Entry`` a line, in the order of acceptance. Nearly
    every report is only added at the end, which needs nothing of the others but their sums.
    """

    card_id: str
    year: Year
    revision: int = 0
    allowance: Ore = 0
    provisional: bool = False
    exempt: Ore = 0
    excess: Ore = 0
    warned: tuple[Threshold, ...] = ()
    entries: str = ""

    @property
    def reported(self) -> int:
        """All that was reported."""
        return self.exempt + self.excess

    @property
    def remaining(self) -> int:
        """What is left of the allowance."""
        return self.allowance - self.exempt

    @model_validator(mode="before")
    @classmethod
    def _as_stored_before(cls, stored: Any) -> Any:
        """Releases before 2026-11-23 stored a document for each report, by its id, and no sums."""
        if not isinstance(stored, dict) or not isinstance(earlier := stored.get("entries"), dict):
            return stored
        entries = [Entry(report_id, **entry) for report_id, entry in earlier.items()]
        return stored | _books(entries)


def entries_of(ledger: Ledger) -> list[Entry]:
    """The reports, in the order in which they were accepted."""
    return [Entry(*from_json(line)) for line in ledger.entries.split("\n")[1:]]


def entry_of(ledger: Ledger, report_id: str) -> Entry | None:
    """The report, if it is entered."""
    start = ledger.entries.find(f"\n[{to_json(report_id).decode()},")
    if start < 0:
        return None
    return Entry(*from_json(ledger.entries[start + 1 :].partition("\n")[0]))


def enter(
    ledger: Ledger, entry: Entry, *, known: bool, allowance: int, provisional: bool
) -> tuple[Ledger, Sequence[Entry]]:
    """Enter a report at the end, or, if it is ``known``, in the place that it has, and divide the allowance over all.

    Returns the ledger, and the entries that were settled: the report's own, then in their order those others whose
    split is another now.
    """
    if not known and (allowance == ledger.allowance or not ledger.entries):
        # What was accepted before it stays as it is, and what that leaves is for the newest.
        exempt, excess = split(entry.total, allowance - ledger.exempt)
        newest = entry._replace(exempt=exempt, excess=excess)
        books: dict[str, Any] = {
            "exempt": ledger.exempt + exempt,
            "excess": ledger.excess + excess,
            "entries": ledger.entries + _line(newest),
        }
        settled: Sequence[Entry] = (newest,)
    else:
        before = entries_of(ledger)
        after = settle(_with(before, entry), allowance)
        books = _books(after)
        own = [one for one in after if one.report_id == entry.report_id]
        as_before = {*before, *own}
        settled = [*own, *(one for one in after if one not in as_before)]
    entered = Ledger(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision + 1,
        allowance=allowance,
        provisional=provisional,
        warned=ledger.warned,
        **books,
    )
    return entered, settled


def settle(entries: Iterable[Entry], allowance: int) -> list[Entry]:
    """Divide the allowance over the entries in their order."""
    settled = []
    for entry in entries:
        exempt, excess = split(entry.total, allowance)
        allowance -= exempt
        settled.append(entry._replace(exempt=exempt, excess=excess))
    return settled


def thresholds_crossed(ledger: Ledger) -> tuple[Threshold, ...]:
    """The warnings that are true of the ledger: 80 % used, all used, the first øre above."""
    allowance, reported = ledger.allowance, ledger.reported
    if allowance == 0:
        # Only a withdrawal has come, of a report that lies among the dead letters: nothing is known yet.
        return ()
    if reported > allowance:
        return Threshold.NEAR, Threshold.REACHED, Threshold.EXCEEDED
    if reported == allowance:
        return Threshold.NEAR, Threshold.REACHED
    return (Threshold.NEAR,) if 100 * reported >= NEAR_PERCENT * allowance else ()


def _with(entries: Iterable[Entry], entry: Entry) -> Iterable[Entry]:
    """The entries with this one in its place, or at the end."""
    return {one.report_id: one for one in (*entries, entry)}.values()


def _books(entries: Sequence[Entry]) -> dict[str, Any]:
    return {
        "exempt": sum(entry.exempt for entry in entries),
        "excess": sum(entry.excess for entry in entries),
        "entries": "".join(map(_line, entries)),
    }


def _line(entry: Entry) -> str:
    return "\n" + to_json(tuple(entry)).decode()  # a named one takes three times as long
