"""The server-sent events of a card over HTTP: access, limits and end."""

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
from services.gateway.changes.change_notifier import card_key
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
ISSUED: Final = issued(person=persons().encrypt(Person(CPR, "Karla Eksempel"), CARD))
BY: Final[dict[str, Any]] = {"card_id": CARD, "municipality": "101", "actor": "someone", "mandate_id": "m-1"}
GRANTED: Final = MandateGranted(
    **BY,
    revision=2,
    holder=persons().encrypt_holder(Person(HOLDER, "Mikkel Eksempel"), CARD),
    scope=MandateScope.VIEW,
    until=date(2099, 12, 31),
    by=CitizenSide.CITIZEN,
)
WITHDRAWN: Final = MandateWithdrawn(**BY, revision=3, by=CitizenSide.CITIZEN)


def citizen(cpr: str) -> Caller:
    return Caller("issuer", "c", "someone", Role.CITIZEN, persons().cpr_hash(cpr))


async def gateway_with_mandate(**changes: Any) -> MemoryGateway:
    """A gateway with a citizen who has a card, and the holder of a mandate."""
    world = await memory_gateway(**changes)
    world.callers.update(citizen=citizen(CPR), holder=citizen(HOLDER), stranger=citizen("6401854321"))
    world.models.put("cards", CARD, after(cards.PROJECTION, [ISSUED, GRANTED]))
    return world


@pytest.fixture
async def world() -> MemoryGateway:
    return await gateway_with_mandate()


class Listener:
    """An ASGI client that reads a stream."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.read = b""
        self.task: asyncio.Task[None] | None = None
        self._disconnected = asyncio.Event()
        self._requested = False

    def disconnect(self) -> None:
        self._disconnected.set()

    async def receive(self) -> dict[str, Any]:
        if self._requested:
            await self._disconnected.wait()
            return {"type": "http.disconnect"}
        self._requested = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.read += message["body"]

    async def receives_changes(self, times: int) -> None:
        async def heard() -> bool:
            return self.read.count(CHANGED) >= times

        await eventually(heard, within=5, what=f"{times} changes")

    async def receives_end(self) -> None:
        assert self.task is not None
        await asyncio.wait_for(self.task, 5)


@asynccontextmanager
async def open_stream(world: MemoryGateway, path: str, token: str, query: str = "") -> AsyncIterator[Listener]:
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
        listener.disconnect()
        await asyncio.wait_for(listener.task, 5)


async def _answer(app: Callable[..., Awaitable[None]], scope: dict[str, Any], listener: Listener) -> None:
    await app(scope, listener.receive, listener.send)


def change_card(world: MemoryGateway) -> None:
    world.subscriptions.wake(card_key(CARD))


@pytest.mark.parametrize(("path", "token"), [(OWN, "citizen"), (HELD, "holder")])
async def test_a_change_is_received_while_the_stream_is_open(world: MemoryGateway, path: str, token: str) -> None:
    async with open_stream(world, path, token) as listener:
        await listener.receives_changes(1)
        change_card(world)
        await listener.receives_changes(2)

    assert listener.status == 200
    assert listener.headers[b"content-type"].startswith(b"text/event-stream")
    assert listener.headers[b"cache-control"] == b"no-store"
    assert listener.read == 2 * CHANGED, "the events do not contain what changed"


async def test_a_stream_shows_no_data_and_adds_no_access_entry(world: MemoryGateway) -> None:
    async with open_stream(world, OWN, "citizen") as listener:
        await listener.receives_changes(1)
        change_card(world)
        await listener.receives_changes(2)

    assert world.accesses.take() == []


async def test_a_quiet_stream_sends_heartbeats(world: MemoryGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_streams, "_HEARTBEAT_SECONDS", 0.01)

    async with open_stream(world, OWN, "citizen") as listener:

        async def has_a_heartbeat() -> bool:
            return listener.read.endswith(b":\n\n")

        await eventually(has_a_heartbeat, within=5)


@pytest.mark.parametrize(("path", "code"), [(OWN, "card-unknown"), (HELD, "mandate-unknown")])
async def test_a_caller_who_may_not_see_the_card_gets_404(world: MemoryGateway, path: str, code: str) -> None:
    async with open_stream(world, path, "stranger") as listener:
        await listener.receives_end()

    assert listener.status == 404
    assert f"/problems/{code}".encode() in listener.read


async def test_a_withdrawn_mandate_ends_its_stream_before_the_next_event(world: MemoryGateway) -> None:
    async with open_stream(world, HELD, "holder") as listener:
        await listener.receives_changes(1)
        world.models.put("cards", CARD, after(cards.PROJECTION, [ISSUED, GRANTED, WITHDRAWN]))
        change_card(world)
        await listener.receives_end()

    assert listener.read == CHANGED


async def test_a_token_that_has_expired_ends_its_stream(world: MemoryGateway) -> None:
    async with open_stream(world, OWN, "citizen") as listener:
        await listener.receives_changes(1)
        del world.callers["citizen"]
        change_card(world)
        await listener.receives_end()

    assert listener.read == CHANGED


async def test_a_stream_ends_after_the_requested_seconds(world: MemoryGateway) -> None:
    async with open_stream(world, OWN, "citizen", "seconds=1") as listener:
        await listener.receives_changes(1)
        await listener.receives_end()


async def test_a_closed_stream_no_longer_counts(world: MemoryGateway) -> None:
    gateway: Container = world.app.state.gateway
    async with open_stream(world, OWN, "citizen") as listener:
        await listener.receives_changes(1)
        assert gateway.event_streams._open.total() == 1

    assert gateway.event_streams._open.total() == 0
    assert world.subscriptions._waiters == {}


async def test_too_many_streams_of_one_citizen_are_refused() -> None:
    world = await gateway_with_mandate(streams_per_caller=1)

    async with open_stream(world, OWN, "citizen") as first:
        await first.receives_changes(1)
        async with open_stream(world, OWN, "citizen") as second:
            await second.receives_end()

    assert second.status == 429
    assert b"/problems/too-many-streams" in second.read


async def test_an_open_stream_does_not_count_as_a_request() -> None:
    world = await gateway_with_mandate(requests_most=1, requests_per_client=1)

    async with open_stream(world, OWN, "citizen") as listener:
        await listener.receives_changes(1)
        transport = httpx2.ASGITransport(app=world.app)
        headers = {"authorization": "Bearer citizen"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            for _ in range(3):
                assert (await client.get("/v1/me/card")).status_code == 200
