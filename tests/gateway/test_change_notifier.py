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
    """Whoever is not woken waits in vain."""
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 60.0)


async def test_what_is_there_is_shown_at_once_even_without_patience() -> None:
    store = Store()
    store.there = {HERE, THERE}

    assert await ChangeSubscriptions(asyncio.Event()).until(store.check, 0) == "done"


async def test_without_patience_it_is_asked_once_more_at_most() -> None:
    store = Store()

    assert await ChangeSubscriptions(asyncio.Event()).until(store.check, 0) is None
    assert store.looks == 1


async def test_it_is_woken_by_each_document_in_turn() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    waiter = asyncio.create_task(waiters.until(store.check, 10))
    await asyncio.sleep(0.02)

    for key in (HERE, THERE):
        store.there.add(key)
        waiters.wake(key)
        await asyncio.sleep(0.02)

    assert await asyncio.wait_for(waiter, 1) == "done"


async def test_a_change_between_looking_and_waiting_is_not_missed() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    store.there = {THERE}

    async def changes_while_looked_at() -> Ready[str] | Pending:
        found = await store.check()
        if store.looks == 1:
            store.there.add(HERE)
            waiters.wake(HERE)
        return found

    assert await asyncio.wait_for(waiters.until(changes_while_looked_at, 10), 1) == "done"


async def test_what_is_known_to_be_waited_for_is_looked_at_once_before_it_changes() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    store.there = {THERE}
    waiter = asyncio.create_task(waiters.until(store.check, 10, keys=[HERE]))
    await asyncio.sleep(0.02)
    assert store.looks == 1

    store.there.add(HERE)
    waiters.wake(HERE)

    assert await asyncio.wait_for(waiter, 1) == "done"
    assert (store.looks, waiters._events) == (2, {})


async def test_patience_ends() -> None:
    began = time.monotonic()

    assert await ChangeSubscriptions(asyncio.Event()).until(Store().check, 0.1) is None
    assert 0.08 < time.monotonic() - began < 1


async def test_nobody_is_left_behind_in_the_list() -> None:
    waiters = ChangeSubscriptions(asyncio.Event())

    await waiters.until(Store().check, 0.01)

    assert waiters._events == {}


async def test_a_hundred_wait_for_the_same() -> None:
    store, waiters = Store(), ChangeSubscriptions(asyncio.Event())
    store.there = {THERE}
    tasks = [asyncio.create_task(waiters.until(store.check, 10)) for _ in range(100)]
    await asyncio.sleep(0.05)

    store.there.add(HERE)
    waiters.wake(HERE)

    assert await asyncio.wait_for(asyncio.gather(*tasks), 2) == ["done"] * 100


async def test_a_store_that_is_away_for_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.01)
    store = Store()
    store.there = {HERE, THERE}
    failures = iter([True, True])

    async def sometimes_away() -> Ready[str] | Pending:
        if next(failures, False):
            raise AutoReconnect("away")
        return await store.check()

    assert await asyncio.wait_for(ChangeSubscriptions(asyncio.Event()).until(sometimes_away, 5), 2) == "done"


async def test_who_waits_is_let_go_when_the_process_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.01)
    stopping = asyncio.Event()
    waiter = asyncio.create_task(ChangeSubscriptions(stopping).until(Store().check, 60))
    await asyncio.sleep(0)
    assert not waiter.done()
    stopping.set()
    assert await asyncio.wait_for(waiter, 5) is None
