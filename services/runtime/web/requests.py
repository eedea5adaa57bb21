"""Around every HTTP request: a correlation id, limits, safe headers, and one log line without personal data."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol
from uuid import UUID, uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.errors import places_of
from services.runtime.settings import PublicSettings
from services.runtime.web.connections import STATE_KEY, Connection, Proxies
from services.runtime.web.request_metrics import RequestMetrics

logger = structlog.get_logger(__name__)

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_CLIENT_CLOSED: Final = 499
_CLOSE: Final = {"Connection": "close"}
_SOON: Final = {"Retry-After": "2"}
_STATE_KEY: Final = "exchange"
_PROBLEM_KEY: Final = "problem"


class ErrorResponse(Protocol):
    """Builds the response to a request that fails outside the routes: a problem document or a page."""

    def __call__(self, request: Request, code: str, *, headers: Mapping[str, str] | None = None) -> Response: ...


def correlation_of(traceparent: str | None) -> UUID:
    """The trace id of a `traceparent` header (W3C Trace Context), or a new id."""
    match = _TRACEPARENT.fullmatch(traceparent or "")
    return UUID(match[1]) if match else uuid4()


@dataclass(frozen=True)
class RequestLimits:
    """The limits of requests. ``services.runtime.settings.PublicSettings`` describes each.

    Attributes:
        body_most: the most bytes of a body; ``files_most`` are exceptions by path.
        per_client: the most requests at once of one address that is not a proxy's, and of one authenticated caller.
    """

    body_most: int
    files_most: Mapping[str, int]
    requests_most: int
    per_client: int
    body_timeout: float
    body_rate: int
    proxies: Proxies

    @classmethod
    def from_settings(cls, settings: PublicSettings, *, body_most: int, files_most: Mapping[str, int]) -> RequestLimits:
        """The limits in the settings. Raises ``ValueError`` if ``trusted_proxies`` is no list of addresses."""
        return cls(
            body_most=body_most,
            files_most=files_most,
            requests_most=settings.requests_most,
            per_client=settings.requests_per_client,
            body_timeout=settings.body_timeout,
            body_rate=settings.body_rate,
            proxies=Proxies(settings.trusted_proxies),
        )


class RequestMiddleware:
    """Pure ASGI, so that streamed responses stay streamed.

    Sets ``request.state.correlation_id``. Answers `too-busy` and `too-many-requests` above the most requests at once
    (in all, and of one address), and `internal-error` when a route raises. A route that reads a body gets
    ``HTTPException`` 413 if the body is too large, and 408 if it does not arrive in time.

    ``routes``: the methods and templates for the metrics; see ``PathMethods.routes``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        service: str,
        limits: RequestLimits,
        error_response: ErrorResponse,
        routes: Iterable[tuple[str, str]] = (),
    ) -> None:
        self._app = app
        self._metrics = RequestMetrics(service, routes)
        self._request_event = f"{service}.request"
        self._failure_event = f"{service}.request_failed"
        self._limits = limits
        self._error_response = error_response
        self._load = _Load()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["correlation_id"] = str(correlation_of(Headers(scope=scope).get("traceparent")))
        began = time.perf_counter()
        exchange = state[_STATE_KEY] = _Exchange(scope, receive, send, self._limits, self._load)
        with structlog.contextvars.bound_contextvars(correlation_id=state["correlation_id"]), exchange.counted():
            try:
                await self._handler_of(exchange)(scope, exchange.receive, exchange.send)
            except ClientDisconnect:
                # The client closed the connection during its upload: there is no one to answer.
                exchange.status = _CLIENT_CLOSED
            except Exception as error:
                self._log_failure(error)
                if exchange.status:
                    raise
                await self._error_response(Request(scope), "internal-error")(scope, receive, exchange.send)
            finally:
                ended = time.perf_counter()
                if exchange.answered_at is not None:
                    self._metrics.observe(scope, exchange.status, exchange.answered_at - began)
                route = scope.get("route")
                logger.info(
                    self._request_event,
                    **state.get(_PROBLEM_KEY, {}),
                    method=scope["method"],
                    # The route's template: a path may hold personal data.
                    route=getattr(route, "path", None),
                    status=exchange.status,
                    milliseconds=round(1000 * (ended - began), 1),
                )

    def _handler_of(self, exchange: _Exchange) -> ASGIApp:
        """The application, or the response that refuses the request."""
        request = Request(exchange.scope)
        if self._load.working > self._limits.requests_most:
            return self._error_response(request, "too-busy", headers=_SOON)
        if not exchange.count_for_address():
            return self._error_response(request, "too-many-requests", headers=_SOON)
        return self._app

    def _log_failure(self, error: Exception) -> None:
        logger.error(self._failure_event, error=type(error).__name__, places=places_of(error))


def note_problem(request: Request, code: str, reason: str | None = None) -> None:
    """Add the problem of a refused request to its log line. Neither text may be the client's."""
    fields = {"problem": code} if reason is None else {"problem": code, "reason": reason}
    request.scope.setdefault("state", {})[_PROBLEM_KEY] = fields


@dataclass
class _Load:
    """The requests in progress: those at work (not waiting for a body), and those of each client."""

    working: int = 0
    of_client: Counter[str] = field(default_factory=Counter)


def count_for_caller(scope: Scope, caller: str) -> bool:
    """Count a request below ``RequestMiddleware`` for its authenticated caller, as well as for its address.

    Returns whether the caller's limit allows it.
    """
    exchange: _Exchange = scope["state"][_STATE_KEY]
    return exchange.count_for(f"caller {caller}")


class _Exchange:
    """One request and its response, within the limits."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: RequestLimits, load: _Load) -> None:
        self.scope = scope
        self.status = 0
        self.answered_at: float | None = None
        self._announced = _announced(Headers(scope=scope))
        self._body_most = limits.files_most.get(scope["path"], limits.body_most)
        self._clients: list[str] = []
        self._receive = receive
        self._send = send
        self._limits = limits
        self._load = load
        self._is_counted = False
        self._size = 0
        self._has_body = False
        self._deadline = asyncio.get_running_loop().time() + limits.body_timeout
        self._connection: Connection | None = scope["state"].get(STATE_KEY)

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """The time during which the request counts for the limits of requests at once."""
        self._is_counted = True
        self._load.working += 1
        if self._connection is not None:
            self._connection.request_began()
        try:
            yield
        finally:
            self._stop_counting()
            if self._connection is not None:
                self._connection.request_ended()

    def _stop_counting(self) -> None:
        if not self._is_counted:
            return
        self._is_counted = False
        self._load.working -= 1
        for client in self._clients:
            self._load.of_client[client] -= 1
            if not self._load.of_client[client]:
                del self._load.of_client[client]

    def count_for(self, client: str) -> bool:
        """Count the request for a client until it ends. Returns whether the client's limit allows it."""
        self._clients.append(client)
        self._load.of_client[client] += 1
        return self._load.of_client[client] <= self._limits.per_client

    def count_for_address(self) -> bool:
        """Count the request for its address, unless that is a proxy's."""
        host, *_ = self.scope.get("client") or ("",)
        return not host or host in self._limits.proxies or self.count_for(f"address {host}")

    async def receive(self) -> Message:
        """The next part of the body, within its size and time; afterwards the client's disconnection."""
        if self._has_body:
            return await self._receive()
        if self._announced > self._body_most:
            raise HTTPException(413, headers=_CLOSE)
        try:
            if self._connection is not None and self._connection.has_whole_body():
                message = await self._receive()
            else:
                message = await self._receive_in_time()
        except TimeoutError:
            if not self.status:
                raise HTTPException(408, headers=_CLOSE) from None
            await self._abort()
            return {"type": "http.disconnect"}
        self._size += len(message.get("body", b""))
        if self._size > self._body_most:
            raise HTTPException(413, headers=_CLOSE)
        self._has_body = not message.get("more_body", False)
        return message

    async def _receive_in_time(self) -> Message:
        with self._awaiting_body():
            async with asyncio.timeout_at(self._deadline + self._size / self._limits.body_rate):
                return await self._receive()

    @contextlib.contextmanager
    def _awaiting_body(self) -> Iterator[None]:
        """A request that waits for its body is no work, and its connection may be replaced by a new one."""
        working = int(self._is_counted)
        self._load.working -= working
        if self._connection is not None:
            self._connection.body_awaited()
        try:
            yield
        finally:
            self._load.working += working
            if self._connection is not None:
                self._connection.body_received()

    async def send(self, message: Message) -> None:
        """Send a part of the response, with the headers that every response has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.answered_at = time.perf_counter()
            headers = MutableHeaders(scope=message)
            headers.setdefault("Correlation-Id", self.scope["state"]["correlation_id"])
            headers.setdefault("Cache-Control", "no-store")
            headers.setdefault("X-Content-Type-Options", "nosniff")
            if headers.get("content-type", "").startswith("text/event-stream"):
                # An event stream stays open without work, and has limits of its own.
                self._stop_counting()
        await self._send(message)

    async def _abort(self) -> None:
        if self._connection is not None:
            self._connection.abort()
            await asyncio.sleep(0)  # uvicorn learns of it in the next turn of the event loop


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0
