"""Reconciliations: whether the figures of all cards agree between the services."""

from __future__ import annotations

from fastapi import APIRouter
from frikort_contracts.http.reconciliations import Reconciliations
from starlette.responses import Response

from services.portals.page import AuthorityPage

router = APIRouter()


@router.get("/myndighed/afstemning")
async def reconciliations(page: AuthorityPage) -> Response:
    """The latest reconciliations, newest first."""
    found = await page.api.get("/v1/reconciliations", Reconciliations)
    return page.render("authority/reconciliations.html", runs=found.reconciliations)
