"""The times at which a card was part of extracts, so that its citizen sees the extracts of those times. Pure.

An extract of a year contains the cards with earnings in that year, of all municipalities or of one. It may contain a
million persons, so its request has a single entry for the year. The entry is joined with the card when its log is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from services.gateway.audit.log import Span, of_year
from services.gateway.ordering import stamp
from services.gateway.projections.cards import CardView
from services.gateway.projections.reports import ReportView


class _Interval(NamedTuple):
    """From ``since`` until before ``until`` (None: now)."""

    since: datetime
    until: datetime | None


def extracts_with(card: CardView, reports: Iterable[ReportView]) -> list[Span]:
    """The entries of extracts with the card: of the country, of its municipality at the time, and of its employers."""
    by_year: dict[int, list[ReportView]] = {}
    for report in reports:
        by_year.setdefault(report.year, []).append(report)
    homes = list(_municipality_intervals(card))
    spans: list[Span] = []
    for year, of_the_year in sorted(by_year.items()):
        for earning in _intervals_with_earnings(of_the_year):
            spans.append(_span(of_year(year, None), earning))
            for municipality, residence in homes:
                if (both := _intersection(earning, residence)) is not None:
                    spans.append(_span(of_year(year, municipality), both))
        for cvr in sorted({report.cvr for report in of_the_year}):
            own = [report for report in of_the_year if report.cvr == cvr]
            spans += [_span(of_year(year, cvr), reporting) for reporting in _intervals_with_earnings(own)]
    return spans


def _intervals_with_earnings(reports: Sequence[ReportView]) -> Iterator[_Interval]:
    """The intervals in which the year's reports total more than zero: an extract leaves out a year without earnings."""
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
            yield _Interval(since, at)
            since = None
    if since is not None:
        yield _Interval(since, None)


def _municipality_intervals(card: CardView) -> Iterator[tuple[str, _Interval]]:
    """The responsible municipalities and their intervals."""
    moves: list[tuple[str, datetime]] = []
    for entry in card.history:
        if not moves or moves[-1][0] != entry.municipality:
            moves.append((entry.municipality, entry.at))
    ends = [at for _, at in moves[1:]]
    for (municipality, since), until in zip(moves, [*ends, None], strict=True):
        yield municipality, _Interval(since, until)


def _intersection(one: _Interval, other: _Interval) -> _Interval | None:
    since = max(one.since, other.since)
    until = min((end for end in (one.until, other.until) if end is not None), default=None)
    return None if until is not None and until <= since else _Interval(since, until)


def _span(subject: str, interval: _Interval) -> Span:
    since = stamp(interval.since)
    return Span(subject, since) if interval.until is None else Span(subject, since, stamp(interval.until))
