"""What every portal has: the language switch, and the end of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.portals.container import container_of
from services.portals.formats import Language
from services.portals.login.drafts import FormOwner
from services.portals.login.portals import local_path
from services.portals.page import OpenPage, keep_draft
from services.portals.problems import ProblemError
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
    return page.render("common/signed_out.html", following=local_path(following), kept=False)


@router.post("/logget-af")
async def signed_out_while_typing(
    page: OpenPage, following: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> Response:
    """The session has ended while the person typed on the page ``next``: what is typed is kept for them.

    A script of the page sends the form here, so that nothing is done with it. If the person is signed in again in
    another tab, the page follows at once.
    """
    guard, form = container_of(page.request).guard, await page.request.form()
    owner = guard.form_owner(page.request, form)
    if owner is None:
        raise ProblemError("form-refused")
    posted = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
    address = local_path(following)
    kept = await keep_draft(page.request, owner, address, posted)
    if page.session is not None and FormOwner(page.session.subject, page.session.role) == owner:
        return page.redirect(kept or address)
    return page.render("common/signed_out.html", following=kept or address, kept=kept is not None)
