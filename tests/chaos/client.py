"""A client that behaves as a payroll system should: it retries with one key on any gateway."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import httpx2

_PAUSE = 0.2
_LIMITS = httpx2.Timeout(8.0, connect=2.0)
_WAIT = "wait=3"
_PAGE = 200


class Final(NamedTuple):
    """A final answer. ``code`` is the problem's code."""

    status: int
    code: str | None
    body: Any


class Unanswered(AssertionError):
    """A command without a final answer before the deadline."""


@dataclass
class Refusals:
    """The longest time without a successful request: from the first failed request to the next successful one."""

    longest: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    _since: float | None = None
    _answered_at: float = 0.0

    def answered(self) -> None:
        self._answered_at = time.monotonic()
        if self._since is not None:
            self.longest = max(self.longest, self._answered_at - self._since)
            self._since = None

    def failed(self, began: float, kind: str) -> None:
        self.kinds[kind] += 1
        if self._since is None:
            # Other requests may have succeeded while this one was waiting.
            self._since = max(began, self._answered_at)


class Api:
    """The API on several gateway instances."""

    def __init__(self, urls: Callable[[], Sequence[str]], *, deadline_seconds: float, seed: int) -> None:
        self.refusals = Refusals()
        self.report_seconds: list[float] = []
        """The latency of every single report that was answered."""
        self._urls = urls
        self._deadline_seconds = deadline_seconds
        self._random = Random(seed)  # noqa: S311  # reproducible randomness
        self._http = httpx2.AsyncClient(
            timeout=_LIMITS,
            verify=ssl.create_default_context(),
            limits=httpx2.Limits(max_connections=64),
            headers={"Accept-Language": "en", "Access-Reason": "chaos"},
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def command(self, token: str, path: str, body: Mapping[str, Any], key: str) -> Final:
        """Send until there is a final answer. Raises ``Unanswered``."""
        attempt = _Attempt(self, token, path, body, key)
        deadline = time.monotonic() + self._deadline_seconds
        while (answer := await attempt.send()) is None:
            if time.monotonic() > deadline:
                raise Unanswered(
                    f"POST {path} had no final answer in {self._deadline_seconds:.0f} s; last: {attempt.last}"
                )
            await asyncio.sleep(_PAUSE)
        return answer

    async def get(self, token: str, path: str, **query: str | int) -> Any:
        """The body of a GET. None for 404."""
        deadline = time.monotonic() + self._deadline_seconds
        while (response := await self.request("GET", path, token, params=query)) is None:
            if time.monotonic() > deadline:
                raise Unanswered(f"GET {path} had no answer in {self._deadline_seconds:.0f} s")
            await asyncio.sleep(_PAUSE)
        if response.status_code == httpx2.codes.NOT_FOUND:
            return None
        response.raise_for_status()
        return response.json()

    async def file(
        self, token: str, lines: Sequence[Mapping[str, Any]], key: str, *, within: float | None = None
    ) -> list[dict[str, Any]]:
        """The result of each line of a payroll file, after the file is booked. Raises ``Unanswered``.

        ``within``: the seconds that it may take, if others than a command has.
        """
        seconds = self._deadline_seconds if within is None else within
        content = "\n".join(json.dumps(line) for line in lines)
        headers = {"Idempotency-Key": key, "Content-Type": "application/jsonl"}
        deadline = time.monotonic() + seconds
        sent = None
        while sent is None or not sent.is_success:
            if time.monotonic() > deadline:
                raise Unanswered(f"a payroll file was not acknowledged in {seconds:.0f} s: {sent}")
            sent = await self.request("POST", "/v1/report-batches", token, content=content, headers=headers)
            await asyncio.sleep(0 if sent is not None and sent.is_success else _PAUSE)
        path = sent.headers["location"]
        while (await self.get(token, path))["status"] != "done":
            if time.monotonic() > deadline:
                raise Unanswered(f"a payroll file was not booked in {seconds:.0f} s")
            await asyncio.sleep(_PAUSE)
        page = await self.get(token, f"{path}/lines", limit=_PAGE)
        found = list(page["lines"])
        while page["next"]:
            page = await self.get(token, f"{path}/lines", limit=_PAGE, cursor=page["next"])
            found += page["lines"]
        return found

    async def request(self, method: str, path: str, token: str, **more: Any) -> httpx2.Response | None:
        """One request to one of the gateways. None if it failed."""
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        began = time.monotonic()
        url = self._random.choice(self._urls())
        try:
            response = await self._http.request(method, url + path, headers=headers, **more)
        except (httpx2.TransportError, httpx2.RemoteProtocolError) as error:
            self.refusals.failed(began, type(error).__name__)
            return None
        if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            self.refusals.failed(began, str(response.status_code))
            return None
        self.refusals.answered()
        if (method, path) == ("POST", "/v1/reports"):
            self.report_seconds.append(time.monotonic() - began)
        return response


class _Attempt:
    """One command until its final answer."""

    def __init__(self, api: Api, token: str, path: str, body: Mapping[str, Any], key: str) -> None:
        self.last = "nothing"
        self._api = api
        self._token = token
        self._path = path
        self._send = {"json": dict(body), "headers": {"Idempotency-Key": key, "Prefer": _WAIT}}
        self._outcome: str | None = None

    async def send(self) -> Final | None:
        if self._outcome is not None:
            return await self._get_outcome()
        response = await self._api.request("POST", self._path, self._token, **self._send)
        if response is None:
            return None
        self.last = str(response.status_code)
        if response.status_code == httpx2.codes.ACCEPTED:
            self._outcome = response.headers["location"]
            return None
        return _final(response.status_code, response.json())

    async def _get_outcome(self) -> Final | None:
        response = await self._api.request("GET", str(self._outcome), self._token, headers={"Prefer": _WAIT})
        if response is None:
            return None
        if response.is_error:
            # The command was accepted, so an error here is final and wrong.
            return _final(response.status_code, response.json())
        body = response.json()
        self.last = body["status"]
        match body["status"]:
            case "done":
                return _final(body["answer_status"], body["result"])
            case "refused":
                return _final(body["answer_status"], body["problem"])
        return None


def _final(status: int, body: Any) -> Final:
    code = str(body["type"]).rsplit("/", 1)[-1] if status >= httpx2.codes.BAD_REQUEST else None
    return Final(status, code, body)
