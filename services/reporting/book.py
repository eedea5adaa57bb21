"""What reporting knows of one card: its active days, and its employments with their reports."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5

from frikort_contracts.reporting import CorrectReport, ReportEarnings
from frikort_contracts.values import Components, Period, Revision, WorkPeriod, Year
from pydantic import AwareDatetime, BaseModel, Field

ONE_DAY = timedelta(days=1)


class Report(BaseModel):
    """An accepted report as it stands. ``contents`` are the fingerprints of everything it ever said.

    ``dispute_revision`` counts what was told of its disputes.
    """

    revision: Revision
    reference: str
    year: Year
    payment_date: date
    work: WorkPeriod
    components: Components
    contents: tuple[str, ...]
    withdrawn: bool = False
    disputed: bool = False
    dispute_revision: int = 0


class Employment(BaseModel):
    """An employment and its reports by report id. ``card_number`` is as typed at registration."""

    cvr: str
    revision: Revision
    period: Period
    contact: str
    card_number: str | None = None
    label: str | None = None
    no_work: tuple[WorkPeriod, ...] = ()
    reports: dict[str, Report] = Field(default_factory=dict)


class Waiting(BaseModel):
    """A command that came before the card event that its sender had seen."""

    id: UUID
    time: AwareDatetime
    source: str
    correlation_id: UUID
    type: str
    command: dict[str, Any]


class Book(BaseModel):
    """Everything about one card. ``card_revision`` 0: no card event has come yet, only commands that wait."""

    card_id: str
    card_revision: int = 0
    number: str = ""
    cpr_hash: str = ""
    birth_check: str = ""
    active: tuple[Period, ...] = ()
    employments: dict[str, Employment] = Field(default_factory=dict)
    waiting: tuple[Waiting, ...] = ()


def report_id_of(employment_id: str, reference: str) -> str:
    """The id of the report that an employer calls ``reference``: the business key, unique for ever.

    ``employment_id`` stands for employer and card. The same reference always names the same report.
    """
    return str(uuid5(UUID(employment_id), reference))


def fingerprint(command: ReportEarnings | CorrectReport) -> str:
    """A short digest of what a report says: payment date, work period and components."""
    said = (
        command.payment_date.isoformat(),
        command.work.first.isoformat(),
        command.work.last.isoformat(),
        *(str(amount) for _, amount in sorted(command.components.model_dump().items())),
    )
    return sha256("|".join(said).encode()).hexdigest()[:16]


def first_day_not_covered(work: WorkPeriod, active: Iterable[Period]) -> date | None:
    """The first day of ``work`` that lies in none of the ``active`` periods; None if each lies in one."""
    day = work.first
    for period in sorted(active, key=lambda p: p.first):
        if period.first > day:
            break
        if period.last is None or period.last >= work.last:
            return None
        day = max(day, period.last + ONE_DAY)
    return day
