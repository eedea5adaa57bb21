"""When a card was part of an extract, so that its citizen is told of those that were drawn then. Pure.

An extract of a year holds the cards with earnings in it, those of one municipality if it is limited to one. A million
people may be in it, so its being drawn is recorded once, for the year; and joined when somebody asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from services.gateway.audit.log import Span, of_year, stamp
from services.gateway.projections.cards import CardView
from services.gateway.projections.reports import ReportView


class _While(NamedTuple):
    """From ``since`` until before ``until`` (None: still)."""

    since: datetime
    until: datetime | None


def extracts_with(card: CardView, reports: Iterable[ReportView]) -> list[Span]:
    """The lines about extracts that the card was in: of the whole country, and of the municipality it had then."""
    by_year: dict[int, list[ReportView]] = {}
    for report in reports:
        by_year.setdefault(report.year, []).append(report)
    homes = list(_homes(card))
    spans: list[Span] = []
    for year, of_the_year in sorted(by_year.items()):
        for earning in _earning(of_the_year):
            spans.append(_span(of_year(year, None), earning))
            for municipality, living in homes:
                if (both := _both(earning, living)) is not None:
                    spans.append(_span(of_year(year, municipality), both))
    return spans


def _earning(reports: Sequence[ReportView]) -> Iterator[_While]:
    """While the year's reports come to more than nothing: a year of which all is withdrawn is in no extract."""
    changes: list[tuple[datetime, int]] = []
    for report in reports:
        before = 0
        for entry in report.history:
            now = 0 if entry.booked is None else entry.booked.total
            changes.append((entry.at, now - before))
            before = now
    total, since = 0, None
    for at, change in sorted(changes, key=lambda c: c[0]):
        total += change
        if total > 0 and since is None:
            since = at
        elif total == 0 and since is not None:
            yield _While(since, at)
            since = None
    if since is not None:
        yield _While(since, None)


def _homes(card: CardView) -> Iterator[tuple[str, _While]]:
    """Which municipality was responsible while."""
    moves: list[tuple[str, datetime]] = []
    for entry in card.history:
        if not moves or moves[-1][0] != entry.municipality:
            moves.append((entry.municipality, entry.at))
    ends = [at for _, at in moves[1:]]
    for (municipality, since), until in zip(moves, [*ends, None], strict=True):
        yield municipality, _While(since, until)


def _both(one: _While, other: _While) -> _While | None:
    since = max(one.since, other.since)
    until = min((end for end in (one.until, other.until) if end is not None), default=None)
    return None if until is not None and until <= since else _While(since, until)


def _span(subject: str, while_: _While) -> Span:
    since = stamp(while_.since)
    return Span(subject, since) if while_.until is None else Span(subject, since, stamp(while_.until))
