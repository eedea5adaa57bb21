"""One report on a quiet system: the processor time of all processes, and how long the answer takes, at fixed rates.

The processor time of a report is that of every process of the system, engines included, divided by the answers. It
contains what the processes use while nothing happens, which counts most at the lowest rate (row ``idle``).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

from tests.bench.bench import Bench
from tests.bench.case import Case, Figures
from tests.bench.system.idle import AS_IN_PRODUCTION, SETTLE, since, used
from tests.bench.system.orders import Order, send
from tests.bench.system.world import World, world
from tests.chaos.timing import for_seconds

ROW: Final = "one report"
_SECONDS_AT: Final[Mapping[int, float]] = {5: 30.0, 40: 20.0, 120: 10.0}
"""Seconds at each rate, in reports per second; the highest is about what two processors carry."""
_WARM: Final = 3.0
_CARDS: Final = sum(math.ceil(rate * (_WARM + seconds)) for rate, seconds in _SECONDS_AT.items())
"""Each report is the first of its card: one that is like an earlier one is refused."""
_CONNECTIONS_A_REPORT: Final = 3.0
"""Connections for each report a second: a request never waits for one, and none is idle until the gateway closes it."""


def one_report(driver: str) -> Callable[[Bench], Awaitable[Figures]]:
    """All processes, one of each, with a driver of MongoDB."""
    environment = {**AS_IN_PRODUCTION, "FRIKORT_MONGODB_DRIVER": driver}

    async def measure(bench: Bench) -> Figures:
        async with world(bench, f"one report {driver}", cards=_CARDS, environment=environment) as made:
            await for_seconds(SETTLE)
            figures: dict[str, float] = {}
            unused = iter(made.employments)
            for rate, seconds in _SECONDS_AT.items():
                employments = list(islice(unused, math.ceil(rate * (_WARM + seconds))))
                figures |= await _at(made, rate, seconds, employments)
                await for_seconds(SETTLE)
            return figures

    return measure


async def _at(made: World, rate: int, seconds: float, employments: list[str]) -> dict[str, float]:
    order = Order(
        port=urlsplit(made.system.gateway_url).port or 0,
        token=made.token,
        employments=employments,
        key=f"rate-{rate}",
        connections=int(_CONNECTIONS_A_REPORT * rate),
        warm=_WARM,
        seconds=seconds,
        wait=30,
        rate=float(rate),
    )
    before = used(made)
    result = await send(order)
    spent = since(made, before, rate * (_WARM + seconds) / 1000)
    if set(result.statuses) != {"201"}:
        raise RuntimeError(f"not all were answered 201: {result.statuses}")
    return {
        f"p50 ms at {rate}/s": result.p50,
        f"p99 ms at {rate}/s": result.p99,
        f"CPU ms at {rate}/s": sum(spent.values()),
        **{f"{name} ms at {rate}/s": share for name, share in spent.items()},
    }


CASES: Final = (
    Case("one report, motor", ROW, one_report("motor")),
    Case("one report, pymongo", ROW, one_report("pymongo")),
)
