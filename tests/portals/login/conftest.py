"""The portals with login, but without MongoDB and the API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import httpx2
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.portals.app import add_portals
from services.portals.container import Container, build, container_of
from services.portals.login.back_channel_logout import BackChannelLogout
from services.portals.login.drafts import Drafts
from services.portals.login.session_guard import SessionGuard
from services.runtime.service import Runtime
from tests.portals.build import PUBLIC_URL, settings
from tests.portals.login.fakes import FakeProvider, ManualClock, MemorySessionStore, login_service


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture(scope="session")
async def application() -> tuple[FastAPI, Container]:
    """The application with a page that shows role and name of the person, and a form that needs a session."""
    chosen = settings()
    portals = build(chosen, Runtime(service="portals", settings=chosen))
    app = FastAPI()
    add_portals(app, portals)

    @app.get("/page")
    async def show(request: Request) -> Response:
        session = await container_of(request).guard.session_of(request)
        return HTMLResponse("<p>none" if session is None else f"<p>{session.role} {session.name}")

    @app.post("/page")
    async def do(request: Request) -> Response:
        guard = container_of(request).guard
        session = await guard.session_of(request)
        assert session is not None
        guard.check_form(request, session, await request.form())
        return JSONResponse("done")

    return app, portals


@pytest.fixture
def app(application: tuple[FastAPI, Container], provider: FakeProvider, clock: ManualClock) -> FastAPI:
    app, portals = application
    login = login_service(provider, clock)
    guard = SessionGuard(login.sessions, login.form_tokens, login.access_tokens, PUBLIC_URL)
    back_channel_logout = BackChannelLogout(login.provider, login.sessions, login.logins)
    drafts = Drafts(MemorySessionStore(), login.sessions.keys, timedelta(hours=8), clock)
    app.state.portals = replace(
        portals, login=login, guard=guard, back_channel_logout=back_channel_logout, drafts=drafts
    )
    return app


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser: it keeps cookies, follows no redirect by itself, and names the origin of its requests."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL, headers={"Sec-Fetch-Site": "same-origin"}
    ) as client:
        yield client
