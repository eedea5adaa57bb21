"""Exports on a real MongoDB, and as a running service."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from deploy.local.config import Config
from deploy.local.system import SERVICES, LocalSystem
from services.runtime.mongo.driver import close, connect, durable_database
from tests.exports.harness import Exports
from tests.mongodb_driver import DRIVER
from tests.waiting import SHORT_WAITS


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """Exports without other services, which would consume the invented events of these tests too."""
    alone = [service for service in SERVICES if service.name == "exports"]
    config = Config(tmp_path_factory.mktemp("exports"), environment=SHORT_WAITS)
    with LocalSystem(config, services=alone) as running:
        yield running


@pytest.fixture
async def exports(engines: LocalSystem, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Exports]:
    """Exports with a database of its own. A test may give the driver."""
    client = connect(engines.mongodb, driver=getattr(request, "param", DRIVER))
    name = f"test_exports_{uuid4().hex}"
    exports = Exports(durable_database(client, name), tmp_path)
    await exports.prepare()
    yield exports
    await client.drop_database(name)
    await close(client)
