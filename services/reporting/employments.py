"""Registering and changing employments, and declaring days without work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.outcomes import CommandAccepted, Problem
from frikort_contracts.reporting import (
    ChangeEmployment,
    DeclareNoWork,
    EmploymentChanged,
    EmploymentCommand,
    EmploymentEvent,
    EmploymentRegistered,
    NoWorkDeclared,
    RegisterEmployment,
)
from frikort_contracts.values import Period, WorkPeriod, danish_day

from services.reporting.book import ONE_DAY, Book, Employment, Report
from services.reporting.rules import days_of, refuse


def employment_of(book: Book, command: EmploymentCommand) -> Employment:
    """The employer's own employment. Raises ``Refusal``: another's does not exist for this employer."""
    employment = book.employments.get(command.employment_id)
    if employment is None or employment.cvr != command.cvr:
        raise refuse(Problem.EMPLOYMENT_UNKNOWN)
    return employment


def put_employment(book: Book, employment_id: str, employment: Employment) -> Book:
    """The book with this employment in it."""
    return book.model_copy(update={"employments": {**book.employments, employment_id: employment}})


def put_report(book: Book, employment: Employment, employment_id: str, report_id: str, report: Report) -> Book:
    """The book with this report in its employment."""
    reports = {**employment.reports, report_id: report}
    return put_employment(book, employment_id, employment.model_copy(update={"reports": reports}))


def register(book: Book, message: Envelope[RegisterEmployment]) -> tuple[Book, tuple[Event, ...]]:
    """Register an employment of someone who told their card number and birth date. Raises ``Refusal``."""
    command = message.data
    if (command.number, command.birth_check) != (book.number, book.birth_check):
        # One answer for both, so that neither can be guessed (DOMAIN.md, decision 8).
        raise refuse(Problem.NUMBER_OR_BIRTH_DATE_WRONG)
    if book.cpr_hash in command.owners:
        raise refuse(Problem.OWN_BUSINESS)
    if not any(period.overlaps(command.period) for period in book.active):
        raise refuse(Problem.CARD_NOT_ACTIVE, first_day_not_active=command.period.first.isoformat())
    _refuse_overlap(book, command.cvr, command.period, except_for=None)
    employment_id = str(uuid5(message.id, "employment"))
    employment = Employment(
        cvr=command.cvr,
        revision=1,
        period=command.period,
        contact=command.contact,
        card_number=command.number,
        label=command.label,
    )
    return _told(EmploymentRegistered, book, message, employment_id, employment)


def change(book: Book, message: Envelope[ChangeEmployment]) -> tuple[Book, tuple[Event, ...]]:
    """Replace period, contact and label; what was reported must still lie inside. Raises ``Refusal``."""
    command = message.data
    employment = employment_of(book, command)
    for report in employment.reports.values():
        if not report.withdrawn and not command.period.covers(report.work.as_period()):
            raise refuse(
                Problem.EMPLOYMENT_HAS_REPORTS_OUTSIDE,
                reference=report.reference,
                work_first=report.work.first.isoformat(),
                work_last=report.work.last.isoformat(),
            )
    _refuse_overlap(book, command.cvr, command.period, except_for=command.employment_id)
    changed = employment.model_copy(
        update={
            "revision": employment.revision + 1,
            "period": command.period,
            "contact": command.contact or employment.contact,
            "label": command.label or employment.label,
        }
    )
    return _told(EmploymentChanged, book, message, command.employment_id, changed)


def declare_no_work(book: Book, message: Envelope[DeclareNoWork]) -> tuple[Book, tuple[Event, ...]]:
    """Declare days without work, up to today. A later report of the same days is welcome. Raises ``Refusal``."""
    command = message.data
    employment = employment_of(book, command)
    if not employment.period.covers(command.days.as_period()):
        raise refuse(Problem.NO_WORK_OUTSIDE_EMPLOYMENT, **days_of(employment))
    if command.days.last > (today := danish_day(message.time)):
        raise refuse(Problem.NO_WORK_IN_FUTURE, today=today.isoformat())
    declared = employment.model_copy(
        update={"revision": employment.revision + 1, "no_work": joined((*employment.no_work, command.days))}
    )
    return _told(NoWorkDeclared, book, message, command.employment_id, declared, days=command.days)


def joined(periods: Iterable[WorkPeriod]) -> tuple[WorkPeriod, ...]:
    """The same days in order, each in one period, and no two periods that touch."""
    found: list[WorkPeriod] = []
    for period in sorted(periods, key=lambda p: p.first):
        if found and period.first <= found[-1].last + ONE_DAY:
            found[-1] = WorkPeriod(first=found[-1].first, last=max(found[-1].last, period.last))
        else:
            found.append(period)
    return tuple(found)


def _refuse_overlap(book: Book, cvr: str, period: Period, *, except_for: str | None) -> None:
    for employment_id, other in book.employments.items():
        if other.cvr == cvr and employment_id != except_for and other.period.overlaps(period):
            raise refuse(Problem.EMPLOYMENT_EXISTS, employment_id=employment_id)


def _told(
    kind: type[EmploymentEvent],
    book: Book,
    message: Envelope[Any],
    employment_id: str,
    employment: Employment,
    **facts: Any,
) -> tuple[Book, tuple[Event, ...]]:
    event = kind(
        card_id=book.card_id,
        employment_id=employment_id,
        revision=employment.revision,
        cvr=employment.cvr,
        period=employment.period,
        contact=employment.contact,
        card_number=employment.card_number,
        label=employment.label,
        no_work=employment.no_work,
        **facts,
    )
    outcome = CommandAccepted(
        command_id=str(message.id), card_id=book.card_id, employment_id=employment_id, revision=employment.revision
    )
    return put_employment(book, employment_id, employment), (event, outcome)
