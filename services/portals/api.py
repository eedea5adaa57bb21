"""The pages' way to the system: the gateway's own JSON API, called in the same process as the signed-in person.

So authorization, idempotency, the access log and every rule stand in one place, and a program can do all a page can.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID, uuid4

import httpx2
from frikort_contracts.http.outcomes import PendingResource
from frikort_contracts.http.problems import ProblemResource
from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.api.dependencies import CALLER
from services.gateway.auth import Caller
from services.gateway.formats import Language
from services.gateway.problem_texts import CATALOGUE
from services.portals.texts import LANGUAGE_COOKIE

M = TypeVar("M", bound=BaseModel)
Query = str | int | bool | None

_ACCEPTED: Final = 202
_REFUSED_FROM: Final = 400
_SECONDS: Final = 45.0  # more than the API itself ever waits for an outcome


class Refused(Exception):
    """The API answered with a problem document."""

    def __init__(self, problem: ProblemResource) -> None:
        super().__init__(problem.type)
        self.problem = problem

    @property
    def code(self) -> str:
        """The stable name of the problem, for example ``card-unknown``."""
        return self.problem.type.removeprefix("/problems/")

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def may_have_happened(self) -> bool:
        """Nobody knows whether the command was accepted: it may be sent again only under the same key."""
        return self.status >= 500


class Pending(Exception):
    """The command is accepted, and its outcome is not known yet. The same key will get the answer later."""

    def __init__(self, resource: PendingResource) -> None:
        super().__init__(resource.command_id)
        self.resource = resource


@dataclass(frozen=True)
class Api:
    """An in-process client of the API, for one request of one person (nobody: only what is open to all).

    ``reason`` is why the person looks at somebody else's data, which the API asks of a caseworker.
    """

    app: ASGIApp
    caller: Caller | None
    language: Language
    correlation_id: str
    reason: str = ""

    def because(self, reason: str) -> Api:
        """The same client, saying why it looks."""
        return replace(self, reason=reason)

    async def get(self, path: str, model: type[M], **query: Query) -> M:
        """A resource. Raises ``Refused``."""
        return await self._send("GET", path + _query(query), model)

    async def post(self, path: str, body: Any, model: type[M], *, key: str = "") -> M:
        """Do something, under the form's ``key`` if it is a command. Raises ``Refused`` and ``Pending``.

        ``body`` is a JSON value; days, ids and models in it are turned to JSON.
        """
        return await self._send("POST", path, model, key=key, json=to_jsonable_python(body))

    async def put(self, path: str, body: Any, model: type[M], *, key: str) -> M:
        """Replace something, under the form's ``key``. Raises ``Refused`` and ``Pending``."""
        return await self._send("PUT", path, model, key=key, json=to_jsonable_python(body))

    async def upload(self, path: str, content: bytes, media_type: str, model: type[M], *, key: str) -> M:
        """Send a file as it is. Raises ``Refused`` and ``Pending``."""
        return await self._send("POST", path, model, key=key, content=content, media_type=media_type)

    def forward(self, path: str, **query: Query) -> Response:
        """What the API answers at ``path``, handed to the browser as it comes: a file, or a stream of events."""
        return _Forwarded(self, path, urlencode(_given(query)))

    async def _send(
        self,
        method: str,
        path: str,
        model: type[M],
        *,
        key: str = "",
        json: Any = None,
        content: bytes | None = None,
        media_type: str = "",
    ) -> M:
        headers = self._headers()
        if key:
            headers["Idempotency-Key"] = key
        if media_type:
            headers["Content-Type"] = media_type
        sent = httpx2.Headers(headers, encoding="latin-1")
        transport = httpx2.ASGITransport(app=self._as_caller)
        try:
            async with (
                asyncio.timeout(_SECONDS),
                httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client,
            ):
                response = await client.request(method, path, headers=sent, json=json, content=content)
        except TimeoutError:
            raise Refused(_unavailable()) from None
        if response.status_code >= _REFUSED_FROM:
            raise Refused(ProblemResource.model_validate_json(response.content))
        if response.status_code == _ACCEPTED and model is not PendingResource:
            # A command that waits for its outcome; or a resource that is told of while it is worked on.
            either: Any = model | PendingResource
            answer: M | PendingResource = TypeAdapter(either).validate_json(response.content)
            if isinstance(answer, PendingResource):
                raise Pending(answer)
            return answer
        return model.model_validate_json(response.content)

    def _headers(self) -> dict[str, str]:
        """One correlation id for the page and for what it asks the API."""
        trace = UUID(self.correlation_id).hex
        headers = {
            "Accept": "application/json",
            "Accept-Language": self.language,
            "Traceparent": f"00-{trace}-{uuid4().hex[:16]}-01",
        }
        if self.reason:
            headers["Access-Reason"] = self.reason.encode().decode("latin-1")  # UTF-8, as the header's bytes
        return headers

    async def _as_caller(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Nobody outside can put anything into the scope: only who is signed in gets to act as themselves."""
        await self.app({**scope, CALLER: self.caller} if self.caller else scope, receive, send)


class _Forwarded(Response):
    """An answer of the API, not held in memory. Errors are shown as pages, for the browser's own Accept is kept."""

    def __init__(self, api: Api, path: str, query: str) -> None:
        super().__init__()
        self._api = api
        self._path = path
        self._query = query

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = {"accept", "last-event-id", "range", "if-range", "if-none-match"}
        headers = [(name, value) for name, value in scope["headers"] if name.decode() in kept]
        inner: dict[str, Any] = {
            "type": "http",
            "asgi": scope["asgi"],
            "http_version": scope["http_version"],
            "method": "GET",
            "scheme": scope["scheme"],
            "server": scope.get("server"),
            "client": scope.get("client"),
            "root_path": "",
            "path": self._path,
            "raw_path": self._path.encode(),
            "query_string": self._query.encode(),
            "headers": headers,
        }
        asked = MutableHeaders(scope=inner)
        for name, value in self._api._headers().items():
            asked.setdefault(name, value)
        asked["Cookie"] = f"{LANGUAGE_COOKIE}={self._api.language}"  # what is wrong is told in the page's language
        await self._api._as_caller(inner, receive, send)


def _unavailable() -> ProblemResource:
    # Of what this client says, only code and status are read: a page has its own words for it.
    code = "temporarily-unavailable"
    status = CATALOGUE[code].status
    return ProblemResource(code=code, type=f"/problems/{code}", title="", status=status, detail="", instance="")


def _given(query: Mapping[str, Query]) -> dict[str, str]:
    return {name: str(value) for name, value in query.items() if value is not None}


def _query(query: Mapping[str, Query]) -> str:
    given = _given(query)
    return f"?{urlencode(given)}" if given else ""
