"""Registers and changes employments, and declares days without work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
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
    EmploymentRegistered,
    NoWorkDeclared,
    RegisterEmployment,
)
from frikort_contracts.values import Period, WorkPeriod, danish_day

from services.reporting.card_state import ONE_DAY, CardState, Employment
from services.reporting.rules import Refusal, check_not_own_business, employment_days
from services.runtime.processing.decision import Decision


def find_employment(state: CardState, command: EmploymentCommand) -> Employment:
    """The employer's own employment. Raises ``Refusal``; an employment of another employer counts as unknown."""
    employment = state.employments.get(command.employment_id)
    if employment is None or employment.cvr != command.cvr:
        raise Refusal(Problem.EMPLOYMENT_UNKNOWN)
    return employment


def register_employment(state: CardState, message: Envelope[RegisterEmployment]) -> Decision[CardState]:
    """Register an employment of a citizen who gave their card number and birth date. Raises ``Refusal``."""
    command = message.data
    if (command.number, command.birth_check) != (state.card.number, state.card.birth_check):
        # One problem for both, so that neither can be guessed (decision 0009).
        raise Refusal(Problem.NUMBER_OR_BIRTH_DATE_WRONG)
    check_not_own_business(state.card.cpr_hash, command.owners)
    if not any(period.overlaps(command.period) for period in state.card.active):
        raise Refusal(Problem.CARD_NOT_ACTIVE, first_day_not_active=command.period.first.isoformat())
    check_no_overlap(state, command.cvr, command.period, except_id=None)
    employment_id = str(uuid5(message.id, "employment"))
    employment = Employment(
        cvr=command.cvr,
        revision=1,
        period=command.period,
        contact=command.contact,
        card_number=command.number,
        label=command.label,
    )
    event = _employment_event(EmploymentRegistered, state, employment_id, employment)
    return _accepted(state, message, employment_id, employment, event)


def change_employment(state: CardState, message: Envelope[ChangeEmployment]) -> Decision[CardState]:
    """Replace period, contact and label. Reported work must stay inside the period. Raises ``Refusal``."""
    command = message.data
    employment = find_employment(state, command)
    check_reports_inside(state, command.employment_id, employment.period, command.period)
    check_no_overlap(state, command.cvr, command.period, except_id=command.employment_id)
    changed = replace(
        employment,
        revision=employment.revision + 1,
        period=command.period,
        contact=command.contact or employment.contact,
        label=command.label or employment.label,
    )
    event = _employment_event(EmploymentChanged, state, command.employment_id, changed)
    return _accepted(state, message, command.employment_id, changed, event)


def declare_no_work(state: CardState, message: Envelope[DeclareNoWork]) -> Decision[CardState]:
    """Declare days without work, up to today. Later reports of these days stay possible. Raises ``Refusal``."""
    command = message.data
    employment = find_employment(state, command)
    if not employment.period.covers(command.days):
        raise Refusal(Problem.NO_WORK_OUTSIDE_EMPLOYMENT, **employment_days(employment))
    if command.days.last > (today := danish_day(message.time)):
        raise Refusal(Problem.NO_WORK_IN_FUTURE, today=today.isoformat())
    declared = replace(
        employment, revision=employment.revision + 1, no_work=merged((*employment.no_work, command.days))
    )
    event = NoWorkDeclared(
        card_id=state.card_id,
        employment_id=command.employment_id,
        revision=declared.revision,
        cvr=declared.cvr,
        period=declared.period,
        contact=declared.contact,
        card_number=declared.card_number,
        label=declared.label,
        no_work=declared.no_work,
        days=command.days,
    )
    return _accepted(state, message, command.employment_id, declared, event)


def check_no_overlap(state: CardState, cvr: str, period: Period, *, except_id: str | None) -> None:
    """An employer has at most one employment of a card at a time (decision 0009). Raises ``Refusal``."""
    for employment_id, other in state.employments.items():
        if other.cvr == cvr and employment_id != except_id and other.period.overlaps(period):
            raise Refusal(Problem.EMPLOYMENT_EXISTS, employment_id=employment_id)


def check_reports_inside(state: CardState, employment_id: str, earlier: Period, period: Period) -> None:
    """All reported work of the employment lies in ``period``. Raises ``Refusal``."""
    if period.covers(earlier):  # as is most often the case; then no report need be read
        return
    for report_id, report in state.reports_of(employment_id):
        if not report.withdrawn and not period.covers(report.work):
            raise Refusal(
                Problem.EMPLOYMENT_HAS_REPORTS_OUTSIDE,
                report_id=report_id,
                work_first=report.work.first.isoformat(),
                work_last=report.work.last.isoformat(),
            )


def merged(periods: Iterable[WorkPeriod]) -> tuple[WorkPeriod, ...]:
    """The same days in order, as few periods as possible: no two overlap or touch."""
    result: list[WorkPeriod] = []
    for period in sorted(periods, key=lambda p: p.first):
        if result and period.first <= result[-1].last + ONE_DAY:
            result[-1] = WorkPeriod(first=result[-1].first, last=max(result[-1].last, period.last))
        else:
            result.append(period)
    return tuple(result)


def _employment_event(
    event_type: type[EmploymentRegistered] | type[EmploymentChanged],
    state: CardState,
    employment_id: str,
    employment: Employment,
) -> Event:
    return event_type(
        card_id=state.card_id,
        employment_id=employment_id,
        revision=employment.revision,
        cvr=employment.cvr,
        period=employment.period,
        contact=employment.contact,
        card_number=employment.card_number,
        label=employment.label,
        no_work=employment.no_work,
    )


def _accepted(
    state: CardState, message: Envelope[Any], employment_id: str, employment: Employment, event: Event
) -> Decision[CardState]:
    outcome = CommandAccepted(
        command_id=str(message.id), card_id=state.card_id, employment_id=employment_id, revision=employment.revision
    )
    return Decision(state.with_employment(employment_id, employment), (event, outcome))
