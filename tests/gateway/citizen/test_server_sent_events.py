"""The streams of changes as they go over the wire: with rights, limits, and an end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import MandateGranted, MandateScope, MandateWithdrawn
from frikort_contracts.values import CitizenSide

from services.gateway import event_streams
from services.gateway.auth import Caller
from services.gateway.change_notifier import card_key
from services.gateway.container import Container
from services.gateway.person_encryption import Person
from services.gateway.projections import cards
from tests.gateway.build import CARD, after, issued, persons
from tests.gateway.memory import MemoryGateway, memory_gateway
from tests.waiting import eventually

CPR: Final = "7301854321"
HOLDER: Final = "6301854321"
CHANGED: Final = b"event: changed\ndata: {}\n\n"
OWN: Final = "/v1/me/changes"
HELD: Final = "/v1/represented/m-1/changes"
ISSUED: Final = issued(person=persons().encrypt(Person(CPR, "Karla Eksempel")))
BY: Final[dict[str, Any]] = {"card_id": CARD, "municipality": "101", "actor": "someone", "mandate_id": "m-1"}
GRANTED: Final = MandateGranted(
    **BY,
    revision=2,
    holder=persons().encrypt(Person(HOLDER, "Mikkel Eksempel")),
    scope=MandateScope.VIEW,
    until=date(2099, 12, 31),
    by=CitizenSide.CITIZEN,
)
WITHDRAWN: Final = MandateWithdrawn(**BY, revision=3, by=CitizenSide.CITIZEN)


def citizen(cpr: str) -> Caller:
    return Caller("issuer", "c", "someone", Role.CITIZEN, persons().cpr_hash(cpr))


async def a_world(**changes: Any) -> MemoryGateway:
    """A citizen with a card, and somebody who has a mandate."""
    world = await memory_gateway(**changes)
    world.callers.update(citizen=citizen(CPR), holder=citizen(HOLDER), stranger=citizen("6401854321"))
    world.models.put("cards", CARD, after(cards.PROJECTION, [ISSUED, GRANTED]))
    return world


@pytest.fixture
async def world() -> MemoryGateway:
    return await a_world()


class Listener:
    """Somebody who reads a stream as it comes."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.read = b""
        self.task: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._asked = False

    @property
    def over(self) -> bool:
        return self.task is not None and self.task.done()

    def leave(self) -> None:
        self._gone.set()

    async def receive(self) -> dict[str, Any]:
        if self._asked:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.read += message["body"]

    async def hears(self, times: int) -> None:
        async def heard() -> bool:
            return self.read.count(CHANGED) >= times

        await eventually(heard, within=5, what=f"{times} changes")

    async def receives_the_end(self) -> None:
        assert self.task is not None
        await asyncio.wait_for(self.task, 5)


@asynccontextmanager
async def listening(world: MemoryGateway, path: str, token: str, query: str = "") -> AsyncIterator[Listener]:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},  # as uvicorn says
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "server": ("gateway", 80),
        "client": ("127.0.0.1", 1),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"authorization", f"Bearer {token}".encode()), (b"accept", b"text/event-stream")],
    }
    listener = Listener()
    listener.task = asyncio.create_task(_answer(world.app, scope, listener))
    try:
        yield listener
    finally:
        listener.leave()
        await asyncio.wait_for(listener.task, 5)


async def _answer(app: Callable[..., Awaitable[None]], scope: dict[str, Any], listener: Listener) -> None:
    await app(scope, listener.receive, listener.send)


def something_changes(world: MemoryGateway) -> None:
    world.subscriptions.wake(card_key(CARD))


@pytest.mark.parametrize(("path", "token"), [(OWN, "citizen"), (HELD, "holder")])
async def test_a_change_is_received_while_the_stream_is_open(world: MemoryGateway, path: str, token: str) -> None:
    async with listening(world, path, token) as listener:
        await listener.hears(1)
        something_changes(world)
        await listener.hears(2)

    assert listener.status == 200
    assert listener.headers[b"content-type"].startswith(b"text/event-stream")
    assert listener.headers[b"cache-control"] == b"no-store"
    assert listener.read == 2 * CHANGED, "and nothing of what changed"


async def test_a_stream_shows_no_data_and_adds_no_access_entry(world: MemoryGateway) -> None:
    async with listening(world, OWN, "citizen") as listener:
        await listener.hears(1)
        something_changes(world)
        await listener.hears(2)

    assert world.accesses.take() == []


async def test_a_quiet_stream_sends_heartbeats(world: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "_HEARTBEAT_SECONDS", 0.01)

    async with listening(world, OWN, "citizen") as listener:

        async def has_a_heartbeat() -> bool:
            return listener.read.endswith(b":\n\n")

        await eventually(has_a_heartbeat, within=5)


@pytest.mark.parametrize(("path", "code"), [(OWN, "card-unknown"), (HELD, "mandate-unknown")])
async def test_a_caller_who_may_not_see_the_card_gets_404(world: MemoryGateway, path: str, code: str) -> None:
    async with listening(world, path, "stranger") as listener:
        await listener.receives_the_end()

    assert listener.status == 404
    assert f"/problems/{code}".encode() in listener.read


async def test_a_withdrawn_mandate_ends_its_stream_before_the_next_event(world: MemoryGateway) -> None:
    async with listening(world, HELD, "holder") as listener:
        await listener.hears(1)
        world.models.put("cards", CARD, after(cards.PROJECTION, [ISSUED, GRANTED, WITHDRAWN]))
        something_changes(world)
        await listener.receives_the_end()

    assert listener.read == CHANGED


async def test_a_token_that_has_expired_ends_its_stream(world: MemoryGateway) -> None:
    async with listening(world, OWN, "citizen") as listener:
        await listener.hears(1)
        del world.callers["citizen"]
        something_changes(world)
        await listener.receives_the_end()

    assert listener.read == CHANGED


async def test_a_stream_ends_after_the_requested_seconds(world: MemoryGateway) -> None:
    async with listening(world, OWN, "citizen", "seconds=1") as listener:
        await listener.hears(1)
        await listener.receives_the_end()


async def test_a_closed_stream_no_longer_counts(world: MemoryGateway) -> None:
    gateway: Container = world.app.state.gateway
    async with listening(world, OWN, "citizen") as listener:
        await listener.hears(1)
        assert gateway.event_streams._open.total() == 1

    assert gateway.event_streams._open.total() == 0
    assert world.subscriptions._events == {}


async def test_too_many_streams_of_one_citizen_are_refused() -> None:
    world = await a_world(streams_per_caller=1)

    async with listening(world, OWN, "citizen") as first:
        await first.hears(1)
        async with listening(world, OWN, "citizen") as second:
            await second.receives_the_end()

    assert second.status == 429
    assert b"/problems/too-many-streams" in second.read


async def test_an_open_stream_does_not_count_as_a_request() -> None:
    world = await a_world(requests_most=1)

    async with listening(world, OWN, "citizen") as listener:
        await listener.hears(1)
        transport = httpx2.ASGITransport(app=world.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
            for _ in range(3):
                assert (await client.get("/v1/allowances")).status_code == 200
