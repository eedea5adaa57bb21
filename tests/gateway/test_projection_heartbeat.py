"""The API knows by the heartbeats of the projections whether its read models are kept up to date."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import pytest

from deploy.local.engines import Engines
from services.gateway.projection_heartbeat import Heartbeat, ProjectionState, beat, read_heartbeats, state_of
from services.runtime.mongo.driver import Database, connect, durable_database
from tests.gateway.build import NOON

EARLIER: Final = NOON - timedelta(hours=1)


def heartbeat(**changes: Any) -> Heartbeat:
    given: dict[str, Any] = {"at": NOON, "age": timedelta(seconds=1), "lag": 0, "problem": None, "problem_since": None}
    return Heartbeat(**given | changes)


def test_projections_that_never_ran_are_stale() -> None:
    assert state_of([]) == ProjectionState(stale=True, reason="no instance is running")


def test_projections_are_stale_since_the_latest_heartbeat_when_every_instance_is_silent() -> None:
    silent = timedelta(seconds=11)
    found = [heartbeat(at=EARLIER, age=silent), heartbeat(age=silent)]
    assert state_of(found) == ProjectionState(stale=True, reason="no instance is running", since=NOON)


def test_an_ended_instance_is_ignored_while_another_runs() -> None:
    found = [heartbeat(age=timedelta(days=1), problem="gateway: stalled"), heartbeat(lag=3), heartbeat(lag=4)]
    assert state_of(found) == ProjectionState(stale=False, lag=7)


def test_one_failing_instance_makes_the_projections_stale() -> None:
    found = [heartbeat(), heartbeat(problem="gateway: stalled", problem_since=EARLIER, lag=9)]
    assert state_of(found) == ProjectionState(stale=True, reason="gateway: stalled", since=EARLIER, lag=9)


@pytest.fixture
async def database(engines: Engines) -> AsyncIterator[Database]:
    client = connect(engines.mongodb)
    yield durable_database(client, "test_projection_heartbeat")
    await client.drop_database("test_projection_heartbeat")
    client.close()


async def write(database: Database, status: str, lag: int) -> Heartbeat:
    """Write a heartbeat of this process with this health, and read it."""

    async def readiness() -> dict[str, Any]:
        return {"processors": {"gateway": {"status": status, "lag": {"frikort.cards.v1/0": lag}}}}

    await beat(SimpleNamespace(health=SimpleNamespace(readiness=readiness), database=database))  # type: ignore[arg-type]
    (found,) = await read_heartbeats(database)
    return found


async def test_a_failure_is_dated_from_its_first_heartbeat(database: Database) -> None:
    fine = await write(database, "ok", 0)
    first = await write(database, "stalled", 5)
    second = await write(database, "stalled", 6)
    recovered = await write(database, "ok", 1)
    again = await write(database, "stalled", 2)

    assert (fine.problem, fine.problem_since) == (None, None)
    assert (first.problem, first.lag) == ("gateway: stalled", 5)
    assert first.problem_since == first.at
    assert (second.problem_since, second.lag) == (first.at, 6)
    assert (recovered.problem, recovered.problem_since, recovered.lag) == (None, None, 1)
    assert again.problem_since == again.at
    assert second.at >= first.at
