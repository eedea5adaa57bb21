"""The public statistics: figures by municipality and month that reveal no few people."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from frikort_contracts.http.common import Resource


class MunicipalityFigures(Resource):
    """A municipality at the end of a month. Counts are rounded down to a multiple of 5."""

    municipality: str = Field(description="Municipality code, three digits.", examples=["101"])
    issued: int = Field(description="Cards of the municipality's citizens.")
    active: int = Field(description="Those that are active.")
    used: int = Field(description="Those with earnings in the calendar year until the end of the month.")
    employers: int = Field(description="Employers with earnings on these cards in the year until then.")
    exempt_ore: int | None = Field(
        description="The exempt part of what was reported in the month, to the nearest 1,000 kr.; null: too few people."
    )
    excess_ore: int | None = Field(description="The part above the allowance; null: too few people.")


class MonthStatistics(Resource):
    """The statistics of a month. They do not change after they are published."""

    month: date = Field(description="The first day of the month.", examples=["2025-10-01"])
    published_at: datetime = Field(description="When they were published (UTC).")
    employers: int = Field(description="Employers in the whole country, rounded down to a multiple of 5.")
    municipalities: list[MunicipalityFigures] = Field(description="All 98 municipalities, by code.")
    other_exempt_ore: int | None = Field(
        description="The exempt part in the municipalities without one, together; null: still too few people."
    )
    other_excess_ore: int | None = Field(description="The same for the part above the allowance.")


class YearStatistics(Resource):
    """The statistics of a calendar year. A total is the sum of the published figures."""

    year: int
    months: list[MonthStatistics] = Field(description="The published months, oldest first.")


class PublishedYears(Resource):
    """The calendar years of which there are statistics."""

    years: list[int] = Field(description="The years, oldest first.", examples=[[2024, 2025]])
