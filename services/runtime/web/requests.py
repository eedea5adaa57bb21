"""Around every HTTP request: a correlation id, limits, safe headers, and one log line without personal data."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Mapping
from typing import Final, Protocol
from uuid import UUID, uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = structlog.get_logger(__name__)

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_CLIENT_CLOSED: Final = 499
_NOT_LOGGED: Final = frozenset({"/health/live", "/health/ready", "/metrics"})


class ErrorResponse(Protocol):
    """Builds the response to a request that fails outside the routes: a problem document or a page."""

    def __call__(self, request: Request, code: str, *, headers: Mapping[str, str] | None = None) -> Response: ...


def correlation_of(traceparent: str | None) -> UUID:
    """The trace id of a `traceparent` header (W3C Trace Context), or a new id."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return UUID(match[1]) if match else uuid4()


class RequestMiddleware:
    """Pure ASGI, so that streamed responses stay streamed.

    Sets ``request.state.correlation_id``. Answers `too-busy` above ``requests_most`` requests at once,
    `body-too-large` above ``body_most`` bytes (``files_most`` by path), and `internal-error` when a route raises.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        body_most: int,
        files_most: Mapping[str, int],
        requests_most: int,
        error_response: ErrorResponse,
    ) -> None:
        self._app = app
        self._request_event = f"{service}.request"
        self._failure_event = f"{service}.request_failed"
        self._body_most = body_most
        self._files_most = files_most
        self._requests_most = requests_most
        self._error_response = error_response
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _NOT_LOGGED:
            await self._app(scope, receive, send)
            return
        correlation_id = str(correlation_of(Headers(scope=scope).get("traceparent")))
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        began = time.perf_counter()
        status = 0
        counted = 1

        async def sending(message: Message) -> None:
            nonlocal status, counted
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers.setdefault("Correlation-Id", scope["state"]["correlation_id"])
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("X-Content-Type-Options", "nosniff")
                if headers.get("content-type", "").startswith("text/event-stream"):
                    # An event stream stays open without work, and has limits of its own.
                    self._requests -= counted
                    counted = 0
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            self._requests += counted
            try:
                await self._admit(scope, receive, sending)
            except ClientDisconnect:
                # The client closed the connection during its upload: there is no one to answer.
                status = _CLIENT_CLOSED
            except Exception as error:
                self._log_failure(error)
                if status:
                    raise
                await self._error_response(Request(scope), "internal-error")(scope, receive, sending)
            finally:
                self._requests -= counted
                route = scope.get("route")
                logger.info(
                    self._request_event,
                    method=scope["method"],
                    # The route's template: a path may hold personal data.
                    route=getattr(route, "path", None),
                    status=status,
                    milliseconds=round(1000 * (time.perf_counter() - began), 1),
                )

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._requests > self._requests_most:
            response = self._error_response(Request(scope), "too-busy", headers={"Retry-After": "2"})
            await response(scope, receive, send)
        else:
            await self._limit_body(scope, receive, send)

    async def _limit_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As Starlette's own limit, but answered with a problem instead of plain text."""
        most = self._files_most.get(scope["path"], self._body_most)
        if _announced(Headers(scope=scope)) > most:
            response = self._error_response(Request(scope), "body-too-large", headers={"Connection": "close"})
            await response(scope, receive, send)
            return
        size = 0

        async def receiving() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise HTTPException(413)
            return message

        await self._app(scope, receiving, send)

    def _log_failure(self, error: Exception) -> None:
        """Logs the places and the type; the text of an exception may hold personal data."""
        frames = traceback.extract_tb(error.__traceback__)
        places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        logger.error(self._failure_event, error=type(error).__name__, places=places[-12:])


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0
