"""The times at which a card was part of extracts, so that its citizen sees the extracts of those times. Pure.

An extract of a year contains the cards with earnings in that year, of all municipalities or of one. It may contain a
million persons, so its request has a single entry for the year. The entry is joined with the card when its log is read.
The request of a period has an entry for each of its months, because a card need not be paid in all of them. The first
download has such entries, too, at the time at which the extract was made: a card may have got its earnings, or its
municipality, since the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

from frikort_contracts.statistics import month_of

from services.gateway.audit.log import Span, of_month, of_year
from services.gateway.ordering import stamp
from services.gateway.projections.cards import CardView
from services.gateway.projections.reports import ReportView

_OF_AMOUNTS: Final = frozenset({"reported", "corrected", "withdrawn"})


class _Interval(NamedTuple):
    """From ``since`` until before ``until`` (None: now)."""

    since: datetime
    until: datetime | None


def extracts_with(card: CardView, reports: Iterable[ReportView]) -> list[Span]:
    """The entries of extracts with the card: of the country, of its municipality at the time, and of its employers."""
    by_year: dict[int, list[ReportView]] = {}
    by_month: dict[str, list[ReportView]] = {}
    for report in reports:
        by_year.setdefault(report.year, []).append(report)
        for month in {month_of(entry.booked.payment_date) for entry in report.history if entry.booked is not None}:
            by_month.setdefault(month, []).append(report)
    homes = list(_municipality_intervals(card))
    spans: list[Span] = []
    for year, of_the_year in sorted(by_year.items()):
        spans += _spans(partial(of_year, year), of_the_year, homes)
    for month, of_the_month in sorted(by_month.items()):
        spans += _spans(partial(of_month, month), of_the_month, homes, month)
    return spans


def _spans(
    subject: Callable[[str | None], str],
    reports: Sequence[ReportView],
    homes: Sequence[tuple[str, _Interval]],
    month: str | None = None,
) -> Iterator[Span]:
    for earning in _intervals_with_earnings(reports, month):
        yield _span(subject(None), earning)
        for municipality, residence in homes:
            if (both := _intersection(earning, residence)) is not None:
                yield _span(subject(municipality), both)
    for cvr in sorted({report.cvr for report in reports}):
        own = [report for report in reports if report.cvr == cvr]
        yield from (_span(subject(cvr), reporting) for reporting in _intervals_with_earnings(own, month))


def _intervals_with_earnings(reports: Sequence[ReportView], month: str | None = None) -> Iterator[_Interval]:
    """The intervals in which the reports total more than zero: an extract leaves out a year without earnings.

    With ``month``, only while they are paid in it: a correction can change the payment date.
    """
    changes: list[tuple[datetime, int]] = []
    for report in reports:
        before = 0
        for entry in report.history:
            if entry.event not in _OF_AMOUNTS:  # a dispute changes no amount
                continue
            booked = entry.booked
            is_paid_then = booked is not None and month in (None, month_of(booked.payment_date))
            now = booked.total if booked is not None and is_paid_then else 0
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
