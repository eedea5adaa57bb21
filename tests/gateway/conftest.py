"""A fixture for tests that need a real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.system import LocalSystem
from services.runtime.mongo.driver import Database, close, connect, durable_database
from tests.mongodb_driver import DRIVER


@pytest.fixture
async def database(system: LocalSystem) -> AsyncIterator[Database]:
    """An empty database with the gateway's write and read concerns."""
    client = connect(system.mongodb, driver=DRIVER)
    name = f"test_gateway_{uuid4().hex}"
    yield durable_database(client, name)
    await client.drop_database(name)
    await close(client)
