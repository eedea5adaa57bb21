"""Finds the earlier reports that a new one may repeat, at the same cost however many reports a card has.

Reports of one employment with the same total and payment dates in the same seven days share an entry of an
``EntryMap``. A report and its possible duplicate are in one entry or in two that are adjacent.

An entry lists the first ``MOST_LISTED`` of them. An entry beside it has the number of the others, whose days of work
are not known: any of them may be of the same payment as a new report.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, Protocol

from frikort_contracts.values import Components, WorkPeriod

from services.runtime.processing.entries import EntryMap

MOST_LISTED: Final = 100
"""The payments of a quarter by the day, made at once."""

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


class LookAlikes(NamedTuple):
    """``listed`` are in the order of acceptance. ``unlisted`` is the number of those whose content is not known."""

    listed: list[LookAlike]
    unlisted: int


def keys_near(content: Content, days: timedelta) -> list[str]:
    """The keys of all that is stored of reports whose payment dates are at most ``days`` apart from this one."""
    keys = _weeks_near(content, days)
    return [*keys, *map(_key_of_unlisted, keys)]


def find_look_alikes(entries: EntryMap, content: Content, days: timedelta) -> LookAlikes:
    """The reports under these keys; none of them is withdrawn."""
    keys = _weeks_near(content, days)
    listed = [_read(stored) for key in keys for stored in entries.get(key) or ()]
    return LookAlikes(sorted(listed), sum(entries.get(_key_of_unlisted(key)) or 0 for key in keys))


def changed_look_alikes(
    entries: EntryMap, report_id: str, before: PlacedContent | None, after: PlacedContent
) -> Mapping[str, Any]:
    """The entries that change with a report."""
    changed: dict[str, Any] = {}

    def current(key: str) -> Any:
        return changed[key] if key in changed else entries.get(key)

    if before is not None:
        key = _week_of(before)
        listed = current(key) or ()
        others = [stored for stored in listed if stored[1] != report_id]
        if len(others) < len(listed):
            changed[key] = others
        else:
            changed[_key_of_unlisted(key)] = max(0, (current(_key_of_unlisted(key)) or 0) - 1)
    if not after.withdrawn:
        key = _week_of(after)
        listed = current(key) or ()
        if len(listed) < MOST_LISTED:
            changed[key] = [*listed, _stored(report_id, after)]
        else:
            changed[_key_of_unlisted(key)] = (current(_key_of_unlisted(key)) or 0) + 1
    return changed


def _weeks_near(content: Content, days: timedelta) -> list[str]:
    first, last = content.payment_date - days, content.payment_date + days
    return [
        f"{content.employment_id}:{content.components.total}:{week}"
        for week in range(first.toordinal() // _DAYS, last.toordinal() // _DAYS + 1)
    ]


def _week_of(content: Content) -> str:
    (key,) = _weeks_near(content, timedelta())
    return key


def _key_of_unlisted(key: str) -> str:
    return f"{key}:unlisted"


def _stored(report_id: str, report: PlacedContent) -> list[Any]:
    days = (report.payment_date, report.work.first, report.work.last)
    # The reference was in the third place when all were in the clear; the release before reads it there.
    return [report.place, report_id, report.reference or "", *(day.isoformat() for day in days)]


def _read(stored: Any) -> LookAlike:
    place, report_id, _, *days = stored
    payment_date, first, last = map(date.fromisoformat, days)
    return LookAlike(place, report_id, payment_date, WorkPeriod(first=first, last=last))
