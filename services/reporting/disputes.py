"""Disputes: the citizen's side says that a report is not right. Everyone sees it, and nobody's money moves by it.

A dispute stands until the citizen's side takes it back, or the employer answers it: by withdrawing the report, or by a
correction that says something else than before.
"""

from __future__ import annotations

from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.outcomes import CommandAccepted, Problem
from frikort_contracts.reporting import (
    CorrectReport,
    DisputeCommand,
    DisputeEnd,
    DisputeEnded,
    DisputeReport,
    ReportDisputed,
    WithdrawDispute,
    WithdrawReport,
)

from services.reporting.book import Book, Employment, Report
from services.reporting.employments import put_report
from services.reporting.rules import refuse


def dispute(book: Book, message: Envelope[DisputeReport]) -> tuple[Book, tuple[Event, ...]]:
    """Raise the one dispute that a report can have at a time. Raises ``Refusal``."""
    command = message.data
    employment, report = _report_of(book, command)
    if report.withdrawn:
        raise refuse(Problem.REPORT_WITHDRAWN)  # its reference is the employer's own
    if report.disputed:
        raise refuse(Problem.REPORT_ALREADY_DISPUTED)
    disputed = _told_of(report, disputed=True)
    event = ReportDisputed(
        **_about(command, employment, disputed), reason=command.reason, message=command.message, side=command.side
    )
    return _done(book, message, employment, disputed, event)


def take_back(book: Book, message: Envelope[WithdrawDispute]) -> tuple[Book, tuple[Event, ...]]:
    """End the dispute, whoever of the citizen's side raised it. Raises ``Refusal``."""
    command = message.data
    employment, report = _report_of(book, command)
    if not report.disputed:
        raise refuse(Problem.REPORT_NOT_DISPUTED)
    undisputed = _told_of(report, disputed=False)
    event = DisputeEnded(
        **_about(command, employment, undisputed), cause=DisputeEnd.DISPUTE_WITHDRAWN, side=command.side
    )
    return _done(book, message, employment, undisputed, event)


def answered(
    employment: Employment, report: Report, command: CorrectReport | WithdrawReport, cause: DisputeEnd
) -> tuple[Report, tuple[Event, ...]]:
    """The report after its employer's ``command``, with its dispute ended if one stood."""
    if not report.disputed:
        return report, ()
    undisputed = _told_of(report, disputed=False)
    return undisputed, (DisputeEnded(**_about(command, employment, undisputed), cause=cause),)


def _report_of(book: Book, command: DisputeCommand) -> tuple[Employment, Report]:
    employment = book.employments.get(command.employment_id)
    report = None if employment is None else employment.reports.get(command.report_id)
    if employment is None or report is None:
        raise refuse(Problem.REPORT_UNKNOWN)
    return employment, report


def _told_of(report: Report, *, disputed: bool) -> Report:
    return report.model_copy(update={"disputed": disputed, "dispute_revision": report.dispute_revision + 1})


def _about(
    command: DisputeCommand | CorrectReport | WithdrawReport, employment: Employment, report: Report
) -> dict[str, Any]:
    return {
        "card_id": command.card_id,
        "employment_id": command.employment_id,
        "report_id": command.report_id,
        "revision": report.dispute_revision,
        "report_revision": report.revision,
        "cvr": employment.cvr,
        "year": report.year,
        "actor": command.actor,
    }


def _done(
    book: Book, message: Envelope[Any], employment: Employment, report: Report, event: Event
) -> tuple[Book, tuple[Event, ...]]:
    command: DisputeCommand = message.data
    outcome = CommandAccepted(
        command_id=str(message.id),
        card_id=book.card_id,
        employment_id=command.employment_id,
        report_id=command.report_id,
        revision=report.revision,
        dispute_revision=report.dispute_revision,
        year=report.year,
    )
    return put_report(book, employment, command.employment_id, command.report_id, report), (event, outcome)
