"""Reports as the gateway shows them: id ``report_id``; the reported content, the dispute, and the split by balance.

The split comes from another topic than the rest, so it may arrive before the report that it belongs to.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, Literal

from frikort_contracts.balance import ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.reporting import (
    AnswerReason,
    DisputeAnswered,
    DisputeDecided,
    DisputeDecision,
    DisputeEnded,
    DisputeEvent,
    DisputeReason,
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportContent,
    ReportDisputed,
    ReportEvent,
)
from frikort_contracts.topics import BALANCES, EARNINGS
from frikort_contracts.values import CitizenSide, Components, WorkPeriod
from pydantic import BaseModel

from services.gateway.ordering import order_of
from services.runtime.processing.projection import Projection


class BookedView(BaseModel):
    """The reported content; amounts in øre."""

    work: WorkPeriod
    payment_date: date
    components: Components
    total: int
    allowance: int
    provisional: bool


class ReportEntry(BaseModel):
    """An entry of a report's history.

    ``revision`` is the report's revision at that time. ``reason`` is also what ended a dispute.
    ``message`` is encrypted.
    """

    revision: int
    event: Literal[
        "reported", "corrected", "withdrawn", "disputed", "dispute-answered", "dispute-decided", "dispute-ended"
    ]
    at: datetime
    booked: BookedView | None = None
    reason: str | None = None
    message: str | None = None
    side: CitizenSide | None = None


class AnswerView(BaseModel):
    """The employer's answer to a dispute: why the report is right."""

    reason: AnswerReason
    answered_at: datetime


class DecisionView(BaseModel):
    """The municipality's decision about a dispute."""

    decision: DisputeDecision
    decided_at: datetime


class DisputeView(BaseModel):
    """The current dispute, with the employer's latest answer and the municipality's decision.

    ``message`` is encrypted.
    """

    reason: DisputeReason
    message: str | None
    raised_at: datetime
    raised_by: CitizenSide
    answer: AnswerView | None = None
    decision: DecisionView | None = None


class SettlementView(BaseModel):
    """How the report was split, in øre, as of one ledger revision."""

    report_revision: int
    ledger_revision: int
    total: int
    exempt: int
    excess: int
    at: datetime
    caused_by: str | None


class ReportView(BaseModel):
    """A report after its latest events. Revision 0: only its split is known yet, and it is not shown.

    ``moved_at`` is when another report or another allowance moved the split, unless this one was corrected or withdrawn
    since. ``stands_since`` is when the municipality decided that the report stands, unless that is superseded.
    ``order`` sorts by acceptance, for paging; empty while the report itself is not known. ``reference`` is empty if the
    reference is encrypted.
    """

    report_id: str
    card_id: str
    employment_id: str
    cvr: str
    year: int
    revision: int = 0
    order: str = ""
    reference: str = ""
    reference_ciphertext: str | None = None
    booked: BookedView | None = None
    withdrawn: bool = False
    dispute: DisputeView | None = None
    dispute_revision: int = 0
    stands_since: datetime | None = None
    history: list[ReportEntry] = []
    settlement: SettlementView | None = None
    moved_at: datetime | None = None
    settlements: list[SettlementView] = []


Reported = EarningsReported | EarningsCorrected | EarningsWithdrawn
Disputed = ReportDisputed | DisputeAnswered | DisputeDecided | DisputeEnded
_AboutReport = ReportEvent | DisputeEvent | ReportSettled


def _document_id(message: Envelope[Any]) -> str | None:
    return message.data.report_id if isinstance(message.data, _AboutReport) else None


def project(report: ReportView | None, message: Envelope[Reported | Disputed | ReportSettled]) -> ReportView:
    """The report after one event of either topic."""
    event = message.data
    if report is None:
        report = ReportView(
            report_id=event.report_id,
            card_id=event.card_id,
            employment_id=event.employment_id,
            cvr=event.cvr,
            year=event.year,
        )
    if isinstance(event, ReportSettled):
        return _settled(report, event, message.time)
    if isinstance(event, Disputed):
        return _disputed(report, event, message.time)
    if event.revision <= report.revision:
        return report
    return _revised(report, event, message.time)


def _settled(report: ReportView, event: ReportSettled, at: datetime) -> ReportView:
    if report.settlement is not None and event.revision <= report.settlement.ledger_revision:
        return report
    settlement = SettlementView(
        report_revision=event.report_revision,
        ledger_revision=event.revision,
        total=event.total,
        exempt=event.exempt,
        excess=event.excess,
        at=at,
        caused_by=event.caused_by,
    )
    return report.model_copy(
        update={
            "settlement": settlement,
            "moved_at": None if event.caused_by == report.report_id else at,
            "settlements": [*report.settlements, settlement],
        }
    )


def _disputed(report: ReportView, event: Disputed, at: datetime) -> ReportView:
    if event.revision <= report.dispute_revision:
        return report
    dispute, stands_since = report.dispute, report.stands_since
    match event:
        case ReportDisputed():
            stands_since = None
            dispute = DisputeView(reason=event.reason, message=event.message, raised_at=at, raised_by=event.side)
            entry = ReportEntry(
                revision=event.report_revision,
                event="disputed",
                at=at,
                reason=event.reason,
                message=event.message,
                side=event.side,
            )
        case DisputeAnswered():
            answer = AnswerView(reason=event.reason, answered_at=at)
            dispute = dispute and dispute.model_copy(update={"answer": answer})
            entry = ReportEntry(revision=event.report_revision, event="dispute-answered", at=at, reason=event.reason)
        case DisputeDecided():
            decision = DecisionView(decision=event.decision, decided_at=at)
            dispute = dispute and dispute.model_copy(update={"decision": decision})
            stands_since = at if event.decision is DisputeDecision.REPORT_STANDS else None
            entry = ReportEntry(revision=event.report_revision, event="dispute-decided", at=at, reason=event.decision)
        case DisputeEnded():
            dispute = None
            entry = ReportEntry(
                revision=event.report_revision, event="dispute-ended", at=at, reason=event.cause, side=event.side
            )
    return report.model_copy(
        update={
            "dispute": dispute,
            "dispute_revision": event.revision,
            "stands_since": stands_since,
            "history": [*report.history, entry],
        }
    )


def _revised(report: ReportView, event: Reported, at: datetime) -> ReportView:
    changes: dict[str, Any] = {"revision": event.revision}
    if not report.order:
        changes["order"] = order_of(at, event.report_id)
    booked: BookedView | None = None
    if isinstance(event, ReportContent):
        booked = BookedView(
            work=event.work,
            payment_date=event.payment_date,
            components=event.components,
            total=event.total,
            allowance=event.allowance,
            provisional=event.provisional,
        )
        changes |= {
            "booked": booked,
            "reference": event.reference or "",
            "reference_ciphertext": event.reference_ciphertext,
            "year": event.year,
        }
    entry = ReportEntry(
        revision=event.revision,
        event=_name(event),
        at=at,
        booked=booked,
        reason=None if isinstance(event, EarningsReported) else event.reason,
    )
    changes |= {
        "withdrawn": isinstance(event, EarningsWithdrawn),
        "stands_since": report.stands_since if _has_same_content(report.booked, booked) else None,
        "history": [*report.history, entry],
    }
    return report.model_copy(update=changes)


def _has_same_content(before: BookedView | None, after: BookedView | None) -> bool:
    if before is None or after is None:
        return False
    return (before.work, before.payment_date, before.components) == (after.work, after.payment_date, after.components)


def _name(event: Reported) -> Literal["reported", "corrected", "withdrawn"]:
    match event:
        case EarningsReported():
            return "reported"
        case EarningsCorrected():
            return "corrected"
        case EarningsWithdrawn():
            return "withdrawn"


PROJECTION: Final = Projection(
    name="reports",
    topics=(EARNINGS, BALANCES),
    state=ReportView,
    document_id=_document_id,
    project=project,
    consumes=_AboutReport,
    cached=True,
    indexes=("cvr", "employment_id", "card_id", "year"),
)
