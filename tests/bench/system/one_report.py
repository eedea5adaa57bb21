"""One report on a quiet system: the processor time of all processes, and how long the answer takes, at fixed rates.

The processor time of a report is that of every process of the system, engines included, divided by the answers. It
contains what the processes use while nothing happens, which counts most at the lowest rate and is also measured alone.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from itertools import islice
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from services.runtime.mongo.driver import Driver
from tests.bench.bench import Bench
from tests.bench.case import Case, Figures
from tests.bench.processes import cpu_seconds
from tests.bench.system.orders import Order, send
from tests.bench.system.world import World, world
from tests.chaos.timing import for_seconds

ROW: Final = "one report"
_SETTLE: Final = 3.0  # after the start, and between two rates
_IDLE_SECONDS: Final = 15.0
_SECONDS_AT: Final[Mapping[int, float]] = {5: 30.0, 40: 20.0, 120: 10.0}
"""Seconds at each rate, in reports per second; the highest is about what two processors carry."""
_WARM: Final = 3.0
_CARDS: Final = sum(math.ceil(rate * (_WARM + seconds)) for rate, seconds in _SECONDS_AT.items())
"""Each report is the first of its card: one that is like an earlier one is refused."""
_CONNECTIONS_A_REPORT: Final = 3.0
"""Connections for each report a second: a request never waits for one, and none is idle until the gateway closes it."""


def one_report(driver: Driver) -> Callable[[Bench], Awaitable[Figures]]:
    """All processes, one of each, with a driver of MongoDB."""
    # The poll for payroll files as in production, not as often as other cases need it.
    environment = {"FRIKORT_BATCH_POLL": "1", "FRIKORT_MONGODB_DRIVER": driver}

    async def measure(bench: Bench) -> Figures:
        async with world(bench, f"one report {driver}", cards=_CARDS, environment=environment) as made:
            await for_seconds(_SETTLE)
            figures = await _idle(made)
            unused = iter(made.employments)
            for rate, seconds in _SECONDS_AT.items():
                employments = list(islice(unused, math.ceil(rate * (_WARM + seconds))))
                figures |= await _at(made, rate, seconds, employments)
                await for_seconds(_SETTLE)
            return figures

    return measure


async def _idle(made: World) -> dict[str, float]:
    before, begun = _used(made), monotonic()
    await for_seconds(_IDLE_SECONDS)
    used = _since(made, before, (monotonic() - begun) / 1000)
    engines = {name: used.pop(name) for name in made.system.engines.processes}
    return {
        "idle ms/s": sum(used.values()),
        "idle ms/s of the engines": sum(engines.values()),
        **{f"idle {name}": share for name, share in (used | engines).items()},
    }


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
    before = _used(made)
    result = await send(order)
    used = _since(made, before, rate * (_WARM + seconds) / 1000)
    if set(result.statuses) != {"201"}:
        raise RuntimeError(f"not all were answered 201: {result.statuses}")
    return {
        f"p50 ms at {rate}/s": result.p50,
        f"p99 ms at {rate}/s": result.p99,
        f"CPU ms at {rate}/s": sum(used.values()),
        **{f"{name} ms at {rate}/s": share for name, share in used.items()},
    }


def _used(made: World) -> dict[str, float]:
    pids = {name: process.pid for name, process in made.system.processes.items()}
    seconds = cpu_seconds(pids.values())
    return {name: seconds[pid] for name, pid in pids.items()}


def _since(made: World, before: Mapping[str, float], divided_by: float) -> dict[str, float]:
    return {name: (used - before[name]) / divided_by for name, used in _used(made).items()}


CASES: Final = (
    Case("one report", ROW, one_report("motor")),
    Case("one report, pymongo", ROW, one_report("pymongo")),
)
