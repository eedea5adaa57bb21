"""Which look-ups of caseworkers are unusual. Pure.

A finding is a reason to ask, and no proof: it names the rule, the caseworker's opaque id, and ids of cards. Its id
follows from the rule, the subject and the Danish day, so however often the same entries are evaluated, there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final, Literal
from uuid import UUID, uuid5

from frikort_contracts.http.roles import Role
from frikort_contracts.values import COPENHAGEN, danish_day

from services.gateway.audit.log import NO_MATCH, Access

Rule = Literal["many-people", "own-person", "odd-hours", "many-readers"]

LOOK_UPS: Final = frozenset(
    {
        "search",
        "read-card",
        "read-balance",
        "read-employments",
        "read-reports",
        "read-mandates",
        "read-accesses",
    }
)
"""The actions that look one person up. A list shows many people and is no look-up of each."""
WINDOW: Final = timedelta(hours=1)
"""The time in which the people that one caseworker looks up are counted."""
DAY: Final = timedelta(days=1)
"""The time in which those who look one person up are counted."""
_SATURDAY: Final = 5
_FINDINGS: Final = UUID("0f2c6d1e-94ab-4c0e-b1c4-6b6a2f1f0d11")


@dataclass(frozen=True)
class Limits:
    """What is usual: at most ``people`` in an hour, ``readers`` of one person in a day, and hours from and until."""

    people: int
    readers: int
    hours: tuple[int, int]


@dataclass(frozen=True)
class Finding:
    """Unusual look-ups: ``count`` people or readers or look-ups, from ``first`` to ``last`` (UTC).

    ``organisation`` and ``actor`` are None for many readers of one person, ``subject`` for many people of one reader.
    """

    rule: Rule
    organisation: str | None
    actor: str | None
    subject: str | None
    count: int
    first: datetime
    last: datetime

    @property
    def id(self) -> UUID:
        """The same for the same rule, caseworker, person and Danish day."""
        about = (self.rule, self.organisation, self.actor, self.subject, danish_day(self.first))
        return uuid5(_FINDINGS, "|".join(map(str, about)))


def is_look_up(entry: Access) -> bool:
    """Whether a caseworker looked one person up."""
    return entry.role is Role.CASEWORKER and entry.action in LOOK_UPS and entry.subject != NO_MATCH


def many_people(entries: Iterable[Access], limits: Limits) -> Iterator[Finding]:
    """Caseworkers who looked up more than ``limits.people`` people within an hour; the first time of each day.

    ``entries`` are those of one caseworker.
    """
    for window in _windows(entries, WINDOW, attrgetter("subject")):
        if window.count > limits.people:
            yield Finding(
                "many-people", window.last.organisation, window.last.actor, None, window.count, window.since, window.at
            )


def many_readers(entries: Iterable[Access], limits: Limits) -> Iterator[Finding]:
    """A person whom more than ``limits.readers`` caseworkers looked up within a day; the first time of each day.

    ``entries`` are those about one person.
    """
    for window in _windows(entries, DAY, attrgetter("organisation", "actor")):
        if window.count > limits.readers:
            yield Finding("many-readers", None, None, window.last.subject, window.count, window.since, window.at)


def own_person(entries: Iterable[Access]) -> Iterator[Finding]:
    """Caseworkers who looked themselves up."""
    for entry in entries:
        if entry.own_person:
            yield Finding("own-person", entry.organisation, entry.actor, entry.subject, 1, entry.at, entry.at)


def odd_hours(entries: Iterable[Access], limits: Limits) -> Iterator[Finding]:
    """Caseworkers who looked people up at night or at a weekend; once for each of their days."""
    odd = sorted(filter(lambda entry: _is_odd(entry.at, limits.hours), entries), key=_by_caseworker_and_day)
    for _, group in groupby(odd, key=_by_caseworker_and_day):
        of_the_day = sorted(group, key=attrgetter("order"))
        first, last = of_the_day[0], of_the_day[-1]
        yield Finding("odd-hours", first.organisation, first.actor, None, len(of_the_day), first.at, last.at)


def _is_odd(at: datetime, hours: tuple[int, int]) -> bool:
    local = at.astimezone(COPENHAGEN)
    return local.weekday() >= _SATURDAY or not hours[0] <= local.hour < hours[1]


def _by_caseworker_and_day(entry: Access) -> tuple[str, str, str]:
    return entry.organisation, entry.actor, danish_day(entry.at).isoformat()


@dataclass(frozen=True)
class _Window:
    """The different values of the entries from ``since`` to ``at``, which end with ``last``."""

    count: int
    since: datetime
    at: datetime
    last: Access


def _windows(entries: Iterable[Access], length: timedelta, value: attrgetter[object]) -> Iterator[_Window]:
    """For each entry, the window that ends with it."""
    ordered: Sequence[Access] = sorted(filter(is_look_up, entries), key=attrgetter("order"))
    start = 0
    counts: dict[object, int] = {}
    for entry in ordered:
        counts[value(entry)] = counts.get(value(entry), 0) + 1
        while entry.at - ordered[start].at > length:
            gone = value(ordered[start])
            counts[gone] -= 1
            if not counts[gone]:
                del counts[gone]
            start += 1
        yield _Window(len(counts), ordered[start].at, entry.at, entry)
