"""The latency of reports on other cards while a payroll file for one card is booked, and without the file.

Once with the limit of reports that a card may have, so that most lines are refused, and once with the limit raised.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import httpx2

from deploy.local.system import SERVICES
from tests.bench.bench import Bench
from tests.bench.case import Case, Figures, Ratio
from tests.bench.system.orders import Order, Result, send
from tests.bench.system.world import World, until, world
from tests.liveness import Asked, slowest_live

ROW: Final = "huge card"
_OF_THE_LOAD: Final = 2  # 100,000 lines when balance replays 200,000 events
_CARDS: Final = 2000
_CONNECTIONS: Final = 256
_RATE: Final = 20.0
_WARM: Final = 3.0
_SECONDS: Final = 20.0
_PATIENCE: Final = 900.0
_RAISED: Final = {"FRIKORT_REPORTS_PER_YEAR": "1000000", "FRIKORT_REPORTS_PER_CARD": "1000000"}


def huge_card(limit: str, environment: dict[str, str]) -> Callable[[Bench], Awaitable[Figures]]:
    """The case with the settings of reporting in ``environment``."""

    async def measure(bench: Bench) -> Figures:
        count = bench.load.events // _OF_THE_LOAD
        async with world(bench, f"huge {limit}", cards=_CARDS, environment=environment) as made:
            alone = await _reports(made, "alone", wage=10_000)
            booked = asyncio.Event()
            file = asyncio.create_task(_book(made, count))
            asked = {
                service.name: Asked(made.system.health_url(service.name), made.system.processes[service.name].pid)
                for service in SERVICES
            }
            watch = asyncio.create_task(slowest_live(asked, booked))
            beside = await _reports(made, "beside", wage=20_000)
            if file.done():
                raise RuntimeError(f"a file of {count} lines is booked before the reports are measured")
            seconds = await file
            booked.set()
            live = await watch
        return {
            "p50 ms alone": alone.p50,
            "p99 ms alone": alone.p99,
            "p50 ms beside": beside.p50,
            "p99 ms beside": beside.p99,
            "ms of the slowest live": 1000 * live.seconds,
            "lines/s": count / seconds,
        }

    return measure


async def _reports(made: World, key: str, *, wage: int) -> Result:
    """Reports on all cards but the first, at a fixed rate."""
    port = urlsplit(made.system.gateway_url).port or 0
    employments = list(made.employments[1:])
    order = Order(port, made.token, employments, key, _CONNECTIONS, _WARM, _SECONDS, wait=30, rate=_RATE, wage=wage)
    result = await send(order)
    if set(result.statuses) != {"201"}:
        raise RuntimeError(f"not all were answered 201: {result.statuses}")
    return result


async def _book(made: World, count: int) -> float:
    """Book a file of ``count`` lines for the first card. Returns the seconds until it is done."""
    headers = {"Authorization": f"Bearer {made.token}", "Idempotency-Key": "huge"}
    begun = monotonic()
    async with httpx2.AsyncClient(base_url=made.system.gateway_url, headers=headers, timeout=120) as client:
        sent = await client.post(
            "/v1/report-batches",
            content="".join(_lines(made.employments[0], count)).encode(),
            headers={"Content-Type": "application/jsonl"},
        )
        sent.raise_for_status()
        path = f"/v1/report-batches/{sent.json()['batch_id']}"

        async def is_done() -> bool:
            response = await client.get(path)
            return response.is_success and bool(response.json()["status"] == "done")

        return await until("the file is booked", is_done, _PATIENCE, pause=1.0) - begun


def _lines(employment: str, count: int) -> Iterator[str]:
    for number in range(count):
        day = f"2025-{1 + number % 12:02d}-{1 + number // 12 % 28:02d}"
        line = {
            "employment_id": employment,
            "reference": f"huge/{number}",
            "work": {"first": day, "last": day},
            "payment_date": day,
            "components": {"wage_ore": 1_000 + number},
        }
        yield json.dumps(line) + "\n"


CASES: Final = (
    Case("huge card", ROW, huge_card("limited", {})),
    Case("huge card, limit raised", ROW, huge_card("raised", _RAISED)),
)
RATIOS: Final = tuple(
    Ratio(ROW, f"p99 of others, {what}", (case, "p99 ms beside"), (case, "p99 ms alone"), most=3.0, is_promise=True)
    for case, what in (("huge card", "with the limit"), ("huge card, limit raised", "limit raised"))
) + tuple(
    Ratio(ROW, f"slowest answer of /health/live, {what} (ms)", (case, "ms of the slowest live"), None, most=1000.0)
    for case, what in (("huge card", "with the limit"), ("huge card, limit raised", "limit raised"))
)
