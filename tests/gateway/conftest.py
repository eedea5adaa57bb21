"""A fixture for tests that need a real MongoDB; they hold with either driver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.system import LocalSystem
from services.runtime.mongo.driver import DRIVERS, Database, close, connect, durable_database


@pytest.fixture(params=DRIVERS)
async def database(system: LocalSystem, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """An empty database with the gateway's write and read concerns."""
    client = connect(system.mongodb, driver=request.param)
    name = f"test_gateway_{uuid4().hex}"
    yield durable_database(client, name)
    await client.drop_database(name)
    await close(client)
