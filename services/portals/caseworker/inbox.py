"""The open disputes of the municipality's citizens."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from frikort_contracts.http.reports import DisputedReports
from starlette.responses import Response

from services.portals.caseworker import labels
from services.portals.caseworker.fields import REASONS
from services.portals.page import CaseworkerPage
from services.portals.paging import Cursor

router = APIRouter()

_ON_A_PAGE: Final = 25


@router.get("/kommune/indsigelser")
async def open_disputes(page: CaseworkerPage, cursor: Cursor = "") -> Response:
    """The disputes, in the order in which their reports were accepted. Opening one needs no other reason."""
    api = page.api.with_reason(REASONS["dispute"])
    found = await api.get("/v1/disputes", DisputedReports, limit=_ON_A_PAGE, cursor=cursor or None)
    return page.render(
        "caseworker/inbox.html",
        disputes=found.disputes,
        following=found.next,
        cursor=cursor,
        visit_form=page.form(),
        labels=labels,
    )
