"""The cards that are due for control."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from frikort_contracts.http.cards import ControlsDue
from starlette.responses import Response

from services.portals.caseworker import labels
from services.portals.caseworker.fields import REASONS
from services.portals.page import CaseworkerPage

router = APIRouter()


@router.get("/kommune/kontrol")
async def controls_due(
    page: CaseworkerPage, year: Annotated[int | None, Query(alias="aar", ge=2019, le=2200)] = None
) -> Response:
    """The municipality's active cards that must be controlled by the end of a year; this year if none is chosen."""
    due = await page.api.with_reason(REASONS["control"]).get("/v1/controls-due", ControlsDue, year=year)
    return page.render("caseworker/controls.html", due=due, visit_form=page.form(), labels=labels)
