"""The rules that a report must keep: one function for each, in the order in which they are checked.

Sources: lov om socialt frikort § 1 (who earns what, and how much of it is exempt) and § 6 (cards and reporting);
``docs/decisions/0009-rules-decided-here.md`` where the law is silent.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import CorrectReport, ReportEarnings
from frikort_contracts.rules.allowances import Allowance, Allowances
from frikort_contracts.values import Components, Period, WorkPeriod

from services.reporting.card_state import CardState, Employment, first_day_not_covered
from services.reporting.look_alikes import LookAlike, find_look_alikes

DUPLICATE_PAYMENT_DAYS: Final = timedelta(days=3)
LARGEST_REPORT: Final = 100_000_000  # øre: more than 1,000,000 kr. in one report is a typing error
MOST_A_YEAR: Final = 10_000  # reports and corrections: daily wages of forty employers
MOST_A_CARD: Final = 15_000  # the document of a card then has less than 11 MB; MongoDB stores 16
USUAL_MOST: Final = 10_000_000  # øre: more than 100,000 kr., twice a year's allowance, probably is one


class Refusal(Exception):
    """A command is refused; ``detail`` holds the facts of the problem by name."""

    def __init__(self, problem: Problem, **detail: str | int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True)
class Rules:
    """The amounts of every year, whether reports in a provisional year are accepted, and the limits of a card."""

    allowances: Allowances
    provisional_accepted: bool
    most_a_year: int = MOST_A_YEAR
    most_a_card: int = MOST_A_CARD

    def check(
        self, state: CardState, employment: Employment, command: ReportEarnings | CorrectReport, today: date
    ) -> Allowance:
        """Check a new or corrected report; return its year's allowance. Raises ``Refusal`` for the first problem."""
        check_amount(command.components, allow_large=command.allow_large_amount)
        check_payment_date(command.payment_date, command.work, today)
        check_work_in_employment(command.work, employment)
        check_card_active(command.work, state.card.active)
        self.check_open(command.payment_date.year)
        allowance = self.allowance_of(command.payment_date.year, today)
        self.check_room(state, command.payment_date.year)
        return allowance

    def check_room(self, state: CardState, year: int) -> None:
        """A card has a limited number of reports and corrections, in each payment year and in all. Raises ``Refusal``.

        Decision 0030: a document holds them, so without a limit one card could slow down or stop its partition.
        """
        if state.accepted.get(year, 0) >= self.most_a_year:
            raise Refusal(Problem.TOO_MANY_REPORTS, most=self.most_a_year, year=year)
        if sum(state.accepted.values()) >= self.most_a_card:
            raise Refusal(Problem.TOO_MANY_REPORTS, most=self.most_a_card)

    def check_open(self, year: int) -> None:
        """The reports of a closed year do not change (decision 0027). Raises ``Refusal``."""
        if year in self.allowances.closed:
            raise Refusal(Problem.YEAR_CLOSED, year=year)

    def allowance_of(self, year: int, today: date) -> Allowance:
        """The allowance of a payment year in force today (§ 1; bekendtgørelse om socialt frikort § 1).

        A year without an entry in the table is refused, never estimated. Raises ``Refusal``.
        """
        allowance = self.allowances.in_force(year, today)
        if allowance is None:
            raise Refusal(Problem.YEAR_WITHOUT_ALLOWANCE, year=year)
        if allowance.provisional and not self.provisional_accepted:
            raise Refusal(Problem.YEAR_PROVISIONAL, year=year)
        return allowance


def check_not_own_business(cpr_hash: str, owners: Collection[str]) -> None:
    """The work is for another employer, never in the citizen's own business (§ 1). Raises ``Refusal``."""
    if cpr_hash in owners:
        raise Refusal(Problem.OWN_BUSINESS)


def check_amount(components: Components, *, allow_large: bool) -> None:
    """A report has an amount, of at most 1,000,000 kr. (decision 0009); above 100,000 kr. only if it is confirmed.

    Raises ``Refusal``.
    """
    total = components.total
    if total == 0:
        raise Refusal(Problem.AMOUNT_ZERO)
    if total > LARGEST_REPORT:
        raise Refusal(Problem.AMOUNT_TOO_LARGE, total=total, largest=LARGEST_REPORT)
    if total > USUAL_MOST and not allow_large:
        raise Refusal(Problem.AMOUNT_UNUSUAL, total=total, usual_most=USUAL_MOST)


def check_payment_date(payment_date: date, work: WorkPeriod, today: date) -> None:
    """Earnings are reported once they are paid, and paid no earlier than the work began (decision 0009).

    Raises ``Refusal``.
    """
    if payment_date > today:
        raise Refusal(Problem.PAYMENT_IN_FUTURE, payment_date=payment_date.isoformat())
    if payment_date < work.first:
        raise Refusal(Problem.PAYMENT_BEFORE_WORK, work_first=work.first.isoformat())


def check_work_in_employment(work: WorkPeriod, employment: Employment) -> None:
    """The employer reports work in a registered employment (§ 6). Raises ``Refusal``."""
    if not employment.period.covers(work):
        raise Refusal(Problem.WORK_OUTSIDE_EMPLOYMENT, **employment_days(employment))


def check_card_active(work: WorkPeriod, active: tuple[Period, ...]) -> None:
    """Every day of work is a day on which the card is active (§ 6). Raises ``Refusal``."""
    inactive = first_day_not_covered(work, active)
    if inactive is not None:
        raise Refusal(Problem.CARD_NOT_ACTIVE, first_day_not_active=inactive.isoformat())


def employment_days(employment: Employment) -> dict[str, str | int]:
    """The first and, if it has one, the last day of an employment, as facts of a refusal."""
    days: dict[str, str | int] = {"employment_first": employment.period.first.isoformat()}
    if employment.period.last is not None:
        days["employment_last"] = employment.period.last.isoformat()
    return days


def find_possible_duplicate(state: CardState, command: ReportEarnings) -> LookAlike | None:
    """The first earlier report of the employment that may be of the same payment; None if there is none.

    Decision 0009: the totals are equal, the work periods have a day in common, and the payment dates are at most three
    days apart. Wages by the day or the week have no day of work in common, and those by the week, fortnight or month
    have payment dates further apart, so they are no possible duplicates of each other. Where so many totals are equal
    that not all are listed, the report may repeat one of the others; the first that is listed stands for them.
    """
    found = find_look_alikes(state.look_alikes, command, DUPLICATE_PAYMENT_DAYS)
    for report in found.listed:
        is_near = abs(report.payment_date - command.payment_date) <= DUPLICATE_PAYMENT_DAYS
        if is_near and report.work.as_period().overlaps(command.work.as_period()):
            return report
    return found.listed[0] if found.listed and found.unlisted else None
