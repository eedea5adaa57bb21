"""``read_changes`` passes on the changes of a stream in batches; the test controls the server's answers."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from services.runtime.mongo.driver import read_changes


class Server:
    """pymongo's change stream: ``try_next`` gives the next change, None for an empty answer, or raises an error.

    A ``threading.Event`` among the changes blocks until it is set, as a getMore blocks until there is a change.
    """

    def __init__(self, *changes: dict[str, Any] | threading.Event | Exception | None) -> None:
        self._changes = deque(changes)
        self.resume_token: Any = None

    @property
    def delegate(self) -> Server:
        """pymongo's stream below motor's."""
        return self

    def try_next(self) -> dict[str, Any] | None:
        change = self._changes.popleft()
        if isinstance(change, threading.Event):
            change.wait(10)
            return self.try_next()
        if isinstance(change, Exception):
            raise change
        if change is not None:
            self.resume_token = change["_id"]
        return change


class Received:
    """The changes that were passed on, in order."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.some = asyncio.Event()

    def __call__(self, changes: Sequence[Mapping[str, Any]]) -> None:
        self.ids += [change["_id"] for change in changes]
        self.some.set()


async def test_every_change_is_passed_on_in_order() -> None:
    stream = Server(*({"_id": number} for number in range(1000)), None, {"_id": 1000}, None)
    received = Received()
    await read_changes(stream, received)
    assert received.ids == list(range(1000))
    assert stream.resume_token == 999
    await read_changes(stream, received)
    assert received.ids == list(range(1001))


async def test_a_change_is_passed_on_while_the_next_request_is_in_progress() -> None:
    no_more = threading.Event()
    stream = Server({"_id": 1}, no_more, None)
    received = Received()
    reading = asyncio.create_task(read_changes(stream, received))
    try:
        await asyncio.wait_for(received.some.wait(), 5)
        assert (received.ids, reading.done()) == ([1], False)
    finally:
        no_more.set()
    await reading
    assert received.ids == [1]


async def test_changes_before_an_error_are_passed_on() -> None:
    stream = Server({"_id": 1}, AutoReconnect("gone"))
    received = Received()
    with pytest.raises(AutoReconnect):
        await read_changes(stream, received)
    await asyncio.wait_for(received.some.wait(), 5)
    assert received.ids == [1]
