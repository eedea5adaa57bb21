"""The ledger of one card and year: which earnings are exempt. Pure arithmetic in whole øre.

The allowance covers reports in the order in which they were accepted, because an employer who reported first has
already acted on the answer (decision 0009). A corrected report keeps its place in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from frikort_contracts.balance import Threshold
from frikort_contracts.rules.allowances import split
from frikort_contracts.values import LARGEST_ORE
from pydantic_core import from_json, to_json

from services.balance.warnings import thresholds_crossed
from services.runtime.processing.entries import EntryMap

MOST_INSIDE: Final = 32
"""The reports in the text of a ledger; the document of a usual year has all of its reports."""
MORE: Final = "more"
_NO_MORE: Final = EntryMap(MORE)


class LedgerEntry(NamedTuple):
    """One report and its split, in øre. A withdrawn report keeps its entry, with amounts of zero."""

    report_id: str
    employment_id: str
    cvr: str
    revision: int
    total: int
    exempt: int = 0
    excess: int = 0


class Ledger(NamedTuple):
    """All reports of one card in one year, and their sums in øre.

    The amounts of the year are those in force at the first report, until ``settle_year`` replaces them. Before that
    report ``allowance_version`` is empty and the allowance is 0.

    ``entries`` are the first reports, as JSON Lines, each line after its line break: one ``LedgerEntry`` a line, in the
    order of acceptance. ``more`` has the later ones by report id: the place in that order, and the entry. Most reports
    are appended, which needs only the sums of the earlier ones.
    """

    card_id: str
    year: int
    revision: int = 0
    allowance: int = 0
    provisional: bool = False
    allowance_version: str = ""
    exempt: int = 0
    excess: int = 0
    warned: tuple[Threshold, ...] = ()
    entries: str = ""
    more: EntryMap = _NO_MORE

    def to_stored(self) -> dict[str, Any]:
        """See ``PlainState``."""
        stored = dict(zip(self._fields, self, strict=True))
        stored["more"] = self.more.to_stored() if self.more.outside else None
        return stored

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """See ``PlainState``. A field that only a later release knows is ignored."""
        known = stored if stored.keys() <= _FIELDS else {name: stored[name] for name in _FIELDS & stored.keys()}
        more = _NO_MORE if known["more"] is None else EntryMap.from_stored(known["more"])
        return cls(**{**known, "warned": tuple(map(Threshold, known["warned"])), "more": more})

    @property
    def reported(self) -> int:
        """The sum of all reports."""
        return self.exempt + self.excess

    @property
    def remaining(self) -> int:
        """The part of the allowance that no report has used."""
        return self.allowance - self.exempt


_FIELDS: Final = frozenset(Ledger._fields)


class Posting(NamedTuple):
    """The ledger after a change, and the entries whose split was set or changed by it.

    A posted report's own entry is the first; the others follow in the order of acceptance.
    """

    ledger: Ledger
    settled: Sequence[LedgerEntry]


def read_entries(ledger: Ledger) -> list[LedgerEntry]:
    """All entries, in the order in which the reports were accepted. Raises ``EntriesNotLoaded``."""
    more = sorted(value for _, value in ledger.more.items())
    return [
        *(LedgerEntry(*from_json(line)) for line in ledger.entries.split("\n")[1:]),
        *(LedgerEntry(*entry) for _, *entry in more),
    ]


def find_entry(ledger: Ledger, report_id: str) -> LedgerEntry | None:
    """The entry of a report, or None if the report was never posted. Raises ``EntriesNotLoaded``."""
    start = ledger.entries.find(f"\n[{to_json(report_id).decode()},")
    if start < 0:
        stored = ledger.more.get(report_id)
        return None if stored is None else LedgerEntry(*stored[1:])
    return LedgerEntry(*from_json(ledger.entries[start + 1 :].partition("\n")[0]))


def post_report(ledger: Ledger, entry: LedgerEntry, *, is_new: bool) -> Posting:
    """Post a report and allocate the allowance. A new report is appended; any other replaces its entry in place."""
    if is_new:
        return _append(ledger, entry)
    before = read_entries(ledger)
    after = allocate(replace_or_append(before, entry), ledger.allowance)
    own = [each for each in after if each.report_id == entry.report_id]
    unchanged = {*before, *own}
    return Posting(_with_entries(ledger, after), [*own, *(each for each in after if each not in unchanged)])


def with_amounts(ledger: Ledger, *, allowance: int, provisional: bool, allowance_version: str) -> Ledger:
    """The ledger with these amounts of the year, before they divide anything."""
    return ledger._replace(allowance=allowance, provisional=provisional, allowance_version=allowance_version)


def settle_year(ledger: Ledger, *, allowance: int, provisional: bool, allowance_version: str) -> Posting:
    """Allocate another allowance (øre) to all reports, in the order of acceptance."""
    before = read_entries(ledger)
    after = allocate(before, allowance)
    changed = with_amounts(ledger, allowance=allowance, provisional=provisional, allowance_version=allowance_version)
    unchanged = set(before)
    return Posting(_with_entries(changed, after), [each for each in after if each not in unchanged])


def allocate(entries: Iterable[LedgerEntry], allowance: int) -> list[LedgerEntry]:
    """Allocate the allowance (øre) to the entries in their order."""
    allocated = []
    for entry in entries:
        exempt, excess = split(entry.total, allowance)
        allowance -= exempt
        allocated.append(entry._replace(exempt=exempt, excess=excess))
    return allocated


def replace_or_append(entries: Iterable[LedgerEntry], entry: LedgerEntry) -> Iterable[LedgerEntry]:
    """The entries with ``entry`` in place of the same report's, or at the end if the report is new."""
    return {each.report_id: each for each in (*entries, entry)}.values()


def _append(ledger: Ledger, entry: LedgerEntry) -> Posting:
    """Append a report. No earlier entry changes, so none is read."""
    exempt, excess = split(entry.total, ledger.remaining)
    newest = LedgerEntry(entry.report_id, entry.employment_id, entry.cvr, entry.revision, entry.total, exempt, excess)
    entries, more = ledger.entries, ledger.more
    if (place := entries.count("\n")) < MOST_INSIDE:
        entries += _line(newest)
    else:
        more = more.with_entries({newest.report_id: [place + more.outside, *newest]}, most_inside=0)
    return Posting(
        _next(ledger, exempt=ledger.exempt + exempt, excess=ledger.excess + excess, entries=entries, more=more),
        (newest,),
    )


def _with_entries(ledger: Ledger, entries: Sequence[LedgerEntry]) -> Ledger:
    inside = ledger.entries.count("\n") if ledger.more.outside else MOST_INSIDE
    later = {each.report_id: [place, *each] for place, each in enumerate(entries[inside:], inside)}
    changed = {report_id: value for report_id, value in later.items() if ledger.more.get(report_id) != value}
    return _next(
        ledger,
        exempt=sum(each.exempt for each in entries),
        excess=sum(each.excess for each in entries),
        entries="".join(map(_line, entries[:inside])),
        more=ledger.more.with_entries(changed, most_inside=0) if changed else ledger.more,
    )


def _next(ledger: Ledger, *, exempt: int, excess: int, entries: str, more: EntryMap) -> Ledger:
    if exempt + excess > LARGEST_ORE:
        raise ValueError("the sum of the reports is larger than an amount may be")
    return Ledger(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision + 1,
        allowance=ledger.allowance,
        provisional=ledger.provisional,
        allowance_version=ledger.allowance_version,
        exempt=exempt,
        excess=excess,
        warned=thresholds_crossed(allowance=ledger.allowance, reported=exempt + excess),
        entries=entries,
        more=more,
    )


def _line(entry: LedgerEntry) -> str:
    return "\n" + to_json(tuple(entry)).decode()  # a plain tuple is serialised three times as fast
