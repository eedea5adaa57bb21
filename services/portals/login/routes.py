"""The addresses of login and logout. Errors are problems, which the portals show as pages."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import APIRouter, Query
from frikort_contracts.http.roles import Role
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from services.portals.container import Container, container_of
from services.portals.login.logout_token import InvalidLogoutToken
from services.portals.login.portals import home, local_path, role_of
from services.portals.login.service import Continued
from services.portals.login.session import Session
from services.portals.login.session_guard import COOKIE
from services.portals.problems import ProblemError

logger = structlog.get_logger(__name__)

router = APIRouter(include_in_schema=False)

_UNDER_WAY: Final = "__Host-frikort-login"
_SEE_OTHER: Final = 303
SIGNED_OUT: Final = "__Host-frikort-logget-af"
"""Says on the front page that the person has just signed out."""
_SIGNED_OUT_SECONDS: Final = 60
_NOT_STORED: Final = {"Cache-Control": "no-store"}


@router.get("/login")
async def login(
    request: Request,
    portal: Annotated[str, Query(alias="dør")] = "",
    path: Annotated[str, Query(alias="next")] = "/",
    change: Annotated[str, Query(alias="skift")] = "",
    again: Annotated[str, Query(alias="igen")] = "",
    led: Annotated[str, Query(alias="ledt")] = "",
) -> Response:
    """Log in at a portal; without one, choose among them on the front page.

    ``skift=ja`` lets another person log in, and so does a login before that did not finish: its cookie is still there.
    ``igen=ja`` lets the same person log in again, for an action that needs a fresh login.
    A request by another name of this host (``localhost``) is sent to the public address first, where the provider
    sends people back to and the cookies must be. ``ledt=ja`` marks that this was done: behind a proxy the two may
    always differ.
    """
    portals = container_of(request)
    path = local_path(path)
    public_url = portals.settings.public_url
    if request.url.netloc != urlsplit(public_url).netloc and led != "ja":
        query = urlencode({"dør": portal, "next": path, "skift": change, "igen": again, "ledt": "ja"})
        return _go(f"{public_url}/login?{query}")
    role = role_of(portal, path)
    if role is None:
        return _go("/")
    session = await portals.guard.session_of(request)
    asked_for = "ja" in (change, again)
    if session is not None and session.role is role and not asked_for:
        return _go(home(role) if path == "/" else path)
    sent = await portals.login.begin(
        role,
        path,
        reauthenticate=asked_for or _UNDER_WAY in request.cookies,
        continued=_continued(session, role) if again == "ja" else None,
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


@router.get("/login/session")
async def session_state(request: Request) -> Response:
    """When the session ends, for the scripts of all its tabs; null if it has ended. The request does not extend it."""
    session = await container_of(request).guard.session_of(request, active=False)
    ends_at = None if session is None else session.ends_at.isoformat()
    return JSONResponse({"ends_at": ends_at}, headers=_NOT_STORED)


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
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


@router.post("/login/backchannel-logout")
async def back_channel_logout(request: Request) -> Response:
    """The OpenID provider ends sessions (OpenID Connect Back-Channel Logout 1.0). It is answered before the revoking.

    The request has no session and needs no form token: the signature of the token proves who sends it.
    """
    portals = container_of(request)
    encoded = (await request.form()).get("logout_token")
    try:
        ended = await portals.back_channel_logout.end(encoded if isinstance(encoded, str) else "")
    except InvalidLogoutToken as error:
        logger.warning("portals.logout_token_refused", reason=error.reason)
        return JSONResponse({"error": "invalid_request"}, 400, headers=_NOT_STORED)
    revoke = BackgroundTask(portals.login.revoke, ended)
    return Response(headers=_NOT_STORED, background=revoke)


def _continued(session: Session | None, role: Role) -> Continued | None:
    if session is None or session.role is not role:
        return None
    return Continued(session.subject, session.form_token)


def _go(address: str) -> Response:
    return RedirectResponse(address, _SEE_OTHER)


def _set(response: Response, name: str, secret: str, seconds: int | None = None) -> None:
    response.set_cookie(name, secret, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax")


def _unset(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
