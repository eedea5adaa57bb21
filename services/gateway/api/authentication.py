"""Authenticates a request before any of its body is read, and limits the requests of one caller at once."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.api import local_clock_router
from services.gateway.api.errors import problem_response, response_to
from services.gateway.auth import Authenticator, Caller
from services.gateway.container import Container
from services.gateway.problems import ProblemError
from services.runtime.web.requests import count_for_caller

PUBLIC_PATHS: Final = frozenset(
    {"/v1/allowances", "/v1/openapi.json", "/v1/problems", "/v1/statistics", "/v1/evidence/keys"}
)
"""The paths of the API that need no token, beside those of the statistics."""
_PUBLIC_PREFIX: Final = "/v1/statistics/"

_STATE: Final = "authentication"
_SOON: Final = {"Retry-After": "2"}


class AuthenticationMiddleware:
    """Pure ASGI. Every path of the API but the public ones needs a valid token, and so does every body.

    The token is checked before anything else of a request; ``caller_of_request`` has the result.
    Answers `too-many-requests` when the caller has too many requests at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(local_clock_router.router.prefix):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        needs_token = _needs_token(scope["path"], headers)
        if not needs_token and "authorization" not in headers:
            await self._app(scope, receive, send)
            return
        container: Container = scope["app"].state.gateway
        found = await _authenticated(container.authenticator, headers.get("authorization"))
        scope["state"][_STATE] = found
        if isinstance(found, Caller) and not count_for_caller(scope, found.client):
            await problem_response(Request(scope), "too-many-requests", headers=_SOON)(scope, receive, send)
        elif isinstance(found, ProblemError) and needs_token:
            await response_to(Request(scope), found)(scope, receive, send)
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


def is_public(path: str) -> bool:
    """Whether a path of the API needs no token."""
    return path in PUBLIC_PATHS or path.startswith(_PUBLIC_PREFIX)


def _needs_token(path: str, headers: Headers) -> bool:
    has_body = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
    return has_body or (path.startswith("/v1/") and not is_public(path))


async def _authenticated(authenticator: Authenticator, authorization: str | None) -> Caller | ProblemError:
    try:
        return await authenticator.caller(authorization)
    except ProblemError as refused:
        return refused
