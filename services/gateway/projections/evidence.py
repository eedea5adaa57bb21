"""The statements that are signed as evidence: one for each revision of a report, and for each completed extract.

``signed`` is set by the API (``services/gateway/evidence``). A statement is the text that is signed: it never changes.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.evidence import ExtractManifest, FilesManifest, ReportReceipt
from frikort_contracts.extract_files import ExtractMade
from frikort_contracts.extracts import ExtractCompleted
from frikort_contracts.reporting import EarningsCorrected, EarningsReported, EarningsWithdrawn, ReportContent
from frikort_contracts.topics import EARNINGS, EXTRACT_FILES, EXTRACTS
from pydantic import BaseModel

from services.runtime.processing.projection import Projection

_EVENTS: Final[dict[type, Literal["reported", "corrected", "withdrawn"]]] = {
    EarningsReported: "reported",
    EarningsCorrected: "corrected",
    EarningsWithdrawn: "withdrawn",
}


class EvidenceView(BaseModel):
    """One statement."""

    statement: str
    signed: bool = False


def report_evidence_id(report_id: str, revision: int) -> str:
    """The document of a revision of a report."""
    return f"report:{report_id}:{revision}"


def extract_evidence_id(extract_id: str) -> str:
    """The document of an extract."""
    return f"extract:{extract_id}"


def _document_id(message: Envelope[Any]) -> str | None:
    event = message.data
    if type(event) in _EVENTS:
        return report_evidence_id(event.report_id, event.revision)
    return extract_evidence_id(event.extract_id) if isinstance(event, ExtractCompleted | ExtractMade) else None


def project(view: EvidenceView | None, message: Envelope[Any]) -> EvidenceView:
    """A statement is made once."""
    if view is not None:
        return view
    event = message.data
    if isinstance(event, ExtractMade):
        return _view(
            FilesManifest(
                extract_id=event.extract_id,
                completed_at=event.completed_at or message.time,
                contents=event.kind,
                year=event.year,
                period=event.period,
                municipality=event.municipality,
                positions=event.positions,
                provisional=event.provisional,
                count=event.count,
                reported=event.reported,
                exempt=event.exempt,
                excess=event.excess,
                files=event.files,
                feed_positions=event.feed_positions,
            )
        )
    if isinstance(event, ExtractCompleted):
        return _view(
            ExtractManifest(
                extract_id=event.extract_id,
                completed_at=message.time,
                authority=event.authority,
                year=event.year,
                municipality=event.municipality,
                provisional=event.provisional,
                count=event.count,
                reported=event.reported,
                exempt=event.exempt,
                excess=event.excess,
                files=event.files,
            )
        )
    content = event if isinstance(event, ReportContent) else None
    return _view(
        ReportReceipt(
            report_id=event.report_id,
            revision=event.revision,
            event=_EVENTS[type(event)],
            accepted_at=message.time,
            employment_id=event.employment_id,
            cvr=event.cvr,
            year=event.year,
            work=None if content is None else content.work,
            payment_date=None if content is None else content.payment_date,
            components=None if content is None else content.components,
            total=None if content is None else content.total,
        )
    )


def _view(statement: ReportReceipt | ExtractManifest | FilesManifest) -> EvidenceView:
    return EvidenceView(statement=statement.model_dump_json())


PROJECTION: Final = Projection(
    name="evidence",
    topics=(EARNINGS, EXTRACTS, EXTRACT_FILES),
    state=EvidenceView,
    document_id=_document_id,
    project=project,
    indexes=("signed",),
    write_once=True,
)
