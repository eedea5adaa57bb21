"""Problem documents (RFC 9457) and the problem catalogue: one error model for calls, lines of a file and pages."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from frikort_contracts.http.common import Resource, example
from frikort_contracts.http.reports import ReportResource


class FieldErrorResource(Resource):
    """One wrong field."""

    code: str = Field(
        description="Stable code of the error, such as `missing`: program against it.", examples=["missing"]
    )
    pointer: str = Field(
        description="JSON pointer (RFC 6901) into the body, such as `/components/wage_ore`; empty for the whole body. "
        "A parameter is named after its place, such as `query:/year`.",
        examples=["/components/wage_ore"],
    )
    column: str | None = Field(default=None, description="The column, for a line of a CSV file.")
    detail: str = Field(description="What is wrong, in the caller's language.", examples=["The field is missing."])


class ProblemResource(Resource):
    """A problem document (RFC 9457). ``code`` is stable: program against it. Fields may be added."""

    model_config = ConfigDict(
        extra="allow",
        **example(
            code="payment-in-future",
            type="/problems/payment-in-future",
            title="The payment date lies in the future",
            status=422,
            detail="The payment date is 1 April 2025. Report when the wage has been paid.",
            instance="urn:uuid:6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
            facts={"payment_date": "2025-04-01"},
        ),
    )

    code: str = Field(description="Stable code of the problem, the last part of `type`.")
    type: str
    title: str
    status: int = Field(description="The HTTP status of the answer.")
    detail: str
    instance: str
    facts: dict[str, str | int] | None = None
    errors: list[FieldErrorResource] | None = Field(
        default=None, description="The wrong fields, at most 20; absent if none is."
    )
    earlier: ReportResource | None = Field(
        default=None,
        description="With `possible-duplicate` and `reference-reused`: the own report that was accepted before. "
        "With `report-changed`: the report as it is now.",
    )


class CatalogueText(Resource):
    """A problem in one language."""

    title: str
    remedy: str


class CatalogueEntry(Resource):
    """A problem of the catalogue."""

    code: str = Field(description="Stable code of the problem.")
    type: str
    status: int = Field(description="The HTTP status of an answer with this problem.")
    da: CatalogueText
    en: CatalogueText


class Catalogue(Resource):
    """The problem catalogue, by code."""

    problems: list[CatalogueEntry]
