"""The addresses of login and logout. Errors are problems, which the portals show as pages."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.portals.container import Container, container_of
from services.portals.login.portals import home, local_path, role_of
from services.portals.login.service import Continued
from services.portals.login.session_guard import COOKIE, FORM_TOKEN
from services.portals.problems import ProblemError

router = APIRouter(include_in_schema=False)

_UNDER_WAY: Final = "__Host-frikort-login"
_SEE_OTHER: Final = 303
SIGNED_OUT: Final = "__Host-frikort-logget-af"
"""Says on the front page that the person has just signed out."""
_SIGNED_OUT_SECONDS: Final = 60
_NOT_KEPT: Final = frozenset({FORM_TOKEN, "step"})


@router.get("/login")
async def login(
    request: Request,
    portal: Annotated[str, Query(alias="dør")] = "",
    path: Annotated[str, Query(alias="next")] = "/",
    change: Annotated[str, Query(alias="skift")] = "",
    led: Annotated[str, Query(alias="ledt")] = "",
) -> Response:
    """Log in at a portal; without one, choose among them on the front page.

    ``skift=ja`` lets another person log in, and so does a login before that did not finish: its cookie is still there.
    A request by another name of this host (``localhost``) is sent to the public address first, where the provider
    sends people back to and the cookies must be. ``ledt=ja`` marks that this was done: behind a proxy the two may
    always differ.
    """
    portals = container_of(request)
    path = local_path(path)
    public_url = portals.settings.public_url
    if request.url.netloc != urlsplit(public_url).netloc and led != "ja":
        query = urlencode({"dør": portal, "next": path, "skift": change, "ledt": "ja"})
        return _go(f"{public_url}/login?{query}")
    role = role_of(portal, path)
    if role is None:
        return _go("/")
    session = await portals.guard.session_of(request)
    if session is not None and session.role is role and change != "ja":
        return _go(home(role) if path == "/" else path)
    unfinished = _UNDER_WAY in request.cookies
    sent = await portals.login.begin(role, path, reauthenticate=change == "ja" or unfinished)
    response = _go(sent.address)
    _set(response, _UNDER_WAY, sent.secret, int(portals.login.time_limit.total_seconds()))
    return response


@router.post("/login/igen")
async def log_in_again(request: Request, path: Annotated[str, Query(alias="next")] = "/") -> Response:
    """A fresh login of the same person, which comes back to ``next`` with the form that was sent there."""
    portals = container_of(request)
    session = await portals.guard.session_of(request)
    if session is None:
        raise ProblemError("login-required")
    form = await request.form()
    portals.guard.check_form(request, session, form)
    posted = [(name, value) for name, value in form.multi_items() if isinstance(value, str) and name not in _NOT_KEPT]
    sent = await portals.login.begin(
        session.role,
        local_path(path),
        reauthenticate=True,
        continued=Continued(session.subject, session.form_token, posted),
    )
    response = _go(sent.address)
    _set(response, _UNDER_WAY, sent.secret, int(portals.login.time_limit.total_seconds()))
    return response


@router.get("/login/callback")
async def callback(request: Request) -> Response:
    """Back from the OpenID provider. A session that this browser had before ends, no matter of which person."""
    login_service = container_of(request).login
    sent = await login_service.finish(request.cookies.get(_UNDER_WAY, ""), request.query_params)
    await login_service.end(request.cookies.get(COOKIE, ""))
    response = _go(sent.address)
    _set(response, COOKIE, sent.secret)
    _unset(response, _UNDER_WAY)
    return response


@router.post("/login/forlaeng")
async def extend(request: Request) -> Response:
    """Stay signed in: a form returns to ``next``; a script (``Accept: application/json``) gets the new end."""
    guard = container_of(request).guard
    session = await guard.session_of(request)
    if session is None:
        raise ProblemError("login-required")
    form = await request.form()
    guard.check_form(request, session, form)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"ends_at": session.ends_at.isoformat()})
    return _go(local_path(str(form.get("next", "/"))))


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Sign out here and at the OpenID provider."""
    portals: Container = container_of(request)
    session = await portals.guard.session_of(request)
    if session is None:
        return _go("/")
    portals.guard.check_form(request, session, await request.form())
    id_token = await portals.login.end(request.cookies[COOKIE])
    front = f"{portals.settings.public_url}/"
    response = _go("/" if id_token is None else await portals.login.provider.end_session_url(id_token, front))
    _unset(response, COOKIE)
    _set(response, SIGNED_OUT, "ja", _SIGNED_OUT_SECONDS)
    return response


def _go(address: str) -> Response:
    return RedirectResponse(address, _SEE_OTHER)


def _set(response: Response, name: str, secret: str, seconds: int | None = None) -> None:
    response.set_cookie(name, secret, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def _unset(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
