"""Waiting for a result: a change wakes the wait, and no change between a read and the wait is missed."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

import pytest
from pymongo.errors import AutoReconnect

from services.gateway.changes import change_notifier
from services.gateway.changes.change_notifier import ChangeSubscriptions, Key, Pending, Ready, SharedListeners
from tests.waiting import eventually

OUTCOME = Key("outcomes", "c")
LEDGER = Key("ledgers", "l")


class Store:
    """A store of documents that counts its reads. The result is ready when both documents exist."""

    def __init__(self) -> None:
        self.documents: set[Key] = set()
        self.reads = 0

    async def check(self) -> Ready[str] | Pending:
        self.reads += 1
        for key in (OUTCOME, LEDGER):
            if key not in self.documents:
                return Pending((key,))
        return Ready("done")


async def subscribed(subscriptions: ChangeSubscriptions, key: Key, count: int = 1) -> None:
    """Wait until ``count`` waits have subscribed to ``key``."""

    async def probe() -> bool:
        return len(subscriptions._waiters.get(key, ())) == count

    await eventually(probe)


@pytest.fixture(autouse=True)
def no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wake-up the wait times out."""
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 60.0)


async def test_a_zero_timeout_returns_a_result_that_is_ready() -> None:
    store = Store()
    store.documents = {OUTCOME, LEDGER}

    assert await ChangeSubscriptions(asyncio.Event()).until(store.check, 0) == "done"


async def test_a_zero_timeout_reads_once() -> None:
    store = Store()

    assert await ChangeSubscriptions(asyncio.Event()).until(store.check, 0) is None
    assert store.reads == 1


async def test_each_subscribed_document_wakes_the_wait() -> None:
    store, subscriptions = Store(), ChangeSubscriptions(asyncio.Event())
    wait = asyncio.create_task(subscriptions.until(store.check, 10))

    for key in (OUTCOME, LEDGER):
        await subscribed(subscriptions, key)
        store.documents.add(key)
        subscriptions.wake(key)

    assert await asyncio.wait_for(wait, 1) == "done"


async def test_a_change_between_the_read_and_the_wait_is_not_missed() -> None:
    store, subscriptions = Store(), ChangeSubscriptions(asyncio.Event())
    store.documents = {LEDGER}

    async def read_and_change() -> Ready[str] | Pending:
        found = await store.check()
        if store.reads == 1:
            store.documents.add(OUTCOME)
            subscriptions.wake(OUTCOME)
        return found

    assert await asyncio.wait_for(subscriptions.until(read_and_change, 10), 1) == "done"


async def test_a_subscription_with_known_keys_reads_once_before_a_change() -> None:
    store, subscriptions = Store(), ChangeSubscriptions(asyncio.Event())
    store.documents = {LEDGER}
    wait = asyncio.create_task(subscriptions.until(store.check, 10, keys=[OUTCOME]))
    await subscribed(subscriptions, OUTCOME)
    assert store.reads == 1

    store.documents.add(OUTCOME)
    subscriptions.wake(OUTCOME)

    assert await asyncio.wait_for(wait, 1) == "done"
    assert (store.reads, subscriptions._waiters) == (2, {})


async def test_a_wait_ends_after_its_timeout() -> None:
    began = time.monotonic()

    assert await ChangeSubscriptions(asyncio.Event()).until(Store().check, 0.1) is None
    assert 0.08 < time.monotonic() - began < 1


async def test_an_ended_wait_leaves_no_subscription() -> None:
    subscriptions = ChangeSubscriptions(asyncio.Event())

    await subscriptions.until(Store().check, 0.01)

    assert subscriptions._waiters == {}


async def test_one_change_wakes_a_hundred_subscribers() -> None:
    store, subscriptions = Store(), ChangeSubscriptions(asyncio.Event())
    store.documents = {LEDGER}
    tasks = [asyncio.create_task(subscriptions.until(store.check, 10)) for _ in range(100)]
    await subscribed(subscriptions, OUTCOME, count=100)

    store.documents.add(OUTCOME)
    subscriptions.wake(OUTCOME)

    assert await asyncio.wait_for(asyncio.gather(*tasks), 2) == ["done"] * 100


async def test_a_wait_survives_a_short_outage_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.01)
    store = Store()
    store.documents = {OUTCOME, LEDGER}
    failures = iter([True, True])

    async def read_with_outage() -> Ready[str] | Pending:
        if next(failures, False):
            raise AutoReconnect("outage")
        return await store.check()

    assert await asyncio.wait_for(ChangeSubscriptions(asyncio.Event()).until(read_with_outage, 5), 2) == "done"


async def test_waits_end_when_the_process_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.01)
    stopping = asyncio.Event()
    subscriptions = ChangeSubscriptions(stopping)
    wait = asyncio.create_task(subscriptions.until(Store().check, 60))
    await subscribed(subscriptions, OUTCOME)
    assert not wait.done()
    stopping.set()
    assert await asyncio.wait_for(wait, 5) is None


class CountedListener:
    """A listener that counts its starts and stops."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")


async def test_shared_listeners_follow_their_streams_while_they_are_used() -> None:
    listener = CountedListener()
    shared = SharedListeners([cast("Any", listener)])

    async with shared.used():
        async with shared.used():
            assert listener.calls == ["start"]
        assert listener.calls == ["start"]
    assert listener.calls == ["start", "stop"]

    async with shared.used():
        assert listener.calls == ["start", "stop", "start"]
