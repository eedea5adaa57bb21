"""Reminders to employers: a question when reports have stopped, a notice before pay day. Pure.

The *pay interval* of an employment is its usual number of days from one pay day to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import median_high
from typing import Final

from frikort_contracts.values import Period, WorkPeriod

from services.gateway.formats import Language, day, kroner
from services.gateway.known_allowance import STEP
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.reports import ReportView

DEFAULT_INTERVAL: Final = 30  # days
PAY_DAYS_NEEDED: Final = 3  # pay days
GRACE: Final = 7  # days
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Question:
    """Asks whether there was work on these days. ``last_paid`` is the latest pay day."""

    days: WorkPeriod
    last_paid: date | None


@dataclass(frozen=True)
class Notice:
    """Warns that the usual payment may exceed what is left of the card's allowance on the next expected pay day.

    ``remaining``: at least so much is left; ``usual``: the usual payment; both in øre.
    ``provisional``: the allowance is not published yet.
    """

    pay_day: date
    remaining: int
    usual: int
    provisional: bool = False


def question(employment: EmploymentView, card: CardView, reports: Iterable[ReportView], today: date) -> Question | None:
    """The question to ask when the pay interval and ``GRACE`` pass without a report or declared days without work.

    None for an employment that has ended or a card that is not active. It is never about days before last year.
    """
    began = _current_since(employment, card, today)
    if began is None:
        return None
    paid = _paid(reports)
    accounted_until = max([began - _DAY, *paid, *(days.last for days in employment.no_work)])
    if (today - accounted_until).days <= _pay_interval(paid) + GRACE:
        return None
    return Question(WorkPeriod(first=accounted_until + _DAY, last=today - _DAY), max(paid, default=None))


def notice(
    employment: EmploymentView,
    card: CardView,
    reports: Iterable[ReportView],
    left: Mapping[int, int],
    today: date,
    provisional: Collection[int] = (),
) -> Notice | None:
    """The notice to give when the usual payment may exceed what is left of the allowance.

    ``left``: what is known to be left, in øre by year (``known_remaining``).
    ``provisional``: the years whose allowance is not published yet.
    """
    paid = _paid(reports)
    if not paid or _current_since(employment, card, today) is None:
        return None
    pay_day = _next_pay_day(max(paid), _pay_interval(paid), today)
    remaining, usual = left.get(pay_day.year), median_high(paid.values())
    if remaining is None or remaining >= usual:
        return None
    return Notice(pay_day, remaining, usual, pay_day.year in provisional)


def question_text(asked: Question, language: Language) -> str:
    """The question in plain words."""
    danish = language is Language.DANISH
    first, last = day(asked.days.first, language), day(asked.days.last, language)
    if asked.days.first == asked.days.last:
        text = f"Har der været arbejde den {first}?" if danish else f"Was there work on {first}?"
    elif danish:
        text = f"Har der været arbejde fra den {first} til den {last}?"
    else:
        text = f"Was there work from {first} to {last}?"
    if asked.last_paid is None:
        return text
    paid = day(asked.last_paid, language)
    latest = (
        f"Den seneste indberettede løn er betalt den {paid}."
        if danish
        else f"The latest reported wage was paid {paid}."
    )
    return f"{latest} {text}"


def answer_texts(language: Language) -> tuple[str, str]:
    """The two answers to a question: report now, and no work."""
    if language is Language.DANISH:
        return "Ja, indberet lønnen nu.", "Nej, der har ikke været arbejde i perioden."
    return "Yes, report the wage now.", "No, there was no work in this period."


def notice_text(given: Notice, language: Language) -> str:
    """The notice in plain words and in kroner."""
    usual, above = kroner(given.usual, language), kroner(given.usual - given.remaining, language)
    least, pay_day = kroner(given.remaining, language), day(given.pay_day, language)
    if language is Language.DANISH:
        left = f"mindst {least}" if given.remaining else f"under {kroner(STEP, language)}"
        note = f" Beløbsgrænsen for {given.pay_day.year} er foreløbig og kan blive ændret." if given.provisional else ""
        return (
            f"Der er {left} tilbage af årets beløbsgrænse, og I plejer at betale {usual} Betaler I det samme omkring "
            f"den {pay_day}, er op til {above} almindelig løn. Når lønnen er indberettet, står det præcise beløb på "
            f"kvitteringen. Træk AM-bidrag og A-skat af det, og indberet det til eIndkomst.{note}"
        )
    left = f"at least {least}" if given.remaining else f"less than {kroner(STEP, language)}"
    note = f" The allowance of {given.pay_day.year} is provisional and may change." if given.provisional else ""
    return (
        f"There is {left} left of the year's allowance, and you usually pay {usual} If you pay the same around "
        f"{pay_day}, up to {above} of it is ordinary wage. Once the wage is reported, the receipt has the exact "
        f"amount. Deduct labour market contribution and A-tax from it, and report it to eIndkomst.{note}"
    )


def _paid(reports: Iterable[ReportView]) -> Counter[date]:
    """The total of each pay day in øre, without withdrawn reports."""
    paid: Counter[date] = Counter()
    for report in reports:
        if report.booked is not None and not report.withdrawn:
            paid[report.booked.payment_date] += report.booked.total
    return paid


def _pay_interval(paid: Iterable[date]) -> int:
    """The median number of days between pay days, or the default with too few pay days."""
    days = sorted(paid)
    if len(days) < PAY_DAYS_NEEDED:
        return DEFAULT_INTERVAL
    return median_high((after - before).days for before, after in pairwise(days))


def _next_pay_day(last_paid: date, interval: int, today: date) -> date:
    """The first day from today on that is one or more whole intervals after the last pay day."""
    intervals = max(1, -(-(today - last_paid).days // interval))
    return last_paid + intervals * timedelta(days=interval)


def _current_since(employment: EmploymentView, card: CardView, today: date) -> date | None:
    """The first day since which the citizen can work here, last year at the earliest; None if not today."""
    now = Period(first=today, last=today)
    active = next((period for period in card.active_periods if period.covers(now)), None)
    if active is None or not employment.period.covers(now):
        return None
    return max(employment.period.first, active.first, date(today.year - 1, 1, 1))
