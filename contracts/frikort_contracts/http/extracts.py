"""Extracts: files of a year, for authorities, municipalities and citizens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.http.common import Body, Resource, example
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

    extract_id: str
    kind: ExtractKind = Field(description="What the extract contains; it follows from who requested it.")
    year: int
    municipality: str | None
    requested_at: datetime
    status: Literal["requested", "running", "done"] = Field(description="How far the extract has come.")
    statements: int | None = Field(description="How many statements there are to write, or rows of statistics.")
    statements_written: int = Field(description="How many of them are written; after a crash it begins at 0 again.")
    manifest: ManifestResource | None


class Extracts(Resource):
    """The latest extracts, newest first."""

    extracts: list[ExtractResource]


class ExtractContent(StrEnum):
    """What an authority can request."""

    STATEMENTS = "statements"
    STATISTICS = "statistics"


class ExtractBody(Body):
    """The year, the municipality if not all, and what the extract contains."""

    model_config = example(year=2025)

    year: Year
    municipality: MunicipalityCode | None = None
    content: ExtractContent = Field(
        default=ExtractContent.STATEMENTS,
        description="The statements that the authority's feed carries, or the public statistics.",
    )


class OwnExtractBody(Body):
    """The year. The municipality is the caseworker's own, or the card the citizen's own."""

    model_config = example(year=2025)

    year: Year
