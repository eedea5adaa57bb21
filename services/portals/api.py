"""The client of the gateway's JSON API, which acts for one person at a time with that person's access token."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx2
import structlog
from frikort_contracts.http.outcomes import PendingResource
from frikort_contracts.http.problems import ProblemResource
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.portals.formats import Language

if TYPE_CHECKING:
    from services.runtime.tracing.setup import Tracing

logger = structlog.get_logger(__name__)

M = TypeVar("M", bound=BaseModel)
R = TypeVar("R")
Renew = Callable[[str], Awaitable[str]]
"""From an access token that the API refused to a newer one."""
Content = Callable[[], AsyncIterator[bytes]]
"""A body from its beginning, each time it is called."""
Query = str | int | bool | None

_ACCEPTED: Final = 202
_REFUSED_FROM: Final = 400
_UNAUTHENTICATED: Final = 401
_FRESH_LOGIN: Final = "fresh-login-required"
# The API waits at most 30 seconds for the outcome of a command.
_TIMEOUTS: Final = httpx2.Timeout(connect=2, read=45, write=45, pool=5)
# uvicorn closes a connection after 5 seconds without a request: it must not be reused shortly before that.
_LIMITS: Final = httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=3)
# Open event streams hold their connections, so they have a pool of their own. The API sends something every 15 s.
_STREAM_TIMEOUTS: Final = httpx2.Timeout(connect=2, read=60, write=10, pool=5)
_STREAM_LIMITS: Final = httpx2.Limits(max_connections=2000, max_keepalive_connections=10, keepalive_expiry=3)
_PING_TIMEOUTS: Final = httpx2.Timeout(2)

_PASSED_ON: Final = ("accept", "if-none-match", "if-range", "last-event-id", "range")
_PASSED_BACK: Final = frozenset(
    {
        "accept-ranges",
        "content-disposition",
        "content-language",
        "content-length",
        "content-range",
        "content-type",
        "etag",
        "last-modified",
    }
)


class Refused(Exception):
    """The API answered with a problem document, or did not answer."""

    def __init__(self, problem: ProblemResource) -> None:
        super().__init__(problem.type)
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable name of the problem, for example ``card-unknown``."""
        return self.problem.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def may_have_happened(self) -> bool:
        """Whether the command may have been accepted: it must then be sent again under the same key only."""
        return self.status >= 500


class FreshLoginRequired(Exception):
    """The API does this only shortly after a login. Nothing has been done."""


class TokenRefused(Exception):
    """The API accepts neither the person's token nor a newer one. Nothing has been done."""


class Pending(Exception):
    """The command is accepted and its outcome is not known yet. The same key returns the answer later."""

    def __init__(self, resource: PendingResource) -> None:
        super().__init__(resource.command_id)
        self.resource = resource


@cache
def _authorities() -> ssl.SSLContext:
    """The certificate authorities that the process trusts. Reading them takes 20 ms."""
    return httpx2.create_ssl_context()


class GatewayClient:
    """The connections to the API, shared by all requests of the process.

    The transports are used without ``httpx2.AsyncClient``: the API needs no cookies, redirects or authentication flow,
    which cost a third of the time of a call.
    """

    def __init__(
        self, url: str, *, transport: httpx2.AsyncBaseTransport | None = None, tracing: Tracing | None = None
    ) -> None:
        """``url`` has no slash at the end; ``transport`` replaces the network in tests."""
        self._url = url
        self._calls = transport or httpx2.AsyncHTTPTransport(verify=_authorities(), limits=_LIMITS)
        self._streams = transport or httpx2.AsyncHTTPTransport(verify=_authorities(), limits=_STREAM_LIMITS)
        if tracing is not None:
            self._calls, self._streams = tracing.transport(self._calls), tracing.transport(self._streams)

    async def call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        json: Any = None,
        content: AsyncIterator[bytes] | None = None,
        timeouts: httpx2.Timeout = _TIMEOUTS,
    ) -> tuple[int, bytes]:
        """The status and the body of a response. Raises ``httpx2.HTTPError`` if there is none."""
        request = self._request(method, path, headers, timeouts, json=json, content=content)
        response = await self._calls.handle_async_request(request)
        async with contextlib.aclosing(response):
            return response.status_code, await response.aread()

    async def stream(self, path: str, headers: Mapping[str, str], body: Any = None) -> httpx2.Response:
        """A response whose body is not read yet: to a GET request, or a POST request with a JSON ``body``.

        Raises ``httpx2.HTTPError`` if there is none.
        """
        method = "GET" if body is None else "POST"
        return await self._streams.handle_async_request(
            self._request(method, path, headers, _STREAM_TIMEOUTS, json=body)
        )

    async def ping(self) -> None:
        """Ask whether the API answers, at an address that reads no data. Raises ``OSError``."""
        try:
            status, _ = await self.call("GET", "/problems/not-found", {}, timeouts=_PING_TIMEOUTS)
        except httpx2.HTTPError as error:
            raise ConnectionError(f"the API does not answer: {type(error).__name__}") from None
        if status >= _REFUSED_FROM:
            raise ConnectionError(f"the API answers with status {status}")

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.aclose()
        await self._streams.aclose()

    def _request(
        self, method: str, path: str, headers: Mapping[str, str], timeouts: httpx2.Timeout, **body: Any
    ) -> httpx2.Request:
        return httpx2.Request(
            method,
            self._url + path,
            # The text of a reason may hold any letter: its header is UTF-8.
            headers=httpx2.Headers(dict(headers), encoding="utf-8"),
            extensions={"timeout": timeouts.as_dict()},
            **body,
        )


@dataclass(frozen=True)
class Api:
    """The API for one person, during one request.

    Attributes:
        token: the person's access token; None for public resources.
        language: of the texts in the answers.
        correlation_id: of the page's request, passed on to the API.
        reason: the reason for reading another person's data (`Access-Reason`), required of a caseworker.
        renew: gets a newer token when the API refuses this one; the request is then sent again.
    """

    gateway: GatewayClient
    token: str | None
    language: Language
    correlation_id: str
    reason: str = ""
    renew: Renew | None = None

    def with_reason(self, reason: str) -> Api:
        """The same client, with a reason."""
        return replace(self, reason=reason)

    async def get(self, path: str, model: type[M], **query: Query) -> M:
        """A resource. Raises ``Refused``."""
        return await self._send("GET", path + _query(query), model)

    async def post(self, path: str, body: Any, model: type[M], *, key: str = "") -> M:
        """Send ``body``; a command needs the form's ``key``. Raises ``Refused`` and ``Pending``.

        ``body`` is a JSON value; days, ids and models in it become JSON.
        """
        return await self._send("POST", path, model, key=key, json=to_jsonable_python(body))

    async def put(self, path: str, body: Any, model: type[M], *, key: str) -> M:
        """Replace a resource, under the form's ``key``. Raises ``Refused`` and ``Pending``."""
        return await self._send("PUT", path, model, key=key, json=to_jsonable_python(body))

    async def upload(self, path: str, content: Content, media_type: str, model: type[M], *, key: str) -> M:
        """Send a file unchanged. Raises ``Refused`` and ``Pending``."""
        return await self._send("POST", path, model, key=key, content=content, media_type=media_type)

    async def forward(
        self,
        headers: Mapping[str, str],
        path: str,
        *,
        is_active: Callable[[], Awaitable[bool]] | None = None,
        stopping: asyncio.Event | None = None,
        body: Any = None,
        query: Mapping[str, Query],
    ) -> Response:
        """Pass on the API's response at ``path`` unbuffered: a file, or an event stream. Raises ``Refused``.

        ``headers`` are the browser's; ``body`` is sent with POST. The response ends before the next part if
        ``is_active`` returns false, and when ``stopping`` is set.
        """
        own = {name: headers[name] for name in _PASSED_ON if name in headers}
        # A compressed response would have to be decompressed or passed on with its encoding; neither is needed.
        sent = own | {"Accept-Encoding": "identity"}

        async def call(token: str | None) -> httpx2.Response:
            response = await self.gateway.stream(
                path + _query(query), self._headers(token) | sent, to_jsonable_python(body)
            )
            if response.status_code < _REFUSED_FROM:
                return response
            async with contextlib.aclosing(response):
                raise _refusal(await response.aread(), response.status_code)

        return _ForwardedResponse(await self._with_token(call), is_active, stopping)

    async def _send(
        self,
        method: str,
        path: str,
        model: type[M],
        *,
        key: str = "",
        json: Any = None,
        content: Content | None = None,
        media_type: str = "",
    ) -> M:
        given = {"Idempotency-Key": key, "Content-Type": media_type}
        headers = {name: value for name, value in given.items() if value}

        async def call(token: str | None) -> tuple[int, bytes]:
            body = None if content is None else content()
            status, answer = await self.gateway.call(
                method, path, self._headers(token) | headers, json=json, content=body
            )
            if status >= _REFUSED_FROM:
                raise _refusal(answer, status)
            return status, answer

        status, body = await self._with_token(call)
        if status == _ACCEPTED and model is not PendingResource:
            # Either a command whose outcome is not known yet, or a resource that is still being made.
            either: Any = model | PendingResource
            answer: M | PendingResource = TypeAdapter(either).validate_json(body)
            if isinstance(answer, PendingResource):
                raise Pending(answer)
            return answer
        return model.model_validate_json(body)

    async def _with_token(self, call: Callable[[str | None], Awaitable[R]]) -> R:
        """The result of ``call`` with the token, or with a newer one if the API refuses it."""
        try:
            try:
                return await call(self.token)
            except Refused as refused:
                if refused.status != _UNAUTHENTICATED or self.token is None or self.renew is None:
                    raise
            try:
                return await call(await self.renew(self.token))
            except Refused as refused:
                if refused.status == _UNAUTHENTICATED:
                    raise TokenRefused from None
                raise
        except httpx2.HTTPError as error:
            raise _unreachable(error) from None

    def _headers(self, token: str | None) -> dict[str, str]:
        trace = UUID(self.correlation_id).hex
        headers = {
            "Accept": "application/json",
            "Accept-Language": self.language,
            "Traceparent": f"00-{trace}-{uuid4().hex[:16]}-01",
        }
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if self.reason:
            headers["Access-Reason"] = self.reason
        return headers


class _ForwardedResponse(StreamingResponse):
    """A response of the API, passed on part by part. Its connection is closed with the browser's."""

    def __init__(
        self,
        upstream: httpx2.Response,
        is_active: Callable[[], Awaitable[bool]] | None,
        stopping: asyncio.Event | None,
    ) -> None:
        super().__init__(
            _parts(upstream, is_active, stopping),
            status_code=upstream.status_code,
            headers={name: value for name, value in upstream.headers.items() if name.lower() in _PASSED_BACK},
        )
        self._upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # The generator does not run if the browser disconnects before the first part.
            await asyncio.shield(asyncio.ensure_future(self._upstream.aclose()))


async def _parts(
    upstream: httpx2.Response,
    is_active: Callable[[], Awaitable[bool]] | None,
    stopping: asyncio.Event | None,
) -> AsyncIterator[bytes]:
    parts = upstream.aiter_raw()
    stopped = asyncio.ensure_future((stopping or asyncio.Event()).wait())
    following: asyncio.Future[bytes] | None = None
    try:
        while True:
            following = asyncio.ensure_future(anext(parts))
            await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                return
            try:
                part = following.result()
            except StopAsyncIteration:
                return
            if is_active is not None and not await is_active():
                return
            yield part
    finally:
        for task in (stopped, following):
            if task is not None:
                task.cancel()


def _unreachable(error: httpx2.HTTPError) -> Refused:
    logger.warning("portals.api_unreachable", reason=type(error).__name__)
    return Refused(_unavailable())


def _refusal(content: bytes, status: int) -> Refused | FreshLoginRequired:
    problem = _problem(content, status)
    return FreshLoginRequired() if problem.code == _FRESH_LOGIN else Refused(problem)


def _problem(content: bytes, status: int) -> ProblemResource:
    """The problem document in ``content``. A proxy between the portals and the API answers with none."""
    try:
        return ProblemResource.model_validate_json(content)
    except ValidationError:
        logger.warning("portals.api_answer_unreadable", status=status)
        return _unavailable()


def _unavailable() -> ProblemResource:
    code = "temporarily-unavailable"
    return ProblemResource(type=f"/problems/{code}", code=code, title="", status=503, detail="", instance="")


def _query(query: Mapping[str, Query]) -> str:
    given = {name: str(value) for name, value in query.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
