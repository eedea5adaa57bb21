"""The results of reconciliations as the gateway shows them: id ``run_id``. Which card years differ is not shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.reconciliation import DifferingYear, ReconciliationCompleted
from frikort_contracts.topics import RECONCILIATION_RESULTS
from pydantic import BaseModel

from services.runtime.processing.projection import Projection


class ReconciliationView(BaseModel):
    """A completed run. ``years``, ``differences`` and ``undecided`` count card years; ``differing`` are the first."""

    run_id: str
    started_at: datetime
    cards: int
    years: int
    differences: int
    undecided: int
    differing: tuple[DifferingYear, ...] = ()


def _document_id(message: Envelope[Any]) -> str | None:
    return message.data.run_id if isinstance(message.data, ReconciliationCompleted) else None


def project(run: ReconciliationView | None, message: Envelope[ReconciliationCompleted]) -> ReconciliationView:
    """A run is completed once."""
    event = message.data
    return run or ReconciliationView(
        run_id=event.run_id,
        started_at=event.started_at,
        cards=event.cards,
        years=event.years,
        differences=event.differences,
        undecided=event.undecided,
        differing=event.differing,
    )


PROJECTION: Final = Projection(
    name="reconciliations",
    topics=(RECONCILIATION_RESULTS,),
    state=ReconciliationView,
    document_id=_document_id,
    project=project,
    indexes=("started_at",),
)
