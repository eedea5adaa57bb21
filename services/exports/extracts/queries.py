"""The queries for the cards of an extract, a year at a time. Pure."""

from __future__ import annotations

from typing import Any

from frikort_contracts.extract_files import ExtractKind

from services.exports.extracts.requests import ExtractRequest


def cards_in(request: ExtractRequest, year: int) -> dict[str, Any]:
    """The cards with a statement of ``year`` that belong in the extract."""
    return {"state.stated_years": year, **_of_scope(request, year, request.municipality)}


def pending_in(request: ExtractRequest, year: int) -> dict[str, Any]:
    """The cards whose year is pending. One without a known person has no municipality: it may belong to any."""
    if request.kind is ExtractKind.EMPLOYER:
        return {"state.pending_years": year, "$or": _with_reports_of(request, year)}
    return {"state.pending_years": year, **_of_scope(request, year, request.municipality, None)}


def employer_field(year: int) -> str:
    """The field with the employers of a year's statement."""
    return f"state.years.{year}.statement.employers.cvr"


def _with_reports_of(request: ExtractRequest, number: int) -> list[dict[str, Any]]:
    """The conditions on a pending card that it has reports of the employer, counted or still arriving."""
    year = f"state.years.{number}"
    arriving = {"$objectToArray": {"$ifNull": [f"${year}.arriving", {}]}}
    cvrs = {"$map": {"input": arriving, "in": {"$arrayElemAt": ["$$this.v", 0]}}}
    return [{f"{year}.employers.{request.cvr}": {"$exists": True}}, {"$expr": {"$in": [request.cvr, cvrs]}}]


def _of_scope(request: ExtractRequest, year: int, *municipalities: str | None) -> dict[str, Any]:
    """The condition on the card and the municipality. Raises ``ValueError`` if the kind needs one that is missing."""
    if request.kind is ExtractKind.EMPLOYER:
        if request.cvr is None:
            raise ValueError("an extract for an employer is of its reports")
        return {employer_field(year): request.cvr}
    if request.kind is ExtractKind.CITIZEN:
        if request.card_id is None:
            raise ValueError("an extract for a citizen is of one card")
        return {"_id": request.card_id}
    if request.municipality is None:
        if request.kind is ExtractKind.MUNICIPALITY:
            raise ValueError("an extract for a municipality is of that municipality")
        return {}
    return {"state.municipality": {"$in": list(municipalities)}}
