"""What every portal has: the language switch, and the end of a session."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from services.gateway.formats import Language
from services.gateway.portals.page import LANGUAGE_COOKIE, OpenPage, Page, SignInFirst, page_of
from services.gateway.settings import GatewaySettings

router = APIRouter()

_YEAR_SECONDS = 365 * 24 * 3600


@router.get("/sprog/{language}")
async def choose_language(
    language: Language, page: OpenPage, til: Annotated[str, Query(max_length=2000)] = "/"
) -> Response:
    """Remember the language, and go back to the page."""
    settings: GatewaySettings = page.request.app.state.gateway.settings
    response = page.redirect(own_path(til))
    response.set_cookie(
        LANGUAGE_COOKIE,
        language,
        max_age=_YEAR_SECONDS,
        secure=settings.environment == "production",
        httponly=True,
        samesite="lax",
    )
    return response


@router.get("/logget-af")
async def signed_out(page: OpenPage, following: Annotated[str, Query(alias="next", max_length=2000)] = "/") -> Response:
    """The session has ended by itself."""
    return page.render("common/signed_out.html", following=own_path(following))


class SessionEnd(BaseModel):
    """When the session ends unless something happens."""

    ends_at: datetime


@router.get("/session")
async def stay_signed_in(page: Annotated[Page, Depends(page_of)]) -> SessionEnd:
    """Asking for anything keeps a session alive; this is for those who have nothing to ask for."""
    if page.session is None:
        raise SignInFirst(page)
    return SessionEnd(ends_at=page.session.ends_at)


def own_path(path: str) -> str:
    """``path`` if it is one of this site, else the front page: nobody is led away by a link with our name on it."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain else "/"
