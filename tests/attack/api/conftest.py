"""The started system, attacked through its API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.system import LocalSystem
from tests.integration.scene import TODAY, World, within_an_hour


@pytest.fixture(scope="session")
def world(system: LocalSystem) -> World:
    """The running system with makers of people and things."""
    return World(system)


@pytest.fixture(autouse=True)
async def _one_hour() -> None:
    await within_an_hour()


@pytest.fixture(autouse=True)
def _today(world: World) -> Iterator[None]:
    """Every test begins on the same day."""
    world.on(TODAY)
    yield
    world.reset_clock()
