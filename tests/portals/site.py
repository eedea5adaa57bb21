"""The portals without MongoDB and login: a test chooses the signed-in person and the responses of the API.

A response is built from the HTTP models of the contract, so a page gets what the real API sends.
"""

from __future__ import annotations

import asyncio
import json
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
from services.portals.login.access_tokens import SessionEnded
from services.portals.login.drafts import Drafts, FormOwner
from services.portals.login.oidc import ApiTokens
from services.portals.login.session import Session
from services.portals.login.sessions import utc_now
from services.portals.page import Page
from services.portals.problems import ProblemError as PortalProblem
from services.portals.rendering import environment
from services.portals.shown_pages import QUERY, ShownPages
from services.runtime.allowance_file import load_allowances
from services.runtime.service import Runtime
from services.runtime.web.methods import PathMethods
from services.runtime.web.requests import RequestLimits, RequestMiddleware
from tests.portals.build import session_keys, settings
from tests.portals.login.fakes import MemorySessionStore

TODAY: Final = date(2026, 11, 21)
TOKEN: Final = "the-sessions-own-token"
KEY: Final = "11111111-1111-4111-8111-111111111111"
FORM: Final = {"form_token": TOKEN, "key": KEY}
"""The hidden fields of every form: the token of the session and the idempotency key."""
COMPANIES: Final = {
    Role.CITIZEN: "",
    Role.EMPLOYER: "Testbageriet ApS",
    Role.CASEWORKER: "",
    Role.AUTHORITY: "",
    Role.AUDITOR: "",
}
_ENOUGH_SECONDS: Final = 5
ORGANISATIONS: Final = {
    Role.CITIZEN: "",
    Role.EMPLOYER: "99000007",
    Role.CASEWORKER: "101",
    Role.AUTHORITY: "skat",
    Role.AUDITOR: "dpo",
}


@dataclass(frozen=True)
class ApiRequest:
    """A request of a page to the API. ``key`` is its idempotency key, ``token`` its access token."""

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
    """A problem document as the response of the API."""

    code: str
    facts: Mapping[str, str | int] = field(default_factory=dict)
    errors: tuple[tuple[str, str, str], ...] = ()


def render_source(page: Page, source: str, form: Form, **context: Any) -> HTMLResponse:
    """A page from a template that a test brings."""
    template = environment(page.language).from_string(source)
    return HTMLResponse(template.render(page=page, form=form, **context), status_code=form.status)


class Site:
    """The portals (``app``) and a fake API (``api``). ``sign_in`` and ``answer`` prepare it for a test.

    Attributes:
        requests: the requests of pages to the API, in order.
        owner: for whom the forms were made: the person who signed in last.
        active_lookups: for each look-up of the session, whether it extended the session.
        invalid_tokens: the access tokens that the API refuses.
        refused_tokens: the access tokens for which pages got a newer one.
        renewed_token: the newer one; None: the session has ended.
    """

    def __init__(self) -> None:
        self.session: Session | None = None
        self.owner: FormOwner | None = None
        self.requests: list[ApiRequest] = []
        self.active_lookups: list[bool] = []
        self.renewed_token: str | None = "renewed"
        self.refused_tokens: list[str] = []
        self.invalid_tokens: set[str] = set()
        self._open = 0
        self._needed = 0
        self._enough = asyncio.Event()
        self._answers: dict[tuple[str, str, frozenset[tuple[str, str]]], tuple[int, bytes, str] | Refusal] = {}
        self._streams: dict[str, tuple[bytes, bytes]] = {}
        self._resumed = threading.Event()
        chosen = settings(public_url="http://frikort.test")
        self.api = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        self.api.add_route("/v1/{path:path}", self._api, methods=["GET", "POST", "PUT"])
        add_handlers(self.api, PathMethods(()))
        self.api.add_middleware(
            RequestMiddleware,
            service="gateway",
            limits=RequestLimits.from_settings(chosen, body_most=32_000_000, files_most={}),
            error_response=problem_response,
        )
        self.app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        built = build(chosen, Runtime(service="portals", settings=chosen))
        self.portals = replace(
            built,
            guard=self,
            shown_pages=ShownPages(MemorySessionStore(), built.login.sessions),
            drafts=Drafts(MemorySessionStore(), session_keys(), timedelta(hours=8), utc_now),
            gateway=GatewayClient("http://gateway.test", transport=httpx2.ASGITransport(self.api)),
        )
        add_portals(self.app, self.portals)
        table = load_allowances(REPOSITORY / "deploy/allowances.toml")
        self.answer("GET", "/v1/allowances", presenters.allowances(table, TODAY))

    def sign_in(self, role: Role, name: str = "Karla Eksempel", *, minutes: float = 30) -> Session:
        """Sign a person in."""
        ends_at = datetime.now(UTC) + timedelta(minutes=minutes)
        tokens = ApiTokens(f"token of {role}", "refresh", ends_at)
        self.session = Session(
            "key",
            role,
            ORGANISATIONS[role],
            name,
            TOKEN,
            ends_at,
            tokens,
            "encrypted",
            subject=name,
            organisation_name=COMPANIES[role],
        )
        self.owner = FormOwner(name, role)
        return self.session

    def sign_out(self) -> None:
        """Sign the person out."""
        self.session = None

    def answer(self, method: str, path: str, answer: BaseModel | Refusal, status: int = 200, **query: str) -> None:
        """Set the response of the API to a request with at least these query parameters."""
        address = method, path, frozenset(query.items())
        if isinstance(answer, Refusal):
            self._answers[address] = answer
        else:
            self._answers[address] = status, answer.model_dump_json().encode(), "application/json"

    def answer_together(self, requests: int) -> None:
        """Let the API answer no request before this number of requests is open at the same time."""
        self._needed = requests

    def answer_file(self, path: str, content: bytes, media_type: str) -> None:
        """Let the API have a file."""
        self._answers["GET", path, frozenset()] = 200, content, media_type

    def answer_stream(self, path: str, first: bytes, second: bytes = b"") -> None:
        """Let the API have a stream of events, which stays open after its parts. It needs ``served``.

        The stream sends ``second`` after ``resume_streams`` is called.
        """
        self._streams[path] = first, second

    def resume_streams(self) -> None:
        """Let every open stream send its second part."""
        self._resumed.set()

    def commands(self) -> list[tuple[str, Any, str | None]]:
        """The commands that pages sent: path, body and idempotency key."""
        return [(one.path, one.body or None, one.key) for one in self.requests if one.method == "POST"]

    def use_gateway(self, gateway: GatewayClient) -> None:
        """Let the pages call the API with this client."""
        self.app.state.portals = self.portals = replace(self.portals, gateway=gateway)

    def client(self, **headers: str) -> httpx2.AsyncClient:
        """An HTTP client with the headers of a browser."""
        return httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app),
            base_url="http://frikort.test",
            headers={"accept": "text/html", **headers},
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the pages and the API over HTTP; the address of the pages."""
        with _serve(self.api) as api:
            self.app.state.portals = replace(self.portals, gateway=GatewayClient(api))
            try:
                with _serve(self.app) as address:
                    yield address
            finally:
                self.app.state.portals = self.portals

    # The methods of ``SessionGuard``.

    async def session_of(self, request: Request, *, active: bool = True) -> Session | None:
        self.active_lookups.append(active)
        request.state.session = self.session
        return self.session

    async def access_token_of(self, session: Session) -> str:
        return session.tokens.access

    async def renewed_token_of(self, session: Session, refused: str) -> str:
        self.refused_tokens.append(refused)
        if self.renewed_token is None:
            raise SessionEnded
        return self.renewed_token

    async def is_active(self, session: Session) -> bool:
        return self.session == session

    def form_owner(self, request: Request, form: Mapping[str, Any]) -> FormOwner | None:
        return self.owner if form.get("form_token") == TOKEN else None

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
            self.requests.append(_api_request(request, content))
            if self.requests[-1].token in self.invalid_tokens:
                raise ProblemError("token-invalid", headers={"WWW-Authenticate": "Bearer"})
            return self._answer_to(request)
        finally:
            self._open -= 1

    def _answer_to(self, request: Request) -> Response:
        if request.method == "GET" and request.url.path in self._streams:
            return StreamingResponse(
                self._open_stream(*self._streams[request.url.path]), media_type="text/event-stream"
            )
        found = self._matching_answer(request)
        if isinstance(found, Refusal):
            raise ProblemError(found.code, facts=found.facts, errors=found.errors)
        status, body_bytes, media_type = found
        return Response(body_bytes, status, media_type=media_type)

    async def _open_stream(self, first: bytes, second: bytes) -> AsyncIterator[bytes]:
        yield first
        while not await asyncio.to_thread(self._resumed.wait, 0.05):
            pass  # short waits, so that the thread ends soon after the browser disconnects
        yield second
        await asyncio.Event().wait()

    def _matching_answer(self, request: Request) -> tuple[int, bytes, str] | Refusal:
        """The answer that matches the most query parameters."""
        fitting = [
            (len(query), answer)
            for (method, path, query), answer in self._answers.items()
            if (method, path) == (request.method, request.url.path) and query <= set(request.query_params.items())
        ]
        return max(fitting, key=lambda one: one[0])[1] if fitting else Refusal("not-found")


@contextmanager
def _serve(app: ASGIApp) -> Iterator[str]:
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


def _api_request(request: Request, content: bytes) -> ApiRequest:
    is_json = "json" in request.headers.get("content-type", "")
    authorization = request.headers.get("authorization")
    return ApiRequest(
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


async def send_form(
    client: httpx2.AsyncClient, path: str, fields: Mapping[str, str] | None = None, /, **more: str
) -> httpx2.Response:
    """The response to a form, which is sent with its hidden fields."""
    return await answer_to_form(client, await client.post(path, data={**FORM, **(fields or {}), **more}))


async def answer_to_form(client: httpx2.AsyncClient, response: httpx2.Response) -> httpx2.Response:
    """The page that answers a form, which has an address of its own; another response is returned as it is."""
    address = response.headers.get("location", "")
    return await client.get(address) if f"{QUERY}=" in address else response
