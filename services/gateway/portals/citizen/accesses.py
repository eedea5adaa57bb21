"""Who has looked at the citizen's data, and why. Also for who has no card: somebody may have searched for them."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.gateway.api import resources as r
from services.gateway.portals.page import CitizenPage

router = APIRouter(prefix="/hvem-har-set")

_ON_A_PAGE: Final = 25


@router.get("")
async def accesses(
    page: CitizenPage, mine: bool = False, fra: Annotated[str | None, Query(max_length=400)] = None
) -> Response:
    """A page of the list, newest first. ``mine``: also what the person looked at."""
    found = await page.api.get("/v1/me/accesses", r.AccessPage, own=mine, limit=_ON_A_PAGE, cursor=fra)
    return page.render(
        "citizen/accesses.html",
        accesses=found.accesses,
        mine=mine,
        first=_address(mine=mine) if fra else None,
        following=_address(mine=mine, cursor=found.next) if found.next else None,
    )


def _address(*, mine: bool, cursor: str | None = None) -> str:
    query = {"mine": "true"} if mine else {}
    if cursor is not None:
        query["fra"] = cursor
    return f"/borger/hvem-har-set?{urlencode(query)}" if query else "/borger/hvem-har-set"
