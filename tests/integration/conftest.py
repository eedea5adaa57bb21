"""The world of the integration tests, and its clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, Job, World


@pytest.fixture(scope="session")
def world(system: LocalSystem) -> World:
    """The running system with makers of people and things."""
    return World(system)


@pytest.fixture(autouse=True)
def _today(world: World) -> Iterator[None]:
    """Each test begins on the same day; afterwards the clock is right again for others."""
    world.on(TODAY)
    yield
    world.reset_clock()


@pytest.fixture
def job(world: World) -> Job:
    """A new card with an employment at a new employer."""
    return world.job()
