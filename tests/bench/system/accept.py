"""Reports per second that one gateway accepts, and that the bare endpoint accepts."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

from deploy.local import ports
from deploy.local.system import answers_ready
from tests.bench.bench import Bench, python
from tests.bench.case import Case, Figures, Ratio
from tests.bench.processes import cpu_seconds
from tests.bench.system.orders import Order, send
from tests.bench.system.world import world

ROW: Final = "gateway, accept"
RATE: Final = "requests/s"
_CONNECTIONS: Final = 64
_WARM: Final = 3.0
_SECONDS: Final = 6.0
_CARDS: Final = 2000


async def _measured(pid: int, order: Order, status: str) -> Figures:
    before = cpu_seconds([pid])[pid]
    result = await send(order)
    if set(result.statuses) != {status}:
        raise RuntimeError(f"not all were answered {status}: {result.statuses}")
    busy = (cpu_seconds([pid])[pid] - before) / (order.warm + order.seconds)
    return {
        RATE: result.rate,
        "p50 ms": result.p50,
        "p99 ms": result.p99,
        "cores": busy,
        "cores of the load": result.busy,
    }


async def gateway(bench: Bench) -> Figures:
    """The gateway alone: accepted commands stay on the topic."""
    async with world(bench, "accept", cards=_CARDS) as made:
        made.stop_all_but("gateway")
        port = urlsplit(made.system.gateway_url).port or 0
        order = Order(port, made.token, list(made.employments), "accept", _CONNECTIONS, _WARM, _SECONDS)
        figures = await _measured(made.system.processes["gateway"].pid, order, "202")
    bench.kept[ROW] = figures[RATE]
    return figures


async def bare(bench: Bench) -> Figures:
    """A bare endpoint on the same framework and server."""
    sink = await bench.make_topic(bench.unique("bare"))
    port = ports.free_port()
    environment = {**bench.connection, "BENCH_SINK": sink, "BENCH_PORT": str(port)}
    process = bench.process("bare", python("tests.bench.system.bare"), environment)
    process.start()
    try:
        while not answers_ready(f"http://127.0.0.1:{port}"):
            if not process.alive:
                raise RuntimeError("the bare endpoint ended at start")
            await asyncio.sleep(0.1)
        order = Order(port, "none", ["-"] * _CARDS, "accept", _CONNECTIONS, _WARM, _SECONDS)
        return await _measured(process.pid, order, "202")
    finally:
        process.terminate()
        await bench.drop_topics([sink])


CASES: Final = (Case("gateway", ROW, gateway), Case("bare endpoint", ROW, bare))
RATIOS: Final = (Ratio(ROW, "the rate of the bare endpoint", ("gateway", RATE), ("bare endpoint", RATE), least=0.5),)
