"""No input holds the event loop for long: the processor time between two turns is measured, whatever else runs.

The garbage collector waits meanwhile: how long it takes follows from the objects of all tests before.
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from services.gateway.auth import Caller
from services.portals.formats import Language
from services.portals.forms import parse_amount
from tests.gateway.build import CVR
from tests.gateway.memory import memory_gateway

LONGEST: Final = 0.05
BODY: Final = 65_000
SPACES: Final = "1" + " " * 60_000 + "1"


async def longest_turn(work: Awaitable[Any]) -> float:
    """The most processor seconds between two turns of the event loop until ``work`` is done."""
    longest = 0.0

    async def tick() -> None:
        nonlocal longest
        before = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            longest = max(longest, now - before)
            before = now

    gc.disable()
    ticking = asyncio.create_task(tick())
    try:
        await work
    finally:
        ticking.cancel()
        gc.enable()
    return longest


@pytest.fixture
async def employer() -> AsyncIterator[httpx2.AsyncClient]:
    gateway = await memory_gateway(wait_default=0)
    gateway.callers["employer"] = Caller("i", "c", "s", Role.EMPLOYER, CVR)
    headers = {"authorization": "Bearer employer", "idempotency-key": "key"}
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=gateway.app), base_url="http://gateway", headers=headers
    ) as client:
        await client.post("/v1/reports", json={})  # imports and caches
        yield client


def unknown_fields(size: int) -> bytes:
    """An object of ``size`` bytes with as many fields as fit."""
    fields = (f'"{number:x}":1' for number in range(size))
    content, used = [], 2
    for field in fields:
        used += len(field) + 1
        if used > size:
            break
        content.append(field)
    return ("{" + ",".join(content) + "}").encode()


REPORT: Final[dict[str, Any]] = {
    "employment_id": "e",
    "reference": "r",
    "work": {"first": "2025-05-01", "last": "2025-05-31"},
    "payment_date": "2025-05-31",
    "components": {"wage_ore": 100_000},
}
BODIES: Final[dict[str, bytes]] = {
    "unknown fields": unknown_fields(BODY),
    "unknown fields within the limit of members": json.dumps({str(n): "x" * 1_000 for n in range(50)}).encode(),
    "a list in a field": json.dumps(REPORT | {"work": list(range(10_000))}).encode(),
    "objects in a list": json.dumps(REPORT | {"work": [{}] * 20_000}).encode(),
    "nested lists": b"[" * BODY,
    "spaces in an amount": json.dumps(REPORT | {"components": {"wage_ore": SPACES}}).encode(),
    "digits in a number": b'{"components": {"wage_ore": ' + b"9" * 60_000 + b"}}",
    **{f"spaces in {name}": json.dumps(REPORT | {name: SPACES}).encode() for name in REPORT},
    **{f"digits in {name}": json.dumps(REPORT | {name: "1" * 60_000}).encode() for name in REPORT},
}


@pytest.mark.parametrize("content", BODIES.values(), ids=BODIES.keys())
async def test_no_body_holds_the_event_loop(employer: httpx2.AsyncClient, content: bytes) -> None:
    sent = employer.post("/v1/reports", content=content, headers={"content-type": "application/json"})
    assert await longest_turn(sent) < LONGEST


LINES: Final = {
    "unknown fields": unknown_fields(9_000),
    "unknown fields within the limit of members": json.dumps({str(n): 1 for n in range(50)}).encode(),
    "spaces in an amount": json.dumps(REPORT | {"components": {"wage_ore": "1" + " " * 9_000 + "1"}}).encode(),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
async def test_no_payroll_file_holds_the_event_loop(employer: httpx2.AsyncClient, line: bytes) -> None:
    file = b"\n".join([line] * 600)
    sent = employer.post("/v1/report-batches", content=file, headers={"content-type": "application/jsonl"})
    assert await longest_turn(sent) < LONGEST


@pytest.mark.parametrize("typed", [SPACES, SPACES + "kr", "1" * 60_000, "1." * 30_000, "1 " * 30_000])
def test_no_amount_takes_long_to_read(typed: str) -> None:
    before = time.thread_time()
    with pytest.raises(ValueError, match="not an amount"):
        parse_amount(typed, Language.DANISH)
    assert time.thread_time() - before < LONGEST
