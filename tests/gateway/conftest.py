"""Fixtures: a real MongoDB, and a client of the gateway ``world`` of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from deploy.local.system import LocalSystem
from services.runtime.mongo.driver import Database, close, connect, durable_database
from tests.gateway.memory import MemoryGateway
from tests.mongodb_driver import DRIVER


@pytest.fixture
async def database(system: LocalSystem) -> AsyncIterator[Database]:
    """An empty database with the gateway's write and read concerns."""
    client = connect(system.mongodb, driver=DRIVER)
    name = f"test_gateway_{uuid4().hex}"
    yield durable_database(client, name)
    await client.drop_database(name)
    await close(client)


@pytest.fixture
async def client(world: MemoryGateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the module's ``world``."""
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client
