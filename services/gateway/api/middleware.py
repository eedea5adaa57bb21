"""For every request: a correlation id, a log line without personal data, limits, and no caching of responses."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Mapping
from typing import Final
from uuid import UUID, uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.api.errors import Respond

logger = structlog.get_logger(__name__)

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_CLIENT_CLOSED: Final = 499
_QUIET: Final = frozenset({"/health/live", "/health/ready", "/metrics"})


def correlation_of(traceparent: str | None) -> UUID:
    """The caller's trace id, or a new id."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return UUID(match[1]) if match else uuid4()


class RequestMiddleware:
    """Pure ASGI, so that streamed responses stay streamed."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_most: int,
        files_most: Mapping[str, int],
        requests_most: int,
        respond: Respond,
    ) -> None:
        """``files_most`` has the maximum body size of each upload path, in bytes."""
        self._app = app
        self._body_most = body_most
        self._files_most = files_most
        self._requests_most = requests_most
        self._respond = respond
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _QUIET:
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
                    # It is held, not worked on, and has limits of its own (``changes.py``).
                    self._requests -= counted
                    counted = 0
            await send(message)

        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            self._requests += counted
            try:
                await self._admitted(scope, receive, sending)
            except ClientDisconnect:
                # The client disconnected during an upload: nothing was acknowledged, and no response can be sent.
                status = _CLIENT_CLOSED
            except Exception as error:
                # The last resort: the caller gets a problem, the log gets the place.
                _log_failure(error)
                if status:
                    raise
                await self._respond(Request(scope), "internal-error")(scope, receive, sending)
            finally:
                self._requests -= counted
                route = scope.get("route")
                logger.info(
                    "gateway.request",
                    method=scope["method"],
                    # The template, not the path: a path may hold what a log must not.
                    route=getattr(route, "path", None),
                    status=status,
                    milliseconds=round(1000 * (time.perf_counter() - began), 1),
                )

    async def _admitted(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse requests above the limit before they cost anything."""
        if self._requests > self._requests_most:
            await self._respond(Request(scope), "too-busy", headers={"Retry-After": "2"})(scope, receive, send)
        else:
            await self._limited(scope, receive, send)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse bodies above the limit with a problem document; Starlette's own limit answers in plain text."""
        most = self._files_most.get(scope["path"], self._body_most)
        if _announced(Headers(scope=scope)) > most:
            response = self._respond(Request(scope), "body-too-large", headers={"Connection": "close"})
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


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0


def _log_failure(error: Exception) -> None:
    """Log the places of an exception, not its text, which may contain a name."""
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    logger.error("gateway.request_failed", error=type(error).__name__, places=places[-12:])
