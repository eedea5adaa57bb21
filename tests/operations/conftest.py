"""Separate engines for tests that stop, freeze and kill them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from deploy.local.config import Config
from deploy.local.engines import Engines
from services.runtime.kafka.topics.provisioning import provision
from tests.operations.harness import Harness


@pytest.fixture(scope="package")
def own_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with Engines(Config(tmp_path_factory.mktemp("own")), environment={}, docker_answers=lambda: False) as running:
        yield running


@pytest.fixture
async def harness(own_engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Harness]:
    """Kafka and MongoDB, running and with their topics, whatever the previous test did to them."""
    with ExitStack() as stack:
        harness = Harness(own_engines, tmp_path_factory.mktemp("services"), stack)
        harness.make_engines_run()
        await provision(harness.settings)
        yield harness
