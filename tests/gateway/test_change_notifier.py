"""Waiting: woken, not polling; nothing is missed between looking and waiting."""

from __future__ import annotations

import asyncio
import time

import pytest
from pymongo.errors import AutoReconnect

from services.gateway import change_notifier
from services.gateway.change_notifier import ChangeSubscriptions, Key, Pending, Ready

HERE = Key("outcomes", "c")
THERE = Key("ledgers", "l")


class Store:
    """What is there, and how often it was looked at."""

    def __init__(self) -> None:
        self.there: set[Key] = set()
        self.looks = 0

    async def check(self) -> Ready[str] | Pending:
        self.looks += 1
        for key in (HERE, THERE):
            if key not in self.there:
                return Pending((key,))
        return Ready("done")


@pytest.fixture(autouse=True)
def no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wake-up the wait times out."""
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 60.0)


async def test_a_present_result_is_returned_at_once_with_a_zero_timeout() -> None:
    store = Store()
    store.there = {HERE, THERE}

    assert await ChangeSubscriptions(asyncio.Event()).until(store.check, 0) == "done"


async def test_a_zero_timeout_reads_at_most_twice() -> None:
    store = Store()

    assert await ChangeSubscriptions(asyncio.Event()).until(store.check, 0) is None
    assert store.looks == 1


async def test_each_subscribed_document_wakes_the_wait() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    waiter = asyncio.create_task(waiters.until(store.check, 10))
    await asyncio.sleep(0.02)

    for key in (HERE, THERE):
        store.there.add(key)
        waiters.wake(key)
        await asyncio.sleep(0.02)

    assert await asyncio.wait_for(waiter, 1) == "done"


async def test_a_change_between_the_read_and_the_wait_is_not_missed() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    store.there = {THERE}

    async def changes_while_looked_at() -> Ready[str] | Pending:
        found = await store.check()
        if store.looks == 1:
            store.there.add(HERE)
            waiters.wake(HERE)
        return found

    assert await asyncio.wait_for(waiters.until(changes_while_looked_at, 10), 1) == "done"


async def test_a_subscription_with_known_keys_reads_once_before_a_change() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    store.there = {THERE}
    waiter = asyncio.create_task(waiters.until(store.check, 10, keys=[HERE]))
    await asyncio.sleep(0.02)
    assert store.looks == 1

    store.there.add(HERE)
    waiters.wake(HERE)

    assert await asyncio.wait_for(waiter, 1) == "done"
    assert (store.looks, waiters._events) == (2, {})


async def test_a_wait_ends_after_its_timeout() -> None:
    began = time.monotonic()

    assert await ChangeSubscriptions(asyncio.Event()).until(Store().check, 0.1) is None
    assert 0.08 < time.monotonic() - began < 1


async def test_an_ended_wait_leaves_no_subscription() -> None:
    waiters = ChangeSubscriptions(asyncio.Event())

    await waiters.until(Store().check, 0.01)

    assert waiters._events == {}


async def test_one_change_wakes_a_hundred_subscribers() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    store.there = {THERE}
    tasks = [asyncio.create_task(waiters.until(store.check, 10)) for _ in range(100)]
    await asyncio.sleep(0.05)

    store.there.add(HERE)
    waiters.wake(HERE)

    assert await asyncio.wait_for(asyncio.gather(*tasks), 2) == ["done"] * 100


async def test_a_wait_survives_a_short_outage_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.01)
    store = Store()
    store.there = {HERE, THERE}
    failures = iter([True, True])

    async def sometimes_away() -> Ready[str] | Pending:
        if next(failures, False):
            raise AutoReconnect("away")
        return await store.check()

    assert await asyncio.wait_for(ChangeSubscriptions(asyncio.Event()).until(sometimes_away, 5), 2) == "done"


async def test_waits_end_when_the_process_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.01)
    stopping = asyncio.Event()
    waiter = asyncio.create_task(ChangeSubscriptions(stopping).until(Store().check, 60))
    await asyncio.sleep(0)
    assert not waiter.done()
    stopping.set()
    assert await asyncio.wait_for(waiter, 5) is None
