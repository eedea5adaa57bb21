"""Disputes: the citizen's side states that a report is wrong. A dispute is visible to all and moves no money.

A dispute ends when the citizen's side withdraws it, when the employer withdraws the report or corrects its content, or
when the municipality decides that the report stands. The employer can also answer that the report is right; that ends
no dispute. After the decision that the employer must correct the report, the employer can no longer answer. After the
decision that the report stands, only the municipality can raise another dispute about the same content.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.outcomes import CommandAccepted, Problem
from frikort_contracts.reporting import (
    AnswerDispute,
    CorrectReport,
    DecideDispute,
    DisputeAnswered,
    DisputeCommand,
    DisputeDecided,
    DisputeDecision,
    DisputeEnd,
    DisputeEnded,
    DisputeReport,
    ReportDisputed,
    WithdrawDispute,
    WithdrawReport,
)
from frikort_contracts.values import CitizenSide

from services.reporting.card_state import CardState, Employment, Report
from services.reporting.employments import find_employment
from services.reporting.rules import Refusal, Rules
from services.runtime.processing.decision import Decision


def decide_dispute(rules: Rules, state: CardState, message: Envelope[Any]) -> Decision[CardState]:
    """Carry out a command about a dispute. Raises ``Refusal``."""
    match message.data:
        case DisputeReport():
            return dispute_report(state, message)
        case AnswerDispute():
            return answer_dispute(state, message)
        case WithdrawDispute():
            return withdraw_dispute(state, message)
        case DecideDispute():
            return decide_for_municipality(rules, state, message)
    raise TypeError(f"{type(message.data).__name__} is no command about a dispute")


def dispute_report(state: CardState, message: Envelope[DisputeReport]) -> Decision[CardState]:
    """Open the one dispute that a report can have at a time. Raises ``Refusal``."""
    command = message.data
    employment, report = _find_report(state, command)
    if report.withdrawn:
        raise Refusal(Problem.REPORT_WITHDRAWN)  # without the reference, which is the employer's own
    if report.disputed:
        raise Refusal(Problem.REPORT_ALREADY_DISPUTED)
    if report.decision is DisputeDecision.REPORT_STANDS and command.side is not CitizenSide.MUNICIPALITY:
        raise Refusal(Problem.DISPUTE_DECIDED)
    disputed = _with_dispute(report, is_open=True)
    event = ReportDisputed(
        card_id=command.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=disputed.dispute_revision,
        report_revision=disputed.revision,
        cvr=employment.cvr,
        year=disputed.year,
        actor=command.actor,
        reason=command.reason,
        message=command.message,
        side=command.side,
    )
    return _accepted(state, command, message, disputed, event)


def answer_dispute(state: CardState, message: Envelope[AnswerDispute]) -> Decision[CardState]:
    """Record that the employer calls the disputed report right. A later answer replaces it. Raises ``Refusal``."""
    command = message.data
    employment = find_employment(state, command)
    report = state.report(command.employment_id, command.report_id)
    if report is None:
        raise Refusal(Problem.REPORT_UNKNOWN)
    if not report.disputed:
        raise Refusal(Problem.REPORT_NOT_DISPUTED)
    if report.decision is not None:
        raise Refusal(Problem.DISPUTE_DECIDED)
    answered = _with_dispute(report, is_open=True)
    event = DisputeAnswered(
        card_id=command.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=answered.dispute_revision,
        report_revision=answered.revision,
        cvr=employment.cvr,
        year=answered.year,
        actor=command.actor,
        reason=command.reason,
    )
    return _accepted(state, command, message, answered, event)


def withdraw_dispute(state: CardState, message: Envelope[WithdrawDispute]) -> Decision[CardState]:
    """End the dispute. Anyone on the citizen's side may, also if another of them opened it. Raises ``Refusal``."""
    command = message.data
    employment, report = _find_report(state, command)
    if not report.disputed:
        raise Refusal(Problem.REPORT_NOT_DISPUTED)
    undisputed, event = _end(employment, report, command, DisputeEnd.DISPUTE_WITHDRAWN, side=command.side)
    return _accepted(state, command, message, undisputed, event)


def decide_for_municipality(rules: Rules, state: CardState, message: Envelope[DecideDispute]) -> Decision[CardState]:
    """Record the municipality's decision; end the dispute if the report stands. Raises ``Refusal``.

    In a closed year the employer could not correct the report, so there is no decision until the year is opened.
    """
    command = message.data
    employment, report = _find_report(state, command)
    if not report.disputed:
        raise Refusal(Problem.REPORT_NOT_DISPUTED)
    if command.dispute_revision not in {None, report.dispute_revision}:
        raise Refusal(Problem.DISPUTE_CHANGED, revision=report.dispute_revision)
    rules.check_open(report.year)
    decided = _with_dispute(report, is_open=True, decision=command.decision)
    events: list[Event] = [
        DisputeDecided(
            card_id=command.card_id,
            employment_id=command.employment_id,
            report_id=command.report_id,
            revision=decided.dispute_revision,
            report_revision=decided.revision,
            cvr=employment.cvr,
            year=decided.year,
            actor=command.actor,
            decision=command.decision,
        )
    ]
    if command.decision is DisputeDecision.REPORT_STANDS:
        decided, ended = _end(employment, decided, command, DisputeEnd.REPORT_STANDS, decision=command.decision)
        events.append(ended)
    return _accepted(state, command, message, decided, *events)


def close_on_employer_action(
    employment: Employment, report: Report, command: CorrectReport | WithdrawReport, cause: DisputeEnd
) -> tuple[Report, tuple[Event, ...]]:
    """Close the dispute of a report that its employer corrected or withdrew, and return the event of that, if any."""
    if not report.disputed:
        return report, ()
    undisputed, event = _end(employment, report, command, cause)
    return undisputed, (event,)


def _end(
    employment: Employment,
    report: Report,
    command: WithdrawDispute | DecideDispute | CorrectReport | WithdrawReport,
    cause: DisputeEnd,
    *,
    side: CitizenSide | None = None,
    decision: DisputeDecision | None = None,
) -> tuple[Report, DisputeEnded]:
    """The report without its dispute, and the event of that."""
    undisputed = _with_dispute(report, is_open=False, decision=decision)
    return undisputed, DisputeEnded(
        card_id=command.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=undisputed.dispute_revision,
        report_revision=undisputed.revision,
        cvr=employment.cvr,
        year=undisputed.year,
        actor=command.actor,
        cause=cause,
        side=side,
    )


def _find_report(state: CardState, command: DisputeCommand) -> tuple[Employment, Report]:
    employment = state.employments.get(command.employment_id)
    report = None if employment is None else state.report(command.employment_id, command.report_id)
    if employment is None or report is None:
        raise Refusal(Problem.REPORT_UNKNOWN)
    return employment, report


def _with_dispute(report: Report, *, is_open: bool, decision: DisputeDecision | None = None) -> Report:
    return replace(report, disputed=is_open, dispute_revision=report.dispute_revision + 1, decision=decision)


def _accepted(
    state: CardState,
    command: DisputeCommand | AnswerDispute,
    message: Envelope[Any],
    report: Report,
    *events: Event,
) -> Decision[CardState]:
    outcome = CommandAccepted(
        command_id=str(message.id),
        card_id=state.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=report.revision,
        dispute_revision=report.dispute_revision,
        year=report.year,
    )
    return Decision(state.with_report(command.report_id, report), (*events, outcome))
