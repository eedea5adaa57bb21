"""The log of accesses to the citizen's data. Citizens without a card have one too: a search is an access."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from frikort_contracts.http.audit import AccessPage
from starlette.responses import Response

from services.portals.common.accesses import PURPOSES, visits
from services.portals.page import CitizenPage

router = APIRouter(prefix="/hvem-har-set")

_ON_A_PAGE: Final = 50


@router.get("")
async def accesses(
    page: CitizenPage, mine: bool = False, cursor: Annotated[str | None, Query(max_length=400)] = None
) -> Response:
    """A page of the list, newest first. ``mine``: also what the person looked at."""
    found = await page.api.get("/v1/me/accesses", AccessPage, own=mine, limit=_ON_A_PAGE, cursor=cursor)
    return page.render(
        "citizen/accesses.html",
        visits=visits(found.accesses),
        purposes=PURPOSES,
        mine=mine,
        first=_address(mine=mine) if cursor else None,
        following=_address(mine=mine, cursor=found.next) if found.next else None,
    )


def _address(*, mine: bool, cursor: str | None = None) -> str:
    query = {"mine": "true"} if mine else {}
    if cursor is not None:
        query["cursor"] = cursor
    return f"/borger/hvem-har-set?{urlencode(query)}" if query else "/borger/hvem-har-set"
