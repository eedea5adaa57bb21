"""Extracts: files of a year or a period, for authorities, municipalities, employers and citizens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.http.common import Body, Resource, example
from frikort_contracts.months import Months, PaymentMonth, check_months
from frikort_contracts.rules import reading
from frikort_contracts.values import MunicipalityCode, Year


class ExtractFileResource(Resource):
    """A file of a completed extract."""

    format: str
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="Hex digest of the whole file.")
    href: str


class ManifestResource(Resource):
    """What a completed extract holds."""

    completed_at: datetime
    provisional: bool
    count: int
    reported_ore: int
    exempt_ore: int
    excess_ore: int
    files: list[ExtractFileResource]


class ExtractResource(Resource):
    """An extract and how far it has come."""

    # `from` is a word of Python.
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    extract_id: str
    kind: ExtractKind = Field(description="What the extract contains; it follows from who requested it.")
    year: int = Field(description="The calendar year of the payments; that of the first month of a period.")
    first: str | None = Field(default=None, alias="from", description="The first month of a period; null for a year.")
    last: str | None = Field(default=None, alias="to", description="The last month of a period; null for a year.")
    municipality: str | None
    requested_at: datetime
    status: Literal["requested", "running", "done"] = Field(description="How far the extract has come.")
    statements: int | None = Field(
        description="How many statements there are to write, or rows of statistics; for a period, to read."
    )
    statements_written: int = Field(description="How many of them are done; after a crash it begins at 0 again.")
    manifest: ManifestResource | None


class Extracts(Resource):
    """The latest extracts, newest first."""

    extracts: list[ExtractResource]


class ExtractContent(StrEnum):
    """What an authority can request."""

    STATEMENTS = "statements"
    STATISTICS = "statistics"


class OwnExtractBody(Body):
    """The year, or the months of a period. The municipality, the employer or the card is the caller's own."""

    model_config = example(year=2025)

    year: Year | None = Field(default=None, description="The calendar year of the payments. Either this, or a period.")
    first: PaymentMonth | None = Field(
        default=None, alias="from", description="The first month of a period, `YYYY-MM`."
    )
    last: PaymentMonth | None = Field(
        default=None,
        alias="to",
        description="The last month of a period, `YYYY-MM`, included; at most 24 months in all.",
    )

    @model_validator(mode="after")
    def _is_of_a_year_or_a_period(self) -> Self:
        given = [self.first is not None, self.last is not None]
        if any(given) if self.year is not None else not all(given):
            raise ValueError(reading.YEAR_OR_PERIOD)
        if self.first is not None and self.last is not None:
            check_months(self.first, self.last)
        return self

    @property
    def period(self) -> Months | None:
        """The months of a period; None for a year."""
        return None if self.first is None or self.last is None else Months(first=self.first, last=self.last)


class ExtractBody(OwnExtractBody):
    """The year or the months of a period, the municipality if not all, and what the extract contains."""

    municipality: MunicipalityCode | None = None
    content: ExtractContent = Field(
        default=ExtractContent.STATEMENTS,
        description="The statements that the authority's feed carries, or the public statistics.",
    )
