"""The pages on a small application of their own, with neither Kafka nor MongoDB: its API answers what a test says.

The answers are the API's own resource models, so a page is tried with what it will get.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx2
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse

from deploy.local.config import REPOSITORY
from services.gateway import presenters
from services.gateway.api.dependencies import CALLER
from services.gateway.api.errors import add_handlers
from services.gateway.api.middleware import RequestMiddleware
from services.gateway.auth import Caller, Role
from services.gateway.problems import ProblemError
from services.portals.errors import respond
from services.portals.forms import Form
from services.portals.login.session import Session
from services.portals.page import Page
from services.portals.rendering import environment
from services.portals.router import add_portals
from services.runtime.allowance_file import load_allowances

TODAY: Final = date(2026, 11, 21)
TOKEN: Final = "the-sessions-own-token"
ORGANISATIONS: Final = {
    Role.CITIZEN: "h" * 22,
    Role.EMPLOYER: "99000007",
    Role.CASEWORKER: "101",
    Role.AUTHORITY: "skat",
}


@dataclass(frozen=True)
class Asked:
    """What a page asked the API."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    key: str | None
    reason: str | None
    language: str
    correlation_id: str
    caller: Caller | None


@dataclass(frozen=True)
class Refusal:
    """A problem document as the API's answer."""

    code: str
    facts: Mapping[str, str | int] = field(default_factory=dict)
    errors: tuple[tuple[str, str, str], ...] = ()


def show(page: Page, source: str, form: Form, **context: Any) -> HTMLResponse:
    """A page whose template only a test has."""
    template = environment(page.language).from_string(source)
    return HTMLResponse(template.render(page=page, form=form, **context), status_code=form.status)


class Site:
    """The pages. ``sign_in`` and ``answer`` say what they find; ``asked`` is what they asked for."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.asked: list[Asked] = []
        self.seen_active: list[bool] = []
        self._answers: dict[tuple[str, str, frozenset[tuple[str, str]]], tuple[int, bytes, str] | Refusal] = {}
        self._streams: dict[str, bytes] = {}
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        self.app.add_route("/v1/{path:path}", self._api, methods=["GET", "POST", "PUT"])
        add_handlers(self.app, respond)
        add_portals(self.app, guard=self, public_url="http://frikort.test")
        self.app.add_middleware(
            RequestMiddleware, body_most=1_000_000, files_most={}, requests_most=100, respond=respond
        )
        table = load_allowances(REPOSITORY / "deploy/allowances.toml")
        self.answer("GET", "/v1/allowances", presenters.allowances(table, TODAY))

    def sign_in(self, role: Role, name: str = "Karla Eksempel", *, minutes: float = 30) -> Session:
        """From now on this person is signed in."""
        caller = Caller("https://issuer.test", "frikort-portal", "someone", role, ORGANISATIONS[role])
        self.session = Session(caller, name, TOKEN, datetime.now(UTC) + timedelta(minutes=minutes))
        return self.session

    def sign_out(self) -> None:
        """From now on nobody is."""
        self.session = None

    def answer(self, method: str, path: str, what: BaseModel | Refusal, status: int = 200, **query: str) -> None:
        """What the API answers from now on, when it is asked with (at least) this query."""
        address = method, path, frozenset(query.items())
        if isinstance(what, Refusal):
            self._answers[address] = what
        else:
            self._answers[address] = status, what.model_dump_json().encode(), "application/json"

    def file(self, path: str, content: bytes, media_type: str) -> None:
        """A file that the API has."""
        self._answers["GET", path, frozenset()] = 200, content, media_type

    def stream(self, path: str, first: bytes) -> None:
        """A stream of events that stays open after what it says first, as the API's do."""
        self._streams[path] = first

    def client(self, **headers: str) -> httpx2.AsyncClient:
        """A browser's requests without the browser."""
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app),
            base_url="http://gateway",
            headers={"accept": "text/html", **headers},
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        """The address at which a browser finds the pages."""
        listening = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            self.app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=10)

    # A guard, as ``services/portals/login/session_guard.py`` is one.

    async def session_of(self, request: Request, *, active: bool = True) -> Session | None:
        self.seen_active.append(active)
        return self.session

    def check_form(self, request: Request, session: Session, form: Mapping[str, Any]) -> None:
        if form.get("form_token") != session.form_token:
            raise ProblemError("role-not-allowed")

    async def _api(self, request: Request) -> Response:
        content = await request.body()
        is_json = "json" in request.headers.get("content-type", "")
        self.asked.append(
            Asked(
                method=request.method,
                path=request.url.path,
                query=dict(request.query_params),
                body=json.loads(content) if is_json else content,
                key=request.headers.get("idempotency-key"),
                reason=_utf8(request.headers.get("access-reason")),
                language=request.headers.get("accept-language", ""),
                correlation_id=request.state.correlation_id,
                caller=request.scope.get(CALLER),
            )
        )
        if request.method == "GET" and request.url.path in self._streams:
            return StreamingResponse(_open(self._streams[request.url.path]), media_type="text/event-stream")
        found = self._found(request)
        if isinstance(found, Refusal):
            raise ProblemError(found.code, facts=found.facts, errors=found.errors)
        status, body_bytes, media_type = found
        return Response(body_bytes, status, media_type=media_type)

    def _found(self, request: Request) -> tuple[int, bytes, str] | Refusal:
        """The answer with the longest query of those that fit."""
        fitting = [
            (len(query), answer)
            for (method, path, query), answer in self._answers.items()
            if (method, path) == (request.method, request.url.path) and query <= set(request.query_params.items())
        ]
        return max(fitting, key=lambda one: one[0])[1] if fitting else Refusal("not-found")


async def _open(first: bytes) -> AsyncIterator[bytes]:
    yield first
    await asyncio.Event().wait()


def _utf8(header: str | None) -> str | None:
    return None if header is None else header.encode("latin-1").decode()


def said(page: httpx2.Response) -> str:
    """The main part of a page as it is read: without tags, with single spaces."""
    main = page.text.partition('id="main-content">')[2].partition("</main>")[0]
    assert main, page.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())
