"""Registering and changing employments."""

from __future__ import annotations

from uuid import uuid5

from contracts.cloudevents import Envelope
from contracts.messages import Event
from contracts.outcomes import CommandAccepted, Problem
from contracts.reporting import (
    ChangeEmployment,
    EmploymentChanged,
    EmploymentCommand,
    EmploymentEvent,
    EmploymentRegistered,
    RegisterEmployment,
)
from contracts.values import Period
from services.reporting.book import Book, Employment
from services.reporting.rules import refuse


def employment_of(book: Book, command: EmploymentCommand) -> Employment:
    """The employer's own employment. Raises ``Refusal``: another's does not exist for this employer."""
    employment = book.employments.get(command.employment_id)
    if employment is None or employment.cvr != command.cvr:
        raise refuse(Problem.EMPLOYMENT_UNKNOWN)
    return employment


def put_employment(book: Book, employment_id: str, employment: Employment) -> Book:
    """The book with this employment in it."""
    return book.model_copy(update={"employments": {**book.employments, employment_id: employment}})


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
    employment = Employment(cvr=command.cvr, revision=1, period=command.period, contact=command.contact)
    return _told(EmploymentRegistered, book, message, employment_id, employment)


def change(book: Book, message: Envelope[ChangeEmployment]) -> tuple[Book, tuple[Event, ...]]:
    """Replace period and contact; what was reported must still lie inside. Raises ``Refusal``."""
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
        }
    )
    return _told(EmploymentChanged, book, message, command.employment_id, changed)


def _refuse_overlap(book: Book, cvr: str, period: Period, *, except_for: str | None) -> None:
    for employment_id, other in book.employments.items():
        if other.cvr == cvr and employment_id != except_for and other.period.overlaps(period):
            raise refuse(Problem.EMPLOYMENT_EXISTS, employment_id=employment_id)


def _told(
    kind: type[EmploymentEvent],
    book: Book,
    message: Envelope[RegisterEmployment] | Envelope[ChangeEmployment],
    employment_id: str,
    employment: Employment,
) -> tuple[Book, tuple[Event, ...]]:
    event = kind(
        card_id=book.card_id,
        employment_id=employment_id,
        revision=employment.revision,
        cvr=employment.cvr,
        period=employment.period,
        contact=employment.contact,
    )
    outcome = CommandAccepted(
        command_id=str(message.id), card_id=book.card_id, employment_id=employment_id, revision=employment.revision
    )
    return put_employment(book, employment_id, employment), (event, outcome)
