"""Reporting earnings, correcting and withdrawing."""

from __future__ import annotations

from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.outcomes import CommandAccepted, Problem
from frikort_contracts.reporting import (
    CorrectReport,
    DisputeEnd,
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportEarnings,
    WithdrawReport,
)
from frikort_contracts.rules.allowances import Allowance
from frikort_contracts.values import danish_day

from services.reporting import disputes
from services.reporting.book import Book, Employment, Report, fingerprint, report_id_of
from services.reporting.employments import employment_of, put_report
from services.reporting.rules import Rules, looks_like, refuse


def report(rules: Rules, book: Book, message: Envelope[ReportEarnings]) -> tuple[Book, tuple[Event, ...]]:
    """Accept a report, or say that it was already accepted. Raises ``Refusal``."""
    command = message.data
    employment = employment_of(book, command)
    report_id = report_id_of(command.employment_id, command.reference)
    earlier = employment.reports.get(report_id)
    if earlier is not None:
        return book, (_known(book, message, report_id, earlier),)
    allowance = rules.check(book, employment, command, danish_day(message.time))
    if not command.allow_duplicate and (like := looks_like(command, employment)) is not None:
        raise refuse(Problem.POSSIBLE_DUPLICATE, report_id=like[0], reference=like[1].reference)
    accepted = Report(
        revision=1,
        reference=command.reference,
        year=command.payment_date.year,
        payment_date=command.payment_date,
        work=command.work,
        components=command.components,
        contents=(fingerprint(command),),
    )
    if command.dry_run:
        return book, (_outcome(book, message, report_id, accepted, dry_run=True),)
    event = EarningsReported(**_content(book, command, report_id, accepted, allowance))
    return put_report(book, employment, command.employment_id, report_id, accepted), (
        event,
        _outcome(book, message, report_id, accepted),
    )


def correct(rules: Rules, book: Book, message: Envelope[CorrectReport]) -> tuple[Book, tuple[Event, ...]]:
    """Replace a report; it keeps its reference and its place in the order. Raises ``Refusal``."""
    command = message.data
    employment = employment_of(book, command)
    earlier = _standing(employment, command.report_id)
    if command.payment_date.year != earlier.year:
        # Another year is another ledger and another place in its order: withdraw, and report anew.
        raise refuse(Problem.PAYMENT_YEAR_CHANGED, year=earlier.year)
    allowance = rules.check(book, employment, command, danish_day(message.time))
    corrected = earlier.model_copy(
        update={
            "revision": earlier.revision + 1,
            "payment_date": command.payment_date,
            "work": command.work,
            "components": command.components,
            "contents": (*earlier.contents, fingerprint(command)),
        }
    )
    event = EarningsCorrected(**_content(book, command, command.report_id, corrected, allowance), reason=command.reason)
    ended: tuple[Event, ...] = ()
    if corrected.contents[-1] != earlier.contents[-1]:  # to say the same again is no answer to a dispute
        corrected, ended = disputes.answered(employment, corrected, command, DisputeEnd.REPORT_CORRECTED)
    return put_report(book, employment, command.employment_id, command.report_id, corrected), (
        event,
        *ended,
        _outcome(book, message, command.report_id, corrected),
    )


def withdraw(book: Book, message: Envelope[WithdrawReport]) -> tuple[Book, tuple[Event, ...]]:
    """Take a report back; its reference stays used. Raises ``Refusal``."""
    command = message.data
    employment = employment_of(book, command)
    earlier = _standing(employment, command.report_id)
    withdrawn = earlier.model_copy(update={"revision": earlier.revision + 1, "withdrawn": True})
    event = EarningsWithdrawn(
        card_id=book.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=withdrawn.revision,
        cvr=employment.cvr,
        year=withdrawn.year,
        reason=command.reason,
    )
    withdrawn, ended = disputes.answered(employment, withdrawn, command, DisputeEnd.REPORT_WITHDRAWN)
    return put_report(book, employment, command.employment_id, command.report_id, withdrawn), (
        event,
        *ended,
        _outcome(book, message, command.report_id, withdrawn),
    )


def _known(book: Book, message: Envelope[ReportEarnings], report_id: str, earlier: Report) -> CommandAccepted:
    """The answer to a reference that was used before: the same report was already reported; any other is refused."""
    if fingerprint(message.data) not in earlier.contents:
        raise refuse(Problem.REFERENCE_REUSED, report_id=report_id, reference=earlier.reference)
    if earlier.withdrawn:
        raise refuse(Problem.REPORT_WITHDRAWN, report_id=report_id, reference=earlier.reference)
    return _outcome(book, message, report_id, earlier, already_reported=True, dry_run=message.data.dry_run)


def _standing(employment: Employment, report_id: str) -> Report:
    report = employment.reports.get(report_id)
    if report is None:
        raise refuse(Problem.REPORT_UNKNOWN)
    if report.withdrawn:
        raise refuse(Problem.REPORT_WITHDRAWN, report_id=report_id, reference=report.reference)
    return report


def _content(
    book: Book,
    command: ReportEarnings | CorrectReport,
    report_id: str,
    report: Report,
    allowance: Allowance,
) -> dict[str, Any]:
    return {
        "card_id": book.card_id,
        "employment_id": command.employment_id,
        "report_id": report_id,
        "revision": report.revision,
        "cvr": command.cvr,
        "year": report.year,
        "reference": report.reference,
        "work": report.work,
        "payment_date": report.payment_date,
        "components": report.components,
        "total": report.components.total,
        "allowance": allowance.allowance,
        "provisional": allowance.provisional,
    }


def _outcome(
    book: Book,
    message: Envelope[Any],
    report_id: str,
    report: Report,
    *,
    already_reported: bool = False,
    dry_run: bool = False,
) -> CommandAccepted:
    return CommandAccepted(
        command_id=str(message.id),
        card_id=book.card_id,
        employment_id=message.data.employment_id,
        report_id=report_id,
        revision=report.revision,
        dispute_revision=report.dispute_revision or None,
        year=report.year,
        already_reported=already_reported,
        dry_run=dry_run,
    )
