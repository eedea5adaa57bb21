"""What goes wrong, as a page in plain words for those who asked for one; programs get problem documents as ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.gateway.api.errors import problem_response
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import Facts, text_of
from services.portals.api import Api, Pending, Refused
from services.portals.forms import Form
from services.portals.page import Page, RespondWith, SignInFirst, WrongPortal, is_safe, language_of, page_of
from services.portals.texts import N_


class _Words(NamedTuple):
    """A system error: what it is, and what to do."""

    title: str
    help: str


# What the catalogue says of these is for programs. What it says of every other problem a person can read.
_NOT_FOUND: Final = _Words(
    N_("Vi kan ikke finde siden"),
    N_("Måske er adressen skrevet forkert, eller siden er flyttet. Gå til forsiden, og find vej derfra."),
)
_OURS: Final = _Words(
    N_("Der skete en fejl hos os"),
    N_("Fejlen er vores. Det, som du har fået kvittering for, er gemt. Prøv igen om lidt."),
)
_WORDS: Final = {
    "not-found": _NOT_FOUND,
    "method-not-allowed": _NOT_FOUND,
    "invalid-request": _NOT_FOUND,
    "malformed-json": _NOT_FOUND,
    "media-type-unsupported": _NOT_FOUND,
    "internal-error": _OURS,
    "temporarily-unavailable": _Words(
        N_("Vi kan ikke vise siden lige nu"),
        N_(
            "Noget af systemet er nede eller har travlt. Det, som du har fået kvittering for, er gemt. Vent et "
            "øjeblik, og prøv igen."
        ),
    ),
    "body-too-large": _Words(N_("Det, du sendte, er for stort"), N_("Gå tilbage, og send en mindre fil.")),
    "too-many-attempts": _Words(N_("Der er prøvet for mange gange"), N_("Vent en time, og prøv igen.")),
}


def respond(
    request: Request,
    code: str,
    *,
    facts: Facts | None = None,
    errors: Sequence[tuple[str, str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem ``code``: a page for a browser, else a problem document."""
    if not wants_page(request):
        return problem_response(request, code, facts=facts, errors=errors, headers=headers)
    response = _error_page(_anonymous(request), code, CATALOGUE[code].status)
    response.headers.update(headers or {})
    return response


def wants_page(request: Request) -> bool:
    """A browser that shows a page says so; a program takes JSON or anything."""
    return "text/html" in request.headers.get("accept", "")


def add_page_handlers(app: FastAPI) -> None:
    """Answer what view functions raise with a page."""

    @app.exception_handler(SignInFirst)
    async def _sign_in(request: Request, error: SignInFirst) -> Response:
        if not wants_page(request):
            return problem_response(request, "token-missing")
        if is_safe(request):
            return error.page.redirect(error.page.sign_in)
        # A form cannot be led to another server's sign-in page (form-action 'self'), so a page with a link says it.
        return error.page.render("common/signed_out.html", 401, following=error.page.here)

    @app.exception_handler(WrongPortal)
    async def _wrong_portal(request: Request, error: WrongPortal) -> Response:
        if not wants_page(request):
            return problem_response(request, "role-not-allowed")
        return error.page.render("common/wrong_portal.html", 403)

    @app.exception_handler(RespondWith)
    async def _instead(_: Request, error: RespondWith) -> Response:
        return error.response

    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> Response:
        """What no view function has shown at a form."""
        return _error_page(await page_of(request), error.code, error.status)

    @app.exception_handler(Pending)
    async def _pending(request: Request, _: Pending) -> Response:
        page = await page_of(request)
        form: Form = request.state.form
        return page.render("common/pending.html", 202, waiting=form)


def _error_page(page: Page, code: str, status: int) -> HTMLResponse:
    words = _WORDS.get(code)
    if words is None:
        text = text_of(code, page.language)
        words = _Words(text.title, text.remedy)
    return page.render("common/error.html", status, words=words, instance=page.request.state.correlation_id)


def _anonymous(request: Request) -> Page:
    """Errors come from anywhere, also from where sessions cannot be read: their page knows nobody."""
    language = language_of(request)
    return Page(request, language, None, Api(request.app, None, language, request.state.correlation_id))
