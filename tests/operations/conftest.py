"""Engines of their own for tests that stop, freeze and kill them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from deploy.local.config import Config
from deploy.local.engines import Engines
from services.runtime.kafka.topics import provision
from tests.operations.testbed import Testbed


@pytest.fixture(scope="package")
def own_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with Engines(Config(tmp_path_factory.mktemp("own")), environment={}, docker_answers=lambda: False) as running:
        yield running


@pytest.fixture
async def testbed(own_engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Testbed]:
    """Both engines run and have their topics, whatever the test before did to them."""
    with ExitStack() as stack:
        testbed = Testbed(own_engines, tmp_path_factory.mktemp("services"), stack)
        testbed.make_engines_run()
        await provision(testbed.settings)
        yield testbed
