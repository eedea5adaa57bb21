"""Fixtures of the integration tests: the running system, and its clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, Job, World


@pytest.fixture(scope="session")
def world(system: LocalSystem) -> World:
    """The running system, with methods that create people, cards and employments."""
    return World(system)


@pytest.fixture(autouse=True)
def _today(world: World) -> Iterator[None]:
    """Set the gateway's clock to the same day for each test, and reset it afterwards."""
    world.on(TODAY)
    yield
    world.reset_clock()


@pytest.fixture
def job(world: World) -> Job:
    """A new card with an employment at a new employer."""
    return world.job()
