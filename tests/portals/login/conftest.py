"""The application with login, but with neither Kafka nor MongoDB behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.gateway.app import application_factory
from services.portals.login.session_guard import check_form, session_of
from services.runtime.service import Runtime
from tests.gateway.build import PUBLIC_URL, settings
from tests.portals.login.fakes import FakeProvider, HandClock, desk


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture(scope="session")
async def built() -> FastAPI:
    """The application, with a page that shows who is signed in, and does something for them."""
    chosen = settings()
    app = application_factory(chosen, Runtime(service="gateway", settings=chosen))

    @app.get("/page")
    async def show(request: Request) -> Response:
        session = await session_of(request)
        return HTMLResponse("<p>nobody" if session is None else f"<p>{session.caller.subject}")

    @app.post("/page")
    async def do(request: Request) -> Response:
        session = await session_of(request)
        assert session is not None
        check_form(request, session, await request.form())
        return JSONResponse("done")

    return app


@pytest.fixture
def app(built: FastAPI, provider: FakeProvider, clock: HandClock) -> FastAPI:
    built.state.gateway = replace(built.state.gateway, desk=desk(provider, clock))
    return built


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser: it keeps cookies, follows nothing by itself, and says where its requests come from."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL, headers={"Sec-Fetch-Site": "same-origin"}
    ) as client:
        yield client
