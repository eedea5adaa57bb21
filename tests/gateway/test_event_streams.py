"""Event streams: a change wakes them, their number is limited, and they end on time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from frikort_contracts.http.roles import Role
from pymongo.errors import AutoReconnect

from services.gateway import event_streams as module
from services.gateway.auth import Caller
from services.gateway.changes import change_notifier
from services.gateway.changes.change_notifier import ChangeSubscriptions, Key, card_key, keys_of
from services.gateway.event_streams import EventStreams
from services.gateway.problems import ProblemError

CARD = card_key("c")


def citizen(name: str) -> Caller:
    return Caller("https://issuer.test", "frikort-portal", f"subject-{name}", Role.CITIZEN, f"hash-{name}")


async def allow() -> None:
    """Allow access."""


@pytest.fixture(autouse=True)
def no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a wake-up the wait times out."""
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 60.0)
    monkeypatch.setattr(module, "_HEARTBEAT_SECONDS", 60.0)


async def following(stream: AsyncIterator[Any]) -> Any:
    return await asyncio.wait_for(anext(stream), 2)


async def ended(stream: AsyncIterator[Any]) -> bool:
    try:
        await following(stream)
    except StopAsyncIteration:
        return True
    return False


def stream_of(waiters: ChangeSubscriptions, *, every: float = 60, seconds: float = 60) -> AsyncIterator[bool]:
    return waiters.changes(CARD, every=every, seconds=seconds)


async def test_a_stream_begins_with_a_change_event() -> None:
    assert await following(stream_of(ChangeSubscriptions(asyncio.Event()))) is True


async def test_a_change_is_sent_at_once() -> None:
    waiters = ChangeSubscriptions(asyncio.Event())
    stream = stream_of(waiters)
    await following(stream)
    event = asyncio.create_task(following(stream))
    await asyncio.sleep(0)

    waiters.wake(CARD)

    assert await event is True


async def test_simultaneous_changes_are_sent_as_one() -> None:
    waiters = ChangeSubscriptions(asyncio.Event())
    stream = stream_of(waiters, every=0.05)
    await following(stream)

    for _ in range(5):
        waiters.wake(CARD)

    assert [await following(stream), await following(stream)] == [True, False]


async def test_a_change_of_another_card_is_not_sent() -> None:
    waiters = ChangeSubscriptions(asyncio.Event())
    stream = stream_of(waiters, every=0.05)
    await following(stream)

    waiters.wake(card_key("another"))

    assert await following(stream) is False


async def test_a_stream_ends_after_its_seconds() -> None:
    assert [event async for event in stream_of(ChangeSubscriptions(asyncio.Event()), seconds=0.05)] == [True]


async def test_a_stream_ends_when_the_process_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.02)
    stopping = asyncio.Event()
    stream = stream_of(ChangeSubscriptions(stopping))
    await following(stream)
    over = asyncio.create_task(ended(stream))
    await asyncio.sleep(0)

    stopping.set()

    assert await over


async def test_an_ended_wait_leaves_no_subscription() -> None:
    waiters = ChangeSubscriptions(asyncio.Event())

    async for _ in stream_of(waiters, seconds=0.01):
        pass

    assert waiters._waiters == {}


def test_a_change_wakes_subscribers_of_the_document_its_collection_and_its_card() -> None:
    change = {"ns": {"coll": "reports"}, "documentKey": {"_id": "r"}, "fullDocument": {"state": {"card_id": "c"}}}

    assert list(keys_of(change)) == [Key("reports", "r"), Key("reports", "*"), CARD]


@pytest.mark.parametrize("stored", [{}, {"state": None}, {"state": {}}])
def test_a_change_without_a_card_wakes_subscribers_of_the_document_and_its_collection(stored: dict[str, Any]) -> None:
    change = {"ns": {"coll": "extracts"}, "documentKey": {"_id": "e"}, "fullDocument": stored}

    assert list(keys_of(change)) == [Key("extracts", "e"), Key("extracts", "*")]


async def test_a_stream_continues_while_the_caller_may_see_the_card() -> None:
    waiters = ChangeSubscriptions(asyncio.Event())
    stream = EventStreams(waiters, per_caller=1, most=1).changes_of_card("c", allow)
    await following(stream)

    waiters.wake(CARD)

    assert await following(stream) is True


@pytest.mark.parametrize("error", [ProblemError("token-invalid"), AutoReconnect("away")])
async def test_a_stream_ends_when_the_caller_may_no_longer_see_the_card(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(module, "_HEARTBEAT_SECONDS", 0.01)
    answers = iter([None, None, error])

    async def may() -> None:
        if (no := next(answers)) is not None:
            raise no

    stream = EventStreams(ChangeSubscriptions(asyncio.Event()), per_caller=1, most=1).changes_of_card("c", may)

    assert [event async for event in stream] == [True, False]


def test_the_open_streams_of_a_caller_are_limited() -> None:
    changes = EventStreams(ChangeSubscriptions(asyncio.Event()), per_caller=2, most=10)

    with changes.slot(citizen("a")):
        with changes.slot(citizen("a")):
            with pytest.raises(ProblemError, match="too-many-streams"), changes.slot(citizen("a")):
                pass
            with changes.slot(citizen("b")):
                pass
        with changes.slot(citizen("a")):
            pass
    assert not changes._open


def test_the_open_streams_of_all_callers_are_limited() -> None:
    changes = EventStreams(ChangeSubscriptions(asyncio.Event()), per_caller=2, most=2)

    with (
        changes.slot(citizen("a")),
        changes.slot(citizen("b")),
        pytest.raises(ProblemError, match="too-many-streams"),
        changes.slot(citizen("c")),
    ):
        pass
