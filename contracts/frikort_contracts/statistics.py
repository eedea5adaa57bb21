"""The event with the public statistics of one month: figures that reveal no group of fewer than five people.

Every count is rounded down to a multiple of ``COUNT_BASE`` before anything is added up, so each published total is a
sum of published counts. Amounts are shown where enough people have contributed. ``docs/statistics.md`` has the method.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Final

from pydantic import Field

from frikort_contracts.messages import Event
from frikort_contracts.values import MunicipalityCode, Value

COUNT_BASE: Final = 5
"""Counts are multiples of this: people are counted in groups of five."""
AMOUNT_BASE: Final = 100_000
"""Amounts are multiples of this many øre: 1,000 kr."""
METHOD: Final = 1
"""The version of the method. Figures of different versions are not published in one series."""

_MONTH_PATTERN: Final = r"^(20[1-9]\d|21\d\d)-(0[1-9]|1[0-2])$"
Month = Annotated[str, Field(pattern=_MONTH_PATTERN, description="A calendar month in Denmark, `YYYY-MM`.")]
Count = Annotated[int, Field(ge=0, multiple_of=COUNT_BASE, description="A multiple of 5, rounded down.")]
RoundedOre = Annotated[
    int, Field(multiple_of=AMOUNT_BASE, description="Øre, rounded to 1,000 kr.; corrections can make it negative.")
]


def month_of(day: date) -> str:
    """The month of a day."""
    return f"{day.year:04}-{day.month:02}"


class MunicipalityStatistics(Value):
    """A municipality at the end of the month, and what was reported in the month for its cards."""

    municipality: MunicipalityCode
    issued: Count = Field(description="Cards of citizens for whom the municipality is responsible.")
    active: Count = Field(description="Those that are active.")
    used: Count = Field(description="Those with earnings in the calendar year until the end of the month.")
    employers: Count = Field(description="Employers with earnings on these cards in the year until then.")
    exempt: RoundedOre | None = Field(description="The exempt part of the month; null: too few people.")
    excess: RoundedOre | None = Field(description="The part above the allowance; null: too few people.")


class StatisticsPublished(Event):
    """The statistics of a month. They are published once and do not change."""

    type: ClassVar[str] = "dk.frikort.statistics.published.v1"
    key_field: ClassVar[str] = "month"

    month: Month
    method: int = Field(ge=1, description="The version of the method.")
    employers: Count = Field(description="Employers in the whole country; one can be counted in many municipalities.")
    municipalities: tuple[MunicipalityStatistics, ...] = Field(description="All 98, by code.")
    other_exempt: RoundedOre | None = Field(
        description="The exempt part in the municipalities without one, together; null: still too few people."
    )
    other_excess: RoundedOre | None = Field(description="The same for the part above the allowance.")
