"""Finds the earlier reports that a new one may repeat, at the same cost however many reports a card has.

Reports of one employment with the same total and payment dates in the same seven days share an entry of an
``EntryMap``. A report and its possible duplicate are in one entry or in two that are adjacent.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, Protocol

from frikort_contracts.values import Components, WorkPeriod

from services.runtime.processing.entries import EntryMap

_DAYS: Final = 7


class Content(Protocol):
    """What is compared: of a stored report, or of the command for a new one."""

    @property
    def employment_id(self) -> str: ...

    @property
    def payment_date(self) -> date: ...

    @property
    def work(self) -> WorkPeriod: ...

    @property
    def components(self) -> Components: ...


class PlacedContent(Content, Protocol):
    """The content of a stored report."""

    @property
    def place(self) -> int: ...

    @property
    def reference(self) -> str | None: ...

    @property
    def withdrawn(self) -> bool: ...


class LookAlike(NamedTuple):
    """A report with the same employment and total. ``place`` is that in the order of acceptance."""

    place: int
    report_id: str
    payment_date: date
    work: WorkPeriod


def keys_near(content: Content, days: timedelta) -> list[str]:
    """The keys of the entries with the reports whose payment dates are at most ``days`` apart from this one."""
    first, last = content.payment_date - days, content.payment_date + days
    return [
        f"{content.employment_id}:{content.components.total}:{week}"
        for week in range(first.toordinal() // _DAYS, last.toordinal() // _DAYS + 1)
    ]


def find_look_alikes(entries: EntryMap, content: Content, days: timedelta) -> list[LookAlike]:
    """The reports under these keys, in the order of acceptance; none of them is withdrawn."""
    found = [_read(stored) for key in keys_near(content, days) for stored in entries.get(key) or ()]
    return sorted(found)


def changed_look_alikes(
    entries: EntryMap, report_id: str, before: PlacedContent | None, after: PlacedContent
) -> Mapping[str, Any]:
    """The entries that change with a report."""
    changed: dict[str, Collection[Any]] = {}
    if before is not None:
        (key,) = keys_near(before, timedelta())
        changed[key] = [stored for stored in entries.get(key) or () if stored[1] != report_id]
    if not after.withdrawn:
        (key,) = keys_near(after, timedelta())
        earlier = changed[key] if key in changed else entries.get(key) or ()
        changed[key] = [*earlier, _stored(report_id, after)]
    return changed


def _stored(report_id: str, report: PlacedContent) -> list[Any]:
    days = (report.payment_date, report.work.first, report.work.last)
    # The reference was in the third place when all were in the clear; the release before reads it there.
    return [report.place, report_id, report.reference or "", *(day.isoformat() for day in days)]


def _read(stored: Any) -> LookAlike:
    place, report_id, _, *days = stored
    payment_date, first, last = map(date.fromisoformat, days)
    return LookAlike(place, report_id, payment_date, WorkPeriod(first=first, last=last))
