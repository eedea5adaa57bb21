"""Reminders to employers: a question when reports have stopped, a notice before pay day. Pure.

An employment's *rhythm* is its usual number of days from one pay day to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median_high
from typing import Final

from frikort_contracts.values import Period, WorkPeriod

from services.gateway.formats import Language, day, kroner
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.reports import ReportView

MONTH: Final = 30  # days: the rhythm until it is known
KNOWN_FROM: Final = 3  # pay days
GRACE: Final = 7  # days
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Question:
    """Was there work on these days? ``last_paid`` is the latest pay day, if there was one."""

    days: WorkPeriod
    last_paid: date | None


@dataclass(frozen=True)
class Notice:
    """On the next expected pay day less will be left of the card's allowance than is usually paid, in øre."""

    pay_day: date
    remaining: int
    usual: int


def question(employment: EmploymentView, card: CardView, reports: Iterable[ReportView], today: date) -> Question | None:
    """Asked when nothing was said for longer than the rhythm and a few days more: by a report, or by days without work.

    Nothing is asked of an employment that is over, while the card is not active, or about days before last year.
    """
    began = _current_since(employment, card, today)
    if began is None:
        return None
    paid = _paid(reports)
    said = [began - _DAY, *paid, *(days.last for days in employment.no_work)]
    silent_since = max(said)
    if (today - silent_since).days <= _rhythm(paid) + GRACE:
        return None
    return Question(WorkPeriod(first=silent_since + _DAY, last=today - _DAY), max(paid, default=None))


def notice(
    employment: EmploymentView,
    card: CardView,
    reports: Iterable[ReportView],
    left: Mapping[int, int],
    today: date,
) -> Notice | None:
    """Given when the usual payment would go above the allowance. ``left`` is what remains of it by year, in øre."""
    paid = _paid(reports)
    if not paid or _current_since(employment, card, today) is None:
        return None
    pay_day = _next_pay_day(max(paid), _rhythm(paid), today)
    remaining, usual = left.get(pay_day.year), median_high(paid.values())
    return Notice(pay_day, remaining, usual) if remaining is not None and remaining < usual else None


def question_text(asked: Question, language: Language) -> str:
    """The question in plain words."""
    danish = language is Language.DANISH
    first, last = day(asked.days.first, language), day(asked.days.last, language)
    text = (
        f"Har der været arbejde fra den {first} til den {last}?"
        if danish
        else f"Was there work from {first} to {last}?"
    )
    if asked.last_paid is None:
        return text
    paid = day(asked.last_paid, language)
    known = (
        f"Den seneste indberettede løn er betalt den {paid}."
        if danish
        else f"The latest reported wage was paid {paid}."
    )
    return f"{known} {text}"


def answer_texts(language: Language) -> tuple[str, str]:
    """The two answers to a question: report now, and no work."""
    if language is Language.DANISH:
        return "Ja, indberet lønnen nu.", "Nej, der har ikke været arbejde i perioden."
    return "Yes, report the wage now.", "No, there was no work in this period."


def notice_text(given: Notice, language: Language) -> str:
    """The notice in plain words and in kroner."""
    left, usual = kroner(given.remaining, language), kroner(given.usual, language)
    above, pay_day = kroner(given.usual - given.remaining, language), day(given.pay_day, language)
    if language is Language.DANISH:
        return (
            f"Der er {left} tilbage af årets beløbsgrænse, og I plejer at betale {usual} Betaler I det samme omkring "
            f"den {pay_day}, skal {above} udbetales som almindelig løn og indberettes til eIndkomst som A-indkomst med "
            "skat."
        )
    return (
        f"There is {left} left of the year's allowance, and you usually pay {usual} If you pay the same around "
        f"{pay_day}, pay {above} of it as ordinary wage, and report that to eIndkomst as A-income with tax."
    )


def _paid(reports: Iterable[ReportView]) -> Counter[date]:
    """What was paid in all on each pay day, by the reports that count, in øre."""
    paid: Counter[date] = Counter()
    for report in reports:
        if report.booked is not None and not report.withdrawn:
            paid[report.booked.payment_date] += report.booked.total
    return paid


def _rhythm(paid: Iterable[date]) -> int:
    """The median of the days between pay days; a month until there are three."""
    days = sorted(paid)
    if len(days) < KNOWN_FROM:
        return MONTH
    return median_high((after - before).days for before, after in pairwise(days))


def _next_pay_day(last_paid: date, rhythm: int, today: date) -> date:
    """The first day from today on that is a whole number of rhythms after the last pay day, at least one."""
    rhythms = max(1, -(-(today - last_paid).days // rhythm))
    return last_paid + rhythms * timedelta(days=rhythm)


def _current_since(employment: EmploymentView, card: CardView, today: date) -> date | None:
    """From when on, last year at the earliest, the citizen could work here until today; None if not today."""
    now = Period(first=today, last=today)
    active = next((period for period in card.active_periods if period.covers(now)), None)
    if active is None or not employment.period.covers(now):
        return None
    return max(employment.period.first, active.first, date(today.year - 1, 1, 1))
