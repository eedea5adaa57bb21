"""The event about a year: its amounts, and whether it is closed."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from frikort_contracts.messages import Event
from frikort_contracts.rules.allowances import Allowance
from frikort_contracts.values import Revision, Year


class YearChanged(Event):
    """A year after a change that a second person has confirmed: all its amounts, and whether it is closed.

    The newest event of a year is the whole of it, so the topic is compacted.
    """

    type: ClassVar[str] = "dk.frikort.year.changed.v1"

    year: Year
    revision: Revision
    amounts: tuple[Allowance, ...] = Field(description="All amounts that the year has had.")
    closed: bool

    @property
    def key(self) -> str:
        return str(self.year)
