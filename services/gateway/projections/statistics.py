"""The public statistics as they were published: id ``month``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.statistics import MunicipalityStatistics, StatisticsPublished
from frikort_contracts.topics import STATISTICS
from pydantic import BaseModel

from services.runtime.processing.projection import Projection


class StatisticsView(BaseModel):
    """The statistics of one month."""

    month: str
    year: int
    published_at: datetime
    employers: int
    municipalities: tuple[MunicipalityStatistics, ...]
    other_exempt: int | None
    other_excess: int | None


def project(view: StatisticsView | None, message: Envelope[StatisticsPublished]) -> StatisticsView:
    """A month is published once."""
    event = message.data
    return view or StatisticsView(
        month=event.month,
        year=int(event.month[:4]),
        published_at=message.time,
        employers=event.employers,
        municipalities=event.municipalities,
        other_exempt=event.other_exempt,
        other_excess=event.other_excess,
    )


def _document_id(message: Envelope[Any]) -> str:
    return str(message.data.month)


PROJECTION: Final = Projection(
    name="statistics",
    topics=(STATISTICS,),
    state=StatisticsView,
    document_id=_document_id,
    project=project,
    indexes=("year",),
    write_once=True,
)
