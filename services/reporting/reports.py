"""Accepts, corrects and withdraws earnings reports."""

from __future__ import annotations

from dataclasses import replace

from frikort_contracts.cloudevents import Envelope, id_text
from frikort_contracts.messages import Event, EventFields, unvalidated
from frikort_contracts.outcomes import CommandAccepted, Problem
from frikort_contracts.references import report_id_of
from frikort_contracts.report_checks import CheckedReport
from frikort_contracts.reporting import (
    CorrectReport,
    DisputeEnd,
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportEarnings,
    WithdrawReport,
)
from frikort_contracts.values import danish_day

from services.reporting.card_state import CardState, Report, fingerprint
from services.reporting.disputes import close_on_employer_action
from services.reporting.employments import find_employment
from services.reporting.rules import Refusal, Rules, check_not_own_business, find_possible_duplicate
from services.runtime.processing.decision import Decision

_reported = unvalidated(EarningsReported)
_accepted = unvalidated(CommandAccepted)


def report_earnings(rules: Rules, state: CardState, message: Envelope[ReportEarnings]) -> Decision[CardState]:
    """Accept a report; a repeated one is accepted without effect. Raises ``Refusal``."""
    command = message.data
    employment = find_employment(state, command)
    check_not_own_business(state.card.cpr_hash, command.owners)
    report_id = reported_id(command)
    earlier = state.report(command.employment_id, report_id)
    if earlier is not None:
        check_same_content(earlier, command, report_id)
        return Decision(state, (_repeated(state, message, report_id, earlier),))
    if state.has_report(report_id):  # an id that the sender made up: those of two employments differ
        raise Refusal(Problem.REPORT_UNKNOWN)
    allowance = rules.check(state, employment, command, danish_day(message.time))
    if not command.allow_duplicate and (other := find_possible_duplicate(state, command)) is not None:
        raise Refusal(Problem.POSSIBLE_DUPLICATE, report_id=other.report_id)
    report = Report(
        employment_id=command.employment_id,
        place=len(state.reports),
        revision=1,
        reference=command.reference,
        year=command.payment_date.year,
        payment_date=command.payment_date,
        work=command.work,
        components=command.components,
        fingerprints=(fingerprint(command),),
        reference_ciphertext=command.reference_ciphertext,
    )
    if command.dry_run:
        return Decision(state, (_outcome(state, message, report_id, report, dry_run=True),))
    event = _reported(
        card_id=state.card_id,
        employment_id=command.employment_id,
        report_id=report_id,
        revision=report.revision,
        cvr=employment.cvr,
        year=report.year,
        reference=report.reference,
        reference_ciphertext=report.reference_ciphertext,
        work=report.work,
        payment_date=report.payment_date,
        components=report.components,
        total=report.components.total,
        allowance=allowance.allowance,
        provisional=allowance.provisional,
        allowance_version=allowance.version,
    )
    return Decision(
        state.with_accepted(report_id, report),
        (event, _outcome(state, message, report_id, report)),
    )


def correct_report(rules: Rules, state: CardState, message: Envelope[CorrectReport]) -> Decision[CardState]:
    """Replace a report's content. It keeps its reference and its place in the order. Raises ``Refusal``."""
    command = message.data
    employment = find_employment(state, command)
    check_not_own_business(state.card.cpr_hash, command.owners)
    earlier = find_report(state, command)
    check_unchanged(earlier, command)
    if command.payment_date.year != earlier.year:
        # Another year is another ledger with its own order: the employer withdraws and reports again.
        raise Refusal(Problem.PAYMENT_YEAR_CHANGED, year=earlier.year)
    allowance = rules.check(state, employment, command, danish_day(message.time))
    content = fingerprint(command)
    is_changed = content != earlier.fingerprints[-1]
    corrected = replace(
        earlier,
        revision=earlier.revision + 1,
        payment_date=command.payment_date,
        work=command.work,
        components=command.components,
        fingerprints=(*earlier.fingerprints, content),
        decision=None if is_changed else earlier.decision,
    )
    event = EarningsCorrected(
        card_id=state.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=corrected.revision,
        cvr=employment.cvr,
        year=corrected.year,
        reference=corrected.reference,
        reference_ciphertext=corrected.reference_ciphertext,
        work=corrected.work,
        payment_date=corrected.payment_date,
        components=corrected.components,
        total=corrected.components.total,
        allowance=allowance.allowance,
        provisional=allowance.provisional,
        allowance_version=allowance.version,
        reason=command.reason,
    )
    ended: tuple[Event, ...] = ()
    if is_changed:  # the same content again leaves a dispute open, and the decision that the report stands
        corrected, ended = close_on_employer_action(employment, corrected, command, DisputeEnd.REPORT_CORRECTED)
    return Decision(
        state.with_accepted(command.report_id, corrected),
        (event, *ended, _outcome(state, message, command.report_id, corrected)),
    )


def withdraw_report(rules: Rules, state: CardState, message: Envelope[WithdrawReport]) -> Decision[CardState]:
    """Withdraw a report. Its reference stays used. Raises ``Refusal``."""
    command = message.data
    employment = find_employment(state, command)
    earlier = find_report(state, command)
    check_unchanged(earlier, command)
    rules.check_open(earlier.year)
    withdrawn = replace(earlier, revision=earlier.revision + 1, withdrawn=True)
    event = EarningsWithdrawn(
        card_id=state.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=withdrawn.revision,
        cvr=employment.cvr,
        year=withdrawn.year,
        reason=command.reason,
    )
    withdrawn, ended = close_on_employer_action(employment, withdrawn, command, DisputeEnd.REPORT_WITHDRAWN)
    return Decision(
        state.with_report(command.report_id, withdrawn),
        (event, *ended, _outcome(state, message, command.report_id, withdrawn)),
    )


def reported_id(command: ReportEarnings | CheckedReport) -> str:
    """The id of the report, which the reference names. An encrypted reference is never compared."""
    if command.reference is None:
        return command.report_id or ""
    return report_id_of(command.employment_id, command.reference)


def check_same_content(earlier: Report, command: ReportEarnings, report_id: str) -> None:
    """A repeated reference is accepted with content that its report had, unless withdrawn. Raises ``Refusal``."""
    if fingerprint(command) not in earlier.fingerprints:
        raise Refusal(Problem.REFERENCE_REUSED, report_id=report_id)
    if earlier.withdrawn:
        raise Refusal(Problem.REPORT_WITHDRAWN, report_id=report_id)


def find_report(state: CardState, command: CorrectReport | WithdrawReport) -> Report:
    """The report, if it exists and is not withdrawn. Raises ``Refusal``."""
    report = state.report(command.employment_id, command.report_id)
    if report is None:
        raise Refusal(Problem.REPORT_UNKNOWN)
    if report.withdrawn:
        raise Refusal(Problem.REPORT_WITHDRAWN, report_id=command.report_id)
    return report


def check_unchanged(report: Report, command: CorrectReport | WithdrawReport) -> None:
    """The report has the revision that the employer has seen. Raises ``Refusal`` that says what it is now."""
    if command.report_revision not in {None, report.revision}:
        raise Refusal(
            Problem.REPORT_CHANGED,
            report_id=command.report_id,
            revision=report.revision,
            total=report.components.total,
            payment_date=report.payment_date.isoformat(),
        )


def _repeated(state: CardState, message: Envelope[ReportEarnings], report_id: str, earlier: Report) -> EventFields:
    """The outcome for a report that was accepted before."""
    return _outcome(
        state,
        message,
        report_id,
        earlier,
        already_reported=True,
        corrected_since=fingerprint(message.data) != earlier.fingerprints[-1],
        dry_run=message.data.dry_run,
    )


def _outcome(
    state: CardState,
    message: Envelope[ReportEarnings] | Envelope[CorrectReport] | Envelope[WithdrawReport],
    report_id: str,
    report: Report,
    *,
    already_reported: bool = False,
    corrected_since: bool = False,
    dry_run: bool = False,
) -> EventFields:
    return _accepted(
        command_id=id_text(message.id),
        card_id=state.card_id,
        employment_id=message.data.employment_id,
        report_id=report_id,
        mandate_id=None,
        revision=report.revision,
        dispute_revision=report.dispute_revision or None,
        year=report.year,
        already_reported=already_reported,
        corrected_since=corrected_since,
        dry_run=dry_run,
    )
