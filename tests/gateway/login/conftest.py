"""The application with login, but with neither Kafka nor MongoDB behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from fastapi import FastAPI

from services.gateway.app import application_factory
from services.gateway.views import PROCESSORS
from services.runtime.service import Runtime
from tests.gateway.build import PUBLIC_URL, settings
from tests.gateway.login.fakes import FakeProvider, HandClock, desk


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
async def app(provider: FakeProvider, clock: HandClock) -> FastAPI:
    chosen = settings()
    app = application_factory(chosen, Runtime(service="gateway", settings=chosen, processors=PROCESSORS))
    app.state.gateway = replace(app.state.gateway, desk=desk(provider, clock))
    return app


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser: it keeps cookies, follows nothing by itself, and says where its requests come from."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL, headers={"Sec-Fetch-Site": "same-origin"}
    ) as client:
        yield client
