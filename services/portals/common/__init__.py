"""What every portal has: the language switch, and the end of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.portals.container import container_of
from services.portals.formats import Language
from services.portals.login.portals import local_path
from services.portals.page import OpenPage
from services.portals.texts import LANGUAGE_COOKIE

router = APIRouter()

_YEAR_SECONDS = 365 * 24 * 3600


@router.get("/sprog/{language}")
async def choose_language(
    language: Language, page: OpenPage, til: Annotated[str, Query(max_length=2000)] = "/"
) -> Response:
    """Remember the language, and go back to the page."""
    response = page.redirect(local_path(til))
    response.set_cookie(
        LANGUAGE_COOKIE,
        language,
        max_age=_YEAR_SECONDS,
        secure=container_of(page.request).secure,
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/logget-af")
async def signed_out(page: OpenPage, following: Annotated[str, Query(alias="next", max_length=2000)] = "/") -> Response:
    """The session has ended by itself."""
    return page.render("common/signed_out.html", following=local_path(following))
