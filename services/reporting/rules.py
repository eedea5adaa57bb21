"""The rules that a report must keep, as one function that reads like them.

Sources: lov om socialt frikort § 1 and § 6; DOMAIN.md, "Decisions where the sources are silent".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import CorrectReport, ReportEarnings
from frikort_contracts.rules.allowances import Allowance, AllowanceTable

from services.reporting.book import Book, Employment, Report, first_day_not_covered

LARGEST_REPORT: Final = 100_000_000  # øre: 1,000,000 kr. in one report is a slip of the keyboard


class Refusal(Exception):
    """Why a command is refused, with the facts by name."""

    def __init__(self, problem: Problem, detail: dict[str, str | int]) -> None:
        super().__init__(problem)
        self.problem = problem
        self.detail = detail


def refuse(problem: Problem, **detail: str | int) -> Refusal:
    return Refusal(problem, detail)


@dataclass(frozen=True)
class Rules:
    """The yearly amounts, and whether a provisional year is accepted here."""

    allowances: AllowanceTable
    provisional_accepted: bool

    def allowance_of(self, year: int) -> Allowance:
        """The year's amounts. Raises ``Refusal``; a year without an entry is never guessed."""
        allowance = self.allowances.get(year)
        if allowance is None:
            raise refuse(Problem.YEAR_WITHOUT_ALLOWANCE, year=year)
        if allowance.provisional and not self.provisional_accepted:
            raise refuse(Problem.YEAR_PROVISIONAL, year=year)
        return allowance

    def check(
        self, book: Book, employment: Employment, command: ReportEarnings | CorrectReport, today: date
    ) -> Allowance:
        """The allowance that applies to a report which keeps every rule. Raises ``Refusal`` with the first broken."""
        total = command.components.total
        if total == 0:
            raise refuse(Problem.AMOUNT_ZERO)
        if total > LARGEST_REPORT:
            raise refuse(Problem.AMOUNT_TOO_LARGE, total=total, largest=LARGEST_REPORT)
        if command.payment_date > today:
            raise refuse(Problem.PAYMENT_IN_FUTURE, payment_date=command.payment_date.isoformat())
        if command.payment_date < command.work.first:
            raise refuse(Problem.PAYMENT_BEFORE_WORK, work_first=command.work.first.isoformat())
        if not employment.period.covers(command.work.as_period()):
            raise refuse(Problem.WORK_OUTSIDE_EMPLOYMENT, **days_of(employment))
        not_active = first_day_not_covered(command.work, book.active)
        if not_active is not None:
            raise refuse(Problem.CARD_NOT_ACTIVE, first_day_not_active=not_active.isoformat())
        return self.allowance_of(command.payment_date.year)


def days_of(employment: Employment) -> dict[str, str]:
    """The first and, if it has one, the last day of an employment, as facts of a refusal."""
    days = {"employment_first": employment.period.first.isoformat()}
    if employment.period.last is not None:
        days["employment_last"] = employment.period.last.isoformat()
    return days


def looks_like(command: ReportEarnings, employment: Employment) -> tuple[str, Report] | None:
    """An earlier report that ``command`` seems to repeat: same payment date and components, other reference."""
    for report_id, report in employment.reports.items():
        if (
            not report.withdrawn
            and report.payment_date == command.payment_date
            and report.components == command.components
        ):
            return report_id, report
    return None
