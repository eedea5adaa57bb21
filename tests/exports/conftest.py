"""exports over the real MongoDB."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from deploy.local.system import LocalSystem
from services.runtime.store import connect, durable_database
from tests.exports.harness import Exports


@pytest.fixture
async def exports(engines: LocalSystem) -> AsyncIterator[Exports]:
    """exports with a database of its own."""
    client = connect(engines.mongodb)
    name = f"test_exports_{uuid4().hex}"
    exports = Exports(durable_database(client, name))
    await exports.prepare()
    yield exports
    await client.drop_database(name)
    client.close()
