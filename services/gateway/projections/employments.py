"""Employments as the gateway shows them: id ``employment_id``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.reporting import EmploymentEvent
from frikort_contracts.topics import EARNINGS
from frikort_contracts.values import Period, WorkPeriod
from pydantic import BaseModel

from services.gateway.ordering import order_of
from services.runtime.processing.projection import Projection


class EmploymentView(BaseModel):
    """An employment after its latest event. ``order`` sorts by registration, for paging."""

    employment_id: str
    card_id: str
    revision: int
    cvr: str
    period: Period
    contact: str
    card_number: str | None = None
    label: str | None = None
    no_work: list[WorkPeriod] = []
    registered_at: datetime
    order: str


def _document_id(message: Envelope[Any]) -> str | None:
    return message.data.employment_id if isinstance(message.data, EmploymentEvent) else None


def project(employment: EmploymentView | None, message: Envelope[EmploymentEvent]) -> EmploymentView:
    """The employment after one event. Each event has the complete employment."""
    event = message.data
    if employment is not None and event.revision <= employment.revision:
        return employment
    first_seen = message.time if employment is None else employment.registered_at
    return EmploymentView(
        employment_id=event.employment_id,
        card_id=event.card_id,
        revision=event.revision,
        cvr=event.cvr,
        period=event.period,
        contact=event.contact,
        card_number=event.card_number,
        label=event.label,
        no_work=list(event.no_work),
        registered_at=first_seen,
        order=order_of(first_seen, event.employment_id),
    )


PROJECTION: Final = Projection(
    name="employments",
    topics=(EARNINGS,),
    state=EmploymentView,
    document_id=_document_id,
    project=project,
    consumes=EmploymentEvent,
    indexes=("cvr", "card_id"),
)
