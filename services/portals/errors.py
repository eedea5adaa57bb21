"""Errors as pages in plain Danish or English; a client that does not accept HTML gets a problem document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pymongo.errors import PyMongoError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Match

from services.portals.api import Api, FreshLoginRequired, Pending, Refused, TokenRefused
from services.portals.citizen.card_context import NoCard, represented_by
from services.portals.container import container_of
from services.portals.forms import Form
from services.portals.login.access_tokens import SessionEnded
from services.portals.page import Page, RespondWith, SignInFirst, WrongPortal, is_safe, page_of
from services.portals.problems import PROBLEMS, ProblemError
from services.portals.texts import language_of, translations
from services.runtime.web.methods import PathMethods
from services.runtime.web.requests import note_problem

logger = structlog.get_logger(__name__)

_BY_STATUS: Final = {
    400: "malformed-request",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    413: "body-too-large",
}
# What the API says about these is meant for programs; a person reads the portals' own texts.
_FOR_PROGRAMS: Final = {"malformed-json": "malformed-request", "media-type-unsupported": "malformed-request"}


class _Texts(NamedTuple):
    """What a page says about an error: what is wrong, and what to do. Translated already."""

    title: str
    help: str


def error_response(request: Request, code: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """The problem ``code`` as a page for a browser, and as a problem document (RFC 9457) for other clients."""
    problem = PROBLEMS[code]
    note_problem(request, code)
    if wants_page(request):
        response: Response = _own_error_page(_anonymous(request), code, problem.status)
    else:
        gettext = translations(language_of(request)).gettext
        body = {
            "type": f"/problems/{code}",
            "code": code,
            "title": gettext(problem.title),
            "status": problem.status,
            "detail": gettext(problem.remedy),
            "instance": f"urn:uuid:{request.state.correlation_id}",
        }
        response = JSONResponse(body, problem.status, media_type="application/problem+json")
    response.headers.update(headers or {})
    return response


def wants_page(request: Request) -> bool:
    """Browsers name HTML when they load a page; programs accept JSON or anything."""
    return "text/html" in request.headers.get("accept", "")


def add_handlers(app: FastAPI, methods: PathMethods) -> None:
    """Handle what view functions and the framework raise."""
    _add_problem_handlers(app, methods)
    _add_access_handlers(app)
    _add_api_handlers(app)


def _add_problem_handlers(app: FastAPI, methods: PathMethods) -> None:
    @app.exception_handler(ProblemError)
    async def _problem(request: Request, error: ProblemError) -> Response:
        return error_response(request, error.code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, _: RequestValidationError) -> Response:
        return error_response(request, "invalid-request")

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = methods.allow(request.scope["path"]) or "GET, HEAD"  # else a static file
        return error_response(request, _BY_STATUS.get(error.status_code, "internal-error"), headers=headers)

    @app.exception_handler(PyMongoError)
    async def _unavailable(request: Request, error: PyMongoError) -> Response:
        logger.warning("portals.dependency_unavailable", reason=type(error).__name__)
        return error_response(request, "temporarily-unavailable", headers={"Retry-After": "5"})


def _add_access_handlers(app: FastAPI) -> None:
    @app.exception_handler(SignInFirst)
    async def _sign_in(request: Request, error: SignInFirst) -> Response:
        if not wants_page(request):
            return error_response(request, "login-required")
        if is_safe(request):
            return error.page.redirect(error.page.sign_in)
        note_problem(request, "login-required")
        # A person reads first that the form was not sent, so a page with a link follows.
        return await signed_out(error.page)

    @app.exception_handler(SessionEnded)
    async def _session_ended(request: Request, _: SessionEnded) -> Response:
        """The provider refused to renew the token during the request."""
        return await _sign_in(request, SignInFirst(replace(await page_of(request), session=None)))

    @app.exception_handler(WrongPortal)
    async def _wrong_portal(request: Request, error: WrongPortal) -> Response:
        if not wants_page(request):
            return error_response(request, "role-not-allowed")
        note_problem(request, "role-not-allowed")
        kept = None if is_safe(request) else await error.page.kept_form()
        return error.page.render("common/wrong_portal.html", 403, following=kept or error.page.here)

    @app.exception_handler(NoCard)
    async def _no_card(_: Request, error: NoCard) -> Response:
        return error.page.render("citizen/no_card.html", represented=await represented_by(error.page))

    @app.exception_handler(RespondWith)
    async def _respond_with(_: Request, error: RespondWith) -> Response:
        return error.response


def _add_api_handlers(app: FastAPI) -> None:
    @app.exception_handler(Refused)
    async def _refused(request: Request, error: Refused) -> Response:
        """A refusal that no view function has shown at a form."""
        page = await page_of(request)
        note_problem(request, error.code)
        code = _FOR_PROGRAMS.get(error.code, error.code)
        if code in PROBLEMS:
            return _own_error_page(page, code, error.status)
        # The API answered in the language of the page.
        return _error_page(page, _Texts(error.problem.title, error.problem.detail), error.status)

    @app.exception_handler(TokenRefused)
    async def _token_refused(request: Request, _: TokenRefused) -> Response:
        note_problem(request, "token-invalid")
        return await signed_out(await page_of(request))

    @app.exception_handler(FreshLoginRequired)
    async def _fresh_login(request: Request, _: FreshLoginRequired) -> Response:
        page = await page_of(request)
        note_problem(request, "fresh-login-required")
        kept = None if is_safe(request) else await page.kept_form()
        return page.render("common/fresh_login.html", 401, following=kept or page.here)

    @app.exception_handler(Pending)
    async def _pending(request: Request, _: Pending) -> Response:
        page = await page_of(request)
        form: Form = request.state.form
        return page.render("common/pending.html", 202, waiting=form)


async def signed_out(page: Page) -> Response:
    """The page after the end of a session. A form that was sent too late is kept for its person."""
    if is_safe(page.request):
        return page.render("common/signed_out.html", 401, following=page.here, kept=False)
    kept = await page.kept_form()
    following = page.here if _can_be_shown(page.request) else page.portal.home
    return page.render("common/signed_out.html", 401, following=kept or following, kept=kept is not None)


def _can_be_shown(request: Request) -> bool:
    """Whether the address of a form is also that of a page."""
    scope = {**request.scope, "method": "GET"}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes)


def _own_error_page(page: Page, code: str, status: int) -> HTMLResponse:
    problem = PROBLEMS[code]
    return _error_page(page, _Texts(page.gettext(problem.title), page.gettext(problem.remedy)), status)


def _error_page(page: Page, texts: _Texts, status: int) -> HTMLResponse:
    return page.render("common/error.html", status, texts=texts, instance=page.request.state.correlation_id)


def _anonymous(request: Request) -> Page:
    """For errors outside the routes, also when sessions cannot be read."""
    language = language_of(request)
    api = Api(container_of(request).gateway, None, language, request.state.correlation_id)
    return Page(request, language, None, api)
