"""Authenticates a request before any of its body is read, and limits the requests of one caller at once."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.api import local_clock_router
from services.gateway.api.errors import problem_response
from services.gateway.auth import Authenticator, Caller
from services.gateway.container import Container
from services.gateway.problems import ProblemError
from services.runtime.web.requests import count_for_caller

_STATE: Final = "authentication"
_SOON: Final = {"Retry-After": "2"}


class AuthenticationMiddleware:
    """Pure ASGI. A request with a body needs a valid token, whatever its route.

    Without a body, the route decides whether a token is needed; ``caller_of_request`` has the result.
    Answers `too-many-requests` when the caller has too many requests at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(local_clock_router.router.prefix):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        if not has_body and "authorization" not in headers:
            await self._app(scope, receive, send)
            return
        container: Container = scope["app"].state.gateway
        found = await _authenticated(container.authenticator, headers.get("authorization"))
        scope["state"][_STATE] = found
        if isinstance(found, Caller) and not count_for_caller(scope, found.client):
            await problem_response(Request(scope), "too-many-requests", headers=_SOON)(scope, receive, send)
        elif isinstance(found, ProblemError) and has_body:
            await problem_response(Request(scope), found.code, headers=found.headers)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


async def caller_of_request(request: Request) -> Caller:
    """The caller of a request that needs one. Raises ``ProblemError``."""
    found: Caller | ProblemError | None = getattr(request.state, _STATE, None)
    if found is None:
        container: Container = request.app.state.gateway
        found = await _authenticated(container.authenticator, request.headers.get("authorization"))
    if isinstance(found, ProblemError):
        raise found
    return found


async def _authenticated(authenticator: Authenticator, authorization: str | None) -> Caller | ProblemError:
    try:
        return await authenticator.caller(authorization)
    except ProblemError as refused:
        return refused
