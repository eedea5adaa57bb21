"""The outcome of each command: id ``command_id``. Kept without limit, so that any instance can answer later."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.outcomes import AnyOutcome, CommandAccepted
from frikort_contracts.topics import OUTCOMES
from pydantic import BaseModel

from services.runtime.processing.projection import Projection


class OutcomeView(BaseModel):
    """The outcome of one command; ``problem`` if it was refused."""

    command_id: str
    at: datetime
    card_id: str | None = None
    employment_id: str | None = None
    report_id: str | None = None
    mandate_id: str | None = None
    revision: int | None = None
    dispute_revision: int | None = None
    year: int | None = None
    already_reported: bool = False
    corrected_since: bool = False
    dry_run: bool = False
    problem: str | None = None
    detail: dict[str, str | int] = {}


def _document_id(message: Envelope[AnyOutcome]) -> str:
    return message.data.command_id


def project(outcome: OutcomeView | None, message: Envelope[AnyOutcome]) -> OutcomeView:
    """The first outcome of a command; there is exactly one."""
    if outcome is not None:
        return outcome
    event = message.data
    if isinstance(event, CommandAccepted):
        return OutcomeView(
            command_id=event.command_id,
            at=message.time,
            card_id=event.card_id,
            employment_id=event.employment_id,
            report_id=event.report_id,
            mandate_id=event.mandate_id,
            revision=event.revision,
            dispute_revision=event.dispute_revision,
            year=event.year,
            already_reported=event.already_reported,
            corrected_since=event.corrected_since,
            dry_run=event.dry_run,
        )
    return OutcomeView(
        command_id=event.command_id,
        at=message.time,
        card_id=event.card_id,
        employment_id=event.employment_id,
        report_id=event.report_id,
        problem=event.problem,
        detail=event.detail,
    )


PROJECTION: Final = Projection(
    name="outcomes",
    topics=(OUTCOMES,),
    state=OutcomeView,
    document_id=_document_id,
    project=project,
    write_once=True,
)
