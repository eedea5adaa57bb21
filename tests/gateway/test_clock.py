"""A database in which a local system has set the clock is refused in production."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

import pytest

from deploy.local.engines import Engines
from services.gateway.clock import Clock, check_clock
from services.runtime.safety_checks import UnsafeSetting
from services.runtime.service import Runtime
from services.runtime.settings import ProcessSettings


def process(engines: Engines, service: str, environment: Literal["local", "production"]) -> Runtime:
    return Runtime(service=service, settings=ProcessSettings(environment=environment, mongodb=engines.mongodb))


@pytest.fixture
async def service(engines: Engines) -> AsyncIterator[str]:
    """A service whose database is deleted afterwards."""
    name = f"clock_{uuid4().hex}"
    yield name
    runtime = process(engines, name, "local")
    await runtime.client.drop_database(runtime.database.name)


async def test_a_database_whose_clock_was_never_set_is_accepted(engines: Engines, service: str) -> None:
    await check_clock(process(engines, service, "production"))


async def test_a_database_whose_clock_was_set_is_refused_in_production_only(engines: Engines, service: str) -> None:
    local = process(engines, service, "local")
    await Clock(local.database, settable=True).set(datetime(2025, 1, 6, tzinfo=UTC))
    await check_clock(local)
    with pytest.raises(UnsafeSetting, match="the settable clock of a local system") as unsafe:
        await check_clock(process(engines, service, "production"))
    assert unsafe.value.setting == f"the collection clock of frikort_{service}"


async def test_a_clock_that_was_reset_is_accepted(engines: Engines, service: str) -> None:
    clock = Clock(process(engines, service, "local").database, settable=True)
    await clock.set(datetime(2025, 1, 6, tzinfo=UTC))
    await clock.reset()
    await check_clock(process(engines, service, "production"))
