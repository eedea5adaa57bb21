"""The addresses of login. What goes wrong is a problem; the portals show it as a page."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.gateway.container import Container
from services.gateway.problems import ProblemError
from services.portals.login.portals import local_path, role_of, room
from services.portals.login.service import LoginService
from services.portals.login.session_guard import COOKIE, check_form, session_of

router = APIRouter(include_in_schema=False)

_UNDER_WAY: Final = "__Host-frikort-login"
_SEE_OTHER: Final = 303


@router.get("/login")
async def login(
    request: Request,
    door: Annotated[str, Query(alias="dør")] = "",
    path: Annotated[str, Query(alias="next")] = "/",
    change: Annotated[str, Query(alias="skift")] = "",
    led: Annotated[str, Query(alias="ledt")] = "",
) -> Response:
    """Log on at a door; who names none is shown them all.

    ``skift=ja`` lets someone else log on, and so does a login before that came to nothing: its cookie is still there.
    Who came by another name of this host (``localhost``) is led to the one the provider sends back to, where the
    cookies must be; ``ledt=ja`` says that it was done, for a proxy may show us a name of its own.
    """
    path = local_path(path)
    gateway: Container = request.app.state.gateway
    if request.url.netloc != urlsplit(gateway.settings.public_url).netloc and led != "ja":
        query = urlencode({"dør": door, "next": path, "skift": change, "ledt": "ja"})
        return _go(f"{gateway.settings.public_url}/login?{query}")
    role = role_of(door, path)
    if role is None:
        return _go("/")
    session = await session_of(request)
    if session is not None and session.caller.role is role and change != "ja":
        return _go(room(role) if path == "/" else path)
    desk = _desk(request)
    sent = await desk.send(role, path, anew=change == "ja" or _UNDER_WAY in request.cookies)
    response = _go(sent.address)
    _set(response, _UNDER_WAY, sent.secret, int(desk.patience.total_seconds()))
    return response


@router.get("/login/callback")
async def callback(request: Request) -> Response:
    """Back from the OpenID provider. A session that was there before ends here, whoever's it was."""
    desk = _desk(request)
    sent = await desk.receive(request.cookies.get(_UNDER_WAY, ""), request.query_params)
    await desk.sessions.end(request.cookies.get(COOKIE, ""))
    response = _go(sent.address)
    _set(response, COOKIE, sent.secret)
    _unset(response, _UNDER_WAY)
    return response


@router.post("/login/forlaeng")
async def extend(request: Request) -> Response:
    """Stay signed in: from a form back to ``next``; for a script (``Accept: application/json``) until when."""
    session = await session_of(request)
    if session is None:
        raise ProblemError("login-required")
    form = await request.form()
    check_form(request, session, form)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"ends_at": session.ends_at.isoformat()})
    return _go(local_path(str(form.get("next", "/"))))


@router.post("/logout")
async def logout(request: Request) -> Response:
    """Sign out here and at the OpenID provider."""
    session = await session_of(request)
    if session is None:
        return _go("/")
    check_form(request, session, await request.form())
    desk = _desk(request)
    gateway: Container = request.app.state.gateway
    id_token = await desk.sessions.end(request.cookies[COOKIE])
    home = f"{gateway.settings.public_url}/"
    response = _go("/" if id_token is None else await desk.provider.end_session_url(id_token, home))
    _unset(response, COOKIE)
    return response


def _desk(request: Request) -> LoginService:
    gateway: Container = request.app.state.gateway
    return gateway.desk


def _go(address: str) -> Response:
    return RedirectResponse(address, _SEE_OTHER)


def _set(response: Response, name: str, secret: str, seconds: int | None = None) -> None:
    response.set_cookie(name, secret, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def _unset(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
