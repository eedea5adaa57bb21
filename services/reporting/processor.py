"""Decides commands of employers and of the citizen's side, and follows the card events that they depend on.

Commands and card events arrive on different topics, so a command can arrive before the card event that its sender had
seen. It is then deferred, with every later command, until that event arrives.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args
from uuid import UUID

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import AnyCardEvent
from frikort_contracts.messages import Event, EventFields
from frikort_contracts.outcomes import CommandAccepted, CommandRefused
from frikort_contracts.report_checks import CheckedReport, CheckReports
from frikort_contracts.reporting import (
    AnswerDispute,
    ChangeEmployment,
    CorrectReport,
    DecideDispute,
    DeclareNoWork,
    DisputeCommand,
    DisputeReport,
    RegisterEmployment,
    ReportEarnings,
    WithdrawDispute,
    WithdrawReport,
)
from frikort_contracts.topics import CARDS, REPORTING_COMMANDS

from services.reporting.card_state import CardState, apply_card_event
from services.reporting.deferred_commands import defer, needed_card_revision, resume
from services.reporting.disputes import decide_dispute
from services.reporting.employments import change_employment, declare_no_work, register_employment
from services.reporting.look_alikes import keys_near
from services.reporting.reports import correct_report, report_earnings, reported_id, withdraw_report
from services.reporting.rules import DUPLICATE_PAYMENT_DAYS, Refusal, Rules
from services.runtime.processing.decision import Address, Decide, Decision, Processor

_CARD_EVENTS = get_args(AnyCardEvent)


def address(message: Envelope[Any]) -> Address:
    """All messages about a card go to the card's one document."""
    return Address(message.data.card_id)


def decider(rules: Rules) -> Decide[CardState]:
    """The decisions of this service under ``rules``."""

    def decide(state: CardState | None, message: Envelope[Any], _taken: Collection[str] = ()) -> Decision[CardState]:
        state = state or CardState(card_id=message.data.card_id)
        if isinstance(message.data, _CARD_EVENTS):
            return decide_deferred(rules, state.with_card(apply_card_event(state.card, message.data)))
        if state.deferred or state.card.revision < needed_card_revision(message.data):
            return Decision(state.with_deferred((*state.deferred, defer(message))))
        return decide_command(rules, state, message)

    return decide


def decide_command(rules: Rules, state: CardState, message: Envelope[Any]) -> Decision[CardState]:
    """Carry out a command or refuse it. Either way its one outcome is the last event."""
    try:
        match message.data:
            case RegisterEmployment():
                return register_employment(state, message)
            case ChangeEmployment():
                return change_employment(state, message)
            case DeclareNoWork():
                return declare_no_work(state, message)
            case ReportEarnings():
                return report_earnings(rules, state, message)
            case CorrectReport():
                return correct_report(rules, state, message)
            case WithdrawReport():
                return withdraw_report(rules, state, message)
            case CheckReports():
                return check_reports(rules, state, message)
            case DisputeReport() | AnswerDispute() | WithdrawDispute() | DecideDispute():
                return decide_dispute(rules, state, message)
    except Refusal as refusal:
        outcome = CommandRefused(
            command_id=str(message.id), card_id=state.card_id, problem=refusal.problem, detail=refusal.detail
        )
        return Decision(state, (outcome,))
    raise TypeError(f"reporting has no decision for {type(message.data).__name__}")


def check_reports(rules: Rules, state: CardState, message: Envelope[CheckReports]) -> Decision[CardState]:
    """The outcome that each report would have, decided in order on a state that is then discarded."""
    tried, outcomes = state, list[Event | EventFields]()
    for report in message.data.reports:
        decision = decide_command(rules, tried, _reporting(message, report))
        tried = decision.state or tried
        if report.command_id is not None:
            outcomes.append(_as_dry_run(decision.events[-1]))
    return Decision(state, tuple(outcomes))


def _reporting(message: Envelope[CheckReports], report: CheckedReport) -> Envelope[Any]:
    """The command that would report it."""
    command = message.data
    return Envelope(
        id=message.id if report.command_id is None else UUID(report.command_id),
        time=message.time,
        source=message.source,
        data=ReportEarnings(
            card_id=command.card_id,
            cvr=command.cvr,
            actor=command.actor,
            employment_id=report.employment_id,
            card_revision=command.card_revision,
            owners=command.owners,
            reference=report.reference,
            report_id=report.report_id,
            reference_ciphertext=report.reference_ciphertext,
            work=report.work,
            payment_date=report.payment_date,
            components=report.components,
            allow_duplicate=report.allow_duplicate,
            allow_large_amount=report.allow_large_amount,
        ),
        correlation_id=message.correlation_id,
    )


def _as_dry_run(outcome: Event | EventFields) -> Event | EventFields:
    if isinstance(outcome, EventFields) and outcome.message is CommandAccepted:
        return outcome._replace(fields={**outcome.fields, "dry_run": True})
    return outcome


def decide_deferred(rules: Rules, state: CardState) -> Decision[CardState]:
    """Decide the deferred commands in their order, up to the first that still needs a later card event."""
    events: list[Event | EventFields] = []
    while state.deferred:
        message = resume(state.deferred[0])
        if state.card.revision < needed_card_revision(message.data):
            break
        decision = decide_command(rules, state.with_deferred(state.deferred[1:]), message)
        state = decision.state or state
        events.extend(decision.events)
    return Decision(state, tuple(events))


def entry_keys(state: CardState, message: Envelope[Any]) -> Mapping[str, Collection[str]]:
    """The reports and look-alikes that the decision on a message needs."""
    commands = [message.data]
    if isinstance(message.data, _CARD_EVENTS):
        commands = [resume(deferred).data for deferred in state.deferred]
    reports: set[str] = set()
    look_alikes: set[str] = set()
    for command in commands:
        for report in command.reports if isinstance(command, CheckReports) else (command,):
            if isinstance(report, ReportEarnings | CheckedReport):
                reports.add(reported_id(report))
                look_alikes.update(keys_near(report, DUPLICATE_PAYMENT_DAYS))
            elif isinstance(report, CorrectReport | WithdrawReport | AnswerDispute | DisputeCommand):
                reports.add(report.report_id)
    return {"reports": reports, "look_alikes": look_alikes}


def card_states(rules: Rules) -> Processor[CardState]:
    """The processor of this service."""
    return Processor(
        name="card_states",
        topics=(REPORTING_COMMANDS, CARDS),
        state=CardState,
        address=address,
        decide=decider(rules),
        entry_maps=lambda state: (state.reports, state.look_alikes),
        entry_keys=entry_keys,
    )
