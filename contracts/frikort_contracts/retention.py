"""The report of the retention job."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

from pydantic import Field

from frikort_contracts.messages import Event


class RetentionCompleted(Event):
    """What had been kept as long as it is needed was deleted."""

    type: ClassVar[str] = "dk.frikort.retention.completed.v1"

    day: date = Field(description="The Danish day of the run.")
    expired: Mapping[str, int] = Field(
        description="How many were deleted, by kind: `stored-answers`, `payroll-lines`, `unusual-findings`; and of how "
        "many `audit-entries` it was signed that they may be removed."
    )

    @property
    def key(self) -> str:
        return self.day.isoformat()
