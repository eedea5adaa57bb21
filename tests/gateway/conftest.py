"""Fixtures: a real MongoDB, and a client of the gateway ``world`` of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from deploy.local.system import LocalSystem
from services.runtime.mongo.driver import Database
from tests.gateway.memory import MemoryGateway
from tests.mongodb_driver import empty_database


@pytest.fixture
async def database(system: LocalSystem) -> AsyncIterator[Database]:
    """An empty database with the gateway's write and read concerns."""
    async with empty_database(system.mongodb, "test_gateway") as database:
        yield database


@pytest.fixture
async def client(world: MemoryGateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the module's ``world``."""
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client
