"""Work for all instances is done by one of them at a time, on a real MongoDB."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from deploy.local.engines import Engines
from services.runtime.mongo.driver import Database
from services.runtime.mongo.instance_lock import LOCKS, InstanceLock
from services.runtime.uninterrupted import uninterrupted
from tests.mongodb_driver import empty_database


@pytest.fixture
async def database(engines: Engines) -> AsyncIterator[Database]:
    async with empty_database(engines.mongodb, "test_lock") as database:
        yield database


async def expire(database: Database) -> None:
    """What happens to the lock of an instance that is killed or paused."""
    await database[LOCKS].update_one({"_id": "work"}, {"$set": {"lease_until": 0}})


async def nothing() -> None:
    return


async def test_of_several_instances_one_does_the_work(database: Database) -> None:
    done: list[int] = []

    async def instance(number: int) -> None:
        async def work() -> None:
            done.append(number)

        lock = InstanceLock(database, "work")
        for _ in range(5):
            await lock.run(work)

    await asyncio.gather(*map(instance, range(4)))
    assert len(done) >= 4, "the first call may miss a lock that does not exist yet"
    assert len(set(done)) == 1


async def test_two_locks_do_not_wait_for_each_other(database: Database) -> None:
    assert await InstanceLock(database, "work").run(nothing)
    assert await InstanceLock(database, "other work").run(nothing)


async def test_an_instance_that_stops_leaves_its_lock_to_the_next_one_at_once(database: Database) -> None:
    other = InstanceLock(database, "work")
    async with InstanceLock(database, "work") as lock:
        assert await lock.run(nothing)
        assert not await other.run(nothing)
    assert await other.run(nothing)


async def test_the_lock_of_an_instance_that_was_killed_expires(database: Database) -> None:
    killed, other = InstanceLock(database, "work"), InstanceLock(database, "work")
    assert await killed.run(nothing)
    await expire(database)
    assert await other.run(nothing)


async def test_an_instance_that_was_paused_does_not_release_the_lock_of_another(database: Database) -> None:
    third = InstanceLock(database, "work")
    async with InstanceLock(database, "work") as paused:
        assert await paused.run(nothing)
        await expire(database)
        assert await InstanceLock(database, "work").run(nothing)
    assert not await third.run(nothing)


async def test_the_lock_is_kept_during_work_that_takes_longer_than_a_lease(database: Database) -> None:
    other, end = InstanceLock(database, "work", lease=0.4), time.monotonic() + 1.0

    async def long_work() -> None:
        while time.monotonic() < end:
            assert not await other.run(nothing)

    assert await InstanceLock(database, "work", lease=0.4).run(long_work)


async def test_work_that_fails_raises_its_error_and_keeps_the_lock(database: Database) -> None:
    async def fails() -> None:
        raise ConnectionError("no answer")

    lock = InstanceLock(database, "work")
    with pytest.raises(ConnectionError):
        await lock.run(fails)
    assert not await InstanceLock(database, "work").run(nothing)
    assert await lock.run(nothing)


async def test_a_stop_lets_short_work_end_first() -> None:
    begun, may_end, steps = asyncio.Event(), asyncio.Event(), list[str]()

    async def publish_and_mark() -> None:
        steps.append("published")
        begun.set()
        await may_end.wait()
        steps.append("marked")

    caller = asyncio.create_task(uninterrupted(publish_and_mark()))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert steps == ["published", "marked"]


async def test_at_the_stop_timeout_short_work_is_cancelled_too() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def hangs() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    caller = asyncio.create_task(uninterrupted(hangs()))
    await begun.wait()
    for _ in range(2):
        caller.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_the_error_of_short_work_reaches_the_caller() -> None:
    async def fails() -> None:
        raise ConnectionError("no answer")

    with pytest.raises(ConnectionError):
        await uninterrupted(fails())
