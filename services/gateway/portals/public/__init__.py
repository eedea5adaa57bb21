"""Pages for everybody: what the scheme is, and where to go."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.gateway.portals.page import OpenPage

router = APIRouter()


@router.get("/")
async def front(page: OpenPage) -> Response:
    """The front page: the scheme in plain words, and the four doors."""
    return page.render("public/front.html")
