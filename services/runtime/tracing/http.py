"""Spans of HTTP: the requests of a public port, and the calls to another process."""

from __future__ import annotations

from typing import Final

import httpx2
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Tracer, set_span_in_context, use_span
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.tracing import conventions as names
from services.runtime.tracing.context import HEADER, read, write
from services.runtime.tracing.failures import fail

_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_OTHER_METHOD: Final = "_OTHER"
_REPLACED: Final = frozenset({HEADER.encode(), b"tracestate"})
_REFUSED_FROM: Final = 400
_FAILED_FROM: Final = 500


class TracingMiddleware:
    """Gives each request a span. The application gets its ``traceparent`` as the header of the request.

    So the correlation id of the response, of the log and of the messages is the id of the trace. The span of an event
    stream ends with its headers.
    """

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _METHODS else _OTHER_METHOD
        parent = read(Headers(scope=scope).get(HEADER))
        span = self._tracer.start_span(method, parent, SpanKind.SERVER, {names.HTTP_METHOD: method})
        own = (HEADER.encode(), write(set_span_in_context(span, Context())).encode())
        scope["headers"] = [*(header for header in scope["headers"] if header[0] not in _REPLACED), own]

        async def observed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note_response(span, message["status"], _FAILED_FROM)
                if Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream"):
                    self._end(span, method, scope)
            await send(message)

        try:
            with use_span(span, record_exception=False, set_status_on_exception=False):
                await self._app(scope, receive, observed_send)
        except BaseException as error:
            if span.is_recording():
                fail(span, type(error).__name__)
            raise
        finally:
            self._end(span, method, scope)

    def _end(self, span: Span, method: str, scope: Scope) -> None:
        if not span.is_recording():
            return
        route = getattr(scope.get("route"), "path", None)
        if route is not None:
            span.update_name(f"{method} {route}")
            span.set_attribute(names.HTTP_ROUTE, route)
        span.end()


class TracedTransport(httpx2.AsyncBaseTransport):
    """A transport whose requests have a span, until the headers of the response, and its ``traceparent``."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, tracer: Tracer) -> None:
        self._transport = transport
        self._tracer = tracer

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See ``httpx2.AsyncBaseTransport``."""
        attributes = {names.HTTP_METHOD: request.method, names.SERVER_ADDRESS: request.url.host}
        span = self._tracer.start_span(request.method, kind=SpanKind.CLIENT, attributes=attributes)
        request.headers[HEADER] = write(set_span_in_context(span, Context()))
        try:
            response = await self._transport.handle_async_request(request)
            _note_response(span, response.status_code, _REFUSED_FROM)
        except BaseException as error:
            fail(span, type(error).__name__)
            raise
        else:
            return response
        finally:
            span.end()

    async def aclose(self) -> None:
        """See ``httpx2.AsyncBaseTransport``."""
        await self._transport.aclose()


def _note_response(span: Span, status: int, failed_from: int) -> None:
    span.set_attribute(names.HTTP_STATUS, status)
    if status >= failed_from:
        fail(span, str(status))
