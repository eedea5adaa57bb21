"""What goes wrong, as a page in plain words for those who asked for one; programs get problem documents as ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.gateway.api.errors import problem_response
from services.gateway.portals.api import Api, Pending, Refused
from services.gateway.portals.forms import Form
from services.gateway.portals.page import ForeignForm, Page, SignInFirst, WrongDoor, is_safe, language_of, page_of
from services.gateway.portals.texts import N_
from services.gateway.portals.words import plain_words
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import Facts


class _Words(NamedTuple):
    """A system error: what it is, and what to do."""

    title: str
    help: str


_OURS: Final = _Words(
    N_("Der skete en fejl hos os"),
    N_("Fejlen er vores. Det, du havde sendt, er ikke gået tabt, hvis du fik en kvittering. Prøv igen om lidt."),
)
_WORDS: Final = {
    403: _Words(N_("Du har ikke adgang til siden"), N_("Log ind med den adgang, som siden er til for.")),
    404: _Words(
        N_("Vi kan ikke finde siden"),
        N_("Måske er adressen skrevet forkert, eller siden er flyttet. Gå til forsiden, og find vej derfra."),
    ),
    413: _Words(N_("Det, du sendte, er for stort"), N_("Gå tilbage, og send en mindre fil.")),
    422: _Words(N_("Adressen kan ikke bruges"), N_("Gå til forsiden, og find vej derfra.")),
    429: _Words(N_("Der er prøvet for mange gange"), N_("Vent en time, og prøv igen.")),
    503: _Words(
        N_("Vi kan ikke vise siden lige nu"),
        N_("Noget af systemet er nede eller travlt. Intet, som du har fået kvittering for, er gået tabt. Vent et "
           "øjeblik, og prøv igen."),
    ),
}  # fmt: skip
_ALIKE: Final = {405: 404, 400: 422, 401: 403, 415: 422}


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
    status = CATALOGUE[code].status
    response = system_error(_anonymous(request), status)
    response.headers.update(headers or {})
    return response


def wants_page(request: Request) -> bool:
    """A browser that shows a page says so; a program takes JSON or anything."""
    return "text/html" in request.headers.get("accept", "")


def system_error(page: Page, status: int) -> HTMLResponse:
    """The page of a system error."""
    words = _WORDS.get(_ALIKE.get(status, status), _OURS)
    return page.render("common/error.html", status, words=words, instance=page.request.state.correlation_id)


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

    @app.exception_handler(WrongDoor)
    async def _wrong_door(request: Request, error: WrongDoor) -> Response:
        if not wants_page(request):
            return problem_response(request, "role-not-allowed")
        return error.page.render("common/wrong_door.html", 403)

    @app.exception_handler(ForeignForm)
    async def _foreign_form(_: Request, error: ForeignForm) -> Response:
        return error.page.render("common/foreign_form.html", 403)

    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> Response:
        """What no view function has shown at a form."""
        page = await page_of(request)
        if error.may_have_happened:
            return system_error(page, error.status)
        words = _Words(error.problem.title, plain_words(error, page.translations))
        return page.render("common/error.html", error.status, words=words, instance=request.state.correlation_id)

    @app.exception_handler(Pending)
    async def _pending(request: Request, _: Pending) -> Response:
        page = await page_of(request)
        form: Form = request.state.form
        return page.render("common/pending.html", 202, waiting=form)


def _anonymous(request: Request) -> Page:
    """Errors come from anywhere, also from where sessions cannot be read: their page knows nobody."""
    language = language_of(request)
    return Page(request, language, None, Api(request.app, None, language, request.state.correlation_id))
