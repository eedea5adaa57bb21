"""Bodies of 0.9 MB with unknown fields: with and without a token, no other request waits, and the answer is short."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx2
import pytest

from tests.attack.api.test_slow_connections import port_of
from tests.attack.flood import Visitor
from tests.integration.scene import World

pytestmark = pytest.mark.verify

FIELDS: Final = 100_000
WITHIN_THE_LIMIT: Final = 5_900
SECONDS: Final = 3.0
SLOWEST: Final = 9.0
LONGEST_ANSWER: Final = 10_000


def unknown_fields(count: int) -> bytes:
    return ("{" + ",".join(f'"f{number:05d}":1' for number in range(count)) + "}").encode()


@pytest.mark.parametrize("has_token", [False, True], ids=["without a token", "with a token"])
@pytest.mark.parametrize("count", [FIELDS, WITHIN_THE_LIMIT], ids=["0.9 MB", "the most bytes"])
async def test_large_bodies_delay_no_other_request(world: World, count: int, has_token: bool) -> None:
    attacker, citizen = world.employer(), world.card().owner
    headers = {"Content-Type": "application/json", "Idempotency-Key": "large"}
    if has_token:
        headers["Authorization"] = f"Bearer {world.token(attacker.person)}"
    visitor = Visitor(
        port_of(world.system.gateway_url), "/v1/me/card", {"Authorization": f"Bearer {world.token(citizen.person)}"}
    )
    content, done = unknown_fields(count), asyncio.Event()
    answers: list[httpx2.Response] = []
    closed = 0

    async def attack(client: httpx2.AsyncClient) -> None:
        nonlocal closed
        while not done.is_set():
            try:
                answers.append(await client.post("/v1/reports", content=content, headers=headers))
            except httpx2.TransportError:
                closed += 1  # the server refused before the body was sent

    async with httpx2.AsyncClient(base_url=world.system.gateway_url, timeout=30) as client:
        attacks = [asyncio.create_task(attack(client)) for _ in range(4)]
        try:
            visits = await visitor.visit(SECONDS)
        finally:
            done.set()
            await asyncio.gather(*attacks)
    print(f"{len(answers)} bodies refused, {closed} connections closed; others: {visits}")  # noqa: T201
    assert {answer.status_code for answer in answers} <= {413 if has_token else 401}
    assert all(len(answer.content) < LONGEST_ANSWER for answer in answers)
    assert answers or closed
    assert set(visits.statuses) == {200}
    assert max(visits.seconds) < SLOWEST
