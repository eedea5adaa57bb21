"""The portals without MongoDB and login: a test says who is signed in, and what the API answers.

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
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx2
import uvicorn
from fastapi import FastAPI
from frikort_contracts.http.roles import Role
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from deploy.local.config import REPOSITORY
from services.gateway import presenters
from services.gateway.api.errors import add_handlers, problem_response
from services.gateway.problems import ProblemError
from services.portals.api import GatewayClient
from services.portals.app import add_portals
from services.portals.container import build
from services.portals.forms import Form
from services.portals.login.oidc import ApiTokens
from services.portals.login.session import Session
from services.portals.page import Page
from services.portals.problems import ProblemError as PortalProblem
from services.portals.rendering import environment
from services.runtime.allowance_file import load_allowances
from services.runtime.service import Runtime
from services.runtime.web.requests import RequestMiddleware
from tests.portals.build import settings

TODAY: Final = date(2026, 11, 21)
TOKEN: Final = "the-sessions-own-token"
_ENOUGH_SECONDS: Final = 5
ORGANISATIONS: Final = {Role.CITIZEN: "", Role.EMPLOYER: "99000007", Role.CASEWORKER: "101", Role.AUTHORITY: "skat"}


@dataclass(frozen=True)
class Asked:
    """A request that a page made to the API. ``token`` is its access token."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    key: str | None
    reason: str | None
    language: str
    correlation_id: str
    token: str | None


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
    """The portals as ``app`` and the API as ``api``. ``sign_in`` and ``answer`` set the stage.

    Attributes:
        asked: the requests that pages made to the API.
        seen_active: for each look-up of the session, whether the request kept it alive.
    """

    def __init__(self) -> None:
        self.session: Session | None = None
        self.asked: list[Asked] = []
        self.seen_active: list[bool] = []
        self._open = 0
        self._needed = 0
        self._enough = asyncio.Event()
        self._answers: dict[tuple[str, str, frozenset[tuple[str, str]]], tuple[int, bytes, str] | Refusal] = {}
        self._streams: dict[str, tuple[bytes, bytes]] = {}
        self._resumed = threading.Event()
        self.api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        self.api.add_route("/v1/{path:path}", self._api, methods=["GET", "POST", "PUT"])
        add_handlers(self.api)
        self.api.add_middleware(
            RequestMiddleware,
            service="gateway",
            body_most=32_000_000,
            files_most={},
            requests_most=100,
            error_response=problem_response,
        )
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        chosen = settings(public_url="http://frikort.test")
        self.portals = replace(
            build(chosen, Runtime(service="portals", settings=chosen)),
            guard=self,
            gateway=GatewayClient("http://gateway.test", transport=httpx2.ASGITransport(self.api)),
        )
        add_portals(self.app, self.portals)
        table = load_allowances(REPOSITORY / "deploy/allowances.toml")
        self.answer("GET", "/v1/allowances", presenters.allowances(table, TODAY))

    def sign_in(self, role: Role, name: str = "Karla Eksempel", *, minutes: float = 30) -> Session:
        """From now on this person is signed in."""
        ends_at = datetime.now(UTC) + timedelta(minutes=minutes)
        tokens = ApiTokens(f"token of {role}", "refresh", ends_at)
        self.session = Session("key", role, ORGANISATIONS[role], name, TOKEN, ends_at, tokens, "encrypted")
        return self.session

    def sign_out(self) -> None:
        """From now on no one is."""
        self.session = None

    def answer(self, method: str, path: str, what: BaseModel | Refusal, status: int = 200, **query: str) -> None:
        """What the API answers from now on, when it is asked with (at least) this query."""
        address = method, path, frozenset(query.items())
        if isinstance(what, Refusal):
            self._answers[address] = what
        else:
            self._answers[address] = status, what.model_dump_json().encode(), "application/json"

    def answer_together(self, requests: int) -> None:
        """Answer no request before so many are open at the same time."""
        self._needed = requests

    def file(self, path: str, content: bytes, media_type: str) -> None:
        """A file that the API has."""
        self._answers["GET", path, frozenset()] = 200, content, media_type

    def stream(self, path: str, first: bytes, again: bytes = b"") -> None:
        """A stream of events that stays open after its first part, as the API's do. Only while ``served``.

        ``again`` follows once ``resume_streams`` is called.
        """
        self._streams[path] = first, again

    def resume_streams(self) -> None:
        """Let every open stream send its second part."""
        self._resumed.set()

    def serve_api_by(self, gateway: GatewayClient) -> None:
        """From now on this client reaches the API."""
        self.app.state.portals = self.portals = replace(self.portals, gateway=gateway)

    def client(self, **headers: str) -> httpx2.AsyncClient:
        """A browser's requests without the browser."""
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app),
            base_url="http://frikort.test",
            headers={"accept": "text/html", **headers},
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        """The address at which a browser finds the pages; the API is a server of its own, too."""
        with _served(self.api) as api:
            self.app.state.portals = replace(self.portals, gateway=GatewayClient(api))
            try:
                with _served(self.app) as address:
                    yield address
            finally:
                self.app.state.portals = self.portals

    # The guard, as ``SessionGuard`` is one.

    async def session_of(self, request: Request, *, active: bool = True) -> Session | None:
        self.seen_active.append(active)
        return self.session

    async def access_token_of(self, session: Session) -> str:
        return session.tokens.access

    async def goes_on(self, session: Session) -> bool:
        return self.session == session

    def check_form(self, request: Request, session: Session, form: Mapping[str, Any]) -> None:
        if form.get("form_token") != session.form_token:
            raise PortalProblem("form-refused")

    async def _api(self, request: Request) -> Response:
        self._open += 1
        if self._open >= self._needed:
            self._enough.set()
        try:
            content = await request.body()
            await asyncio.wait_for(self._enough.wait(), _ENOUGH_SECONDS)
            self.asked.append(_asked(request, content))
            return self._answer_to(request)
        finally:
            self._open -= 1

    def _answer_to(self, request: Request) -> Response:
        if request.method == "GET" and request.url.path in self._streams:
            return StreamingResponse(self._stay_open(*self._streams[request.url.path]), media_type="text/event-stream")
        found = self._found(request)
        if isinstance(found, Refusal):
            raise ProblemError(found.code, facts=found.facts, errors=found.errors)
        status, body_bytes, media_type = found
        return Response(body_bytes, status, media_type=media_type)

    async def _stay_open(self, first: bytes, again: bytes) -> AsyncIterator[bytes]:
        yield first
        while not await asyncio.to_thread(self._resumed.wait, 0.05):
            pass  # in pieces, so that no thread outlives a stream whose browser has left
        yield again
        await asyncio.Event().wait()

    def _found(self, request: Request) -> tuple[int, bytes, str] | Refusal:
        """The answer with the longest query of those that fit."""
        fitting = [
            (len(query), answer)
            for (method, path, query), answer in self._answers.items()
            if (method, path) == (request.method, request.url.path) and query <= set(request.query_params.items())
        ]
        return max(fitting, key=lambda one: one[0])[1] if fitting else Refusal("not-found")


@contextmanager
def _served(app: ASGIApp) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


def _asked(request: Request, content: bytes) -> Asked:
    is_json = "json" in request.headers.get("content-type", "")
    authorization = request.headers.get("authorization")
    return Asked(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        body=json.loads(content) if is_json else content,
        key=request.headers.get("idempotency-key"),
        reason=_utf8(request.headers.get("access-reason")),
        language=request.headers.get("accept-language", ""),
        correlation_id=request.state.correlation_id,
        token=None if authorization is None else authorization.removeprefix("Bearer "),
    )


def _utf8(header: str | None) -> str | None:
    return None if header is None else header.encode("latin-1").decode()


def said(page: httpx2.Response) -> str:
    """The main part of a page as it is read: without tags, with single spaces."""
    main = page.text.partition('id="main-content">')[2].partition("</main>")[0]
    assert main, page.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())
