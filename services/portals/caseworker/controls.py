"""The cards that are due for control."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query
from frikort_contracts.http.balances import Allowances
from frikort_contracts.http.cards import ControlsDue
from starlette.responses import Response

from services.portals.caseworker import labels
from services.portals.caseworker.fields import REASONS
from services.portals.page import CaseworkerPage
from services.portals.paging import Cursor

router = APIRouter()

YEARS_AHEAD: Final = 2  # the API lists no later year


@router.get("/kommune/kontrol")
async def controls_due(
    page: CaseworkerPage,
    year: Annotated[int | None, Query(alias="aar", ge=2019, le=2200)] = None,
    cursor: Cursor = "",
) -> Response:
    """The municipality's active cards that must be controlled by the end of a year; this year if none is chosen."""
    api = page.api.with_reason(REASONS["control"])
    due, allowances = await asyncio.gather(
        api.get("/v1/controls-due", ControlsDue, year=year, cursor=cursor or None),
        page.api.get("/v1/allowances", Allowances),
    )
    years = range(due.year - 1, min(due.year + 1, allowances.current_year + YEARS_AHEAD) + 1)
    return page.render(
        "caseworker/controls.html", due=due, years=years, cursor=cursor, visit_form=page.form(), labels=labels
    )
