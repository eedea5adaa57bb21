"""Extracts for authorities."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

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
    year: int
    municipality: str | None
    requested_at: datetime
    status: Literal["requested", "running", "done"] = Field(description="How far the extract has come.")
    statements: int | None = Field(description="How many statements there are to write.")
    statements_written: int = Field(description="How many of them are written; after a crash it begins anew.")
    parts_written: int
    manifest: ManifestResource | None


class Extracts(Resource):
    """The authority's extracts, newest first."""

    extracts: list[ExtractResource]


class ExtractBody(Body):
    """The year, and the municipality if not all."""

    model_config = example(year=2025)

    year: Year
    municipality: MunicipalityCode | None = None
