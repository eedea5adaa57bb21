"""A nightly run is done by one instance, and by another one if that one cannot end it, on a real MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from deploy.local.engines import Engines
from services.runtime.mongo.driver import Collection
from services.runtime.mongo.nightly import NightlyRuns
from tests.mongodb_driver import empty_database

DAY = "2026-03-31"


@pytest.fixture
async def nights(engines: Engines) -> AsyncIterator[Collection]:
    async with empty_database(engines.mongodb, "test_nightly") as database:
        yield database["nights"]


class Job:
    """A job that counts its runs. It waits in ``work`` while ``released`` is not set."""

    def __init__(self) -> None:
        self.runs = 0
        self.began = asyncio.Event()
        self.released = asyncio.Event()
        self.released.set()

    async def work(self) -> dict[str, Any]:
        self.runs += 1
        self.began.set()
        await self.released.wait()
        return {"found": self.runs}


def nightly(nights: Collection, *, lease: float = 60.0) -> NightlyRuns:
    return NightlyRuns(nights, hour=2, lease=lease)


async def begun(nights: Collection, job: Job, *, lease: float = 60.0) -> asyncio.Task[None]:
    """A run of ``job`` that has begun, and ends when the job is released."""
    job.released.clear()
    running = asyncio.create_task(nightly(nights, lease=lease).run(DAY, job.work))
    await job.began.wait()
    return running


async def let_expire(nights: Collection) -> None:
    """What happens to the lease of an instance that was killed or paused."""
    await nights.update_one({"_id": DAY}, {"$set": {"lease_until": 0}})


def test_a_run_is_due_some_hours_after_midnight_in_denmark() -> None:
    runs = NightlyRuns(None, hour=2)  # type: ignore[arg-type]
    assert runs.day_of(datetime(2026, 3, 30, 23, 59, tzinfo=UTC)) == "2026-03-30"
    assert runs.day_of(datetime(2026, 3, 31, 0, 1, tzinfo=UTC)) == "2026-03-31"


async def test_a_run_is_done_once_and_its_result_is_kept(nights: Collection) -> None:
    job = Job()
    for _ in range(3):
        await nightly(nights).run(DAY, job.work)

    latest = await nightly(nights).latest()
    assert job.runs == 1
    assert latest is not None
    assert latest["found"] == 1


async def test_one_instance_at_a_time_does_a_run(nights: Collection) -> None:
    first, second = Job(), Job()
    running = await begun(nights, first)

    await nightly(nights).run(DAY, second.work)
    first.released.set()
    await running

    assert (first.runs, second.runs) == (1, 0)


async def test_a_long_run_keeps_its_lease(nights: Collection) -> None:
    job, other = Job(), Job()
    running = await begun(nights, job, lease=1.0)
    before = (await nights.find_one({"_id": DAY}) or {})["lease_until"]
    async with asyncio.timeout(20):
        while (await nights.find_one({"_id": DAY}) or {})["lease_until"] <= before + 1000:
            await nightly(nights).run(DAY, other.work)

    job.released.set()
    await running
    assert (job.runs, other.runs) == (1, 0)


async def test_the_run_of_an_instance_that_stops_is_done_by_the_next_one(nights: Collection) -> None:
    stopped, following = Job(), Job()
    running = await begun(nights, stopped)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    await nightly(nights).run(DAY, following.work)

    assert following.runs == 1


async def test_a_run_that_fails_is_tried_again_after_its_lease(nights: Collection) -> None:
    async def fail() -> dict[str, Any]:
        raise ValueError("a bug")

    job = Job()
    with pytest.raises(ValueError, match="a bug"):
        await nightly(nights).run(DAY, fail)
    await nightly(nights).run(DAY, job.work)
    assert job.runs == 0

    await let_expire(nights)
    await nightly(nights).run(DAY, job.work)
    assert job.runs == 1


async def test_an_instance_that_was_paused_ends_its_run_when_another_one_has_it(nights: Collection) -> None:
    paused, other = Job(), Job()
    running = await begun(nights, paused, lease=1.0)
    await let_expire(nights)

    await nightly(nights).run(DAY, other.work)
    await running  # although its work never ends

    latest = await nightly(nights).latest()
    assert latest is not None
    assert (latest["attempt"], other.runs) == (2, 1)
