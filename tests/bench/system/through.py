"""From sending a report to the answer with its split, and the time of three bare hops and four writes."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from tests.bench.bench import Bench, python
from tests.bench.case import Case, Figures, Ratio
from tests.bench.processes import run_json
from tests.bench.system import accept
from tests.bench.system.orders import Order, send
from tests.bench.system.world import world

ROW: Final = "end to end"
_OF_ACCEPT: Final = 4
_CARDS: Final = 2000
_WARM: Final = 3.0
_SECONDS: Final = 10.0
_CONNECTIONS: Final = 512  # enough that a request never waits for a connection
_HOPS: Final = 3


async def _rate(bench: Bench) -> float:
    """A quarter of the rate that one gateway accepts, as measured in this run."""
    if accept.ROW not in bench.kept:
        await accept.gateway(bench)
    return float(bench.kept[accept.ROW]) / _OF_ACCEPT


async def system(bench: Bench) -> Figures:
    """All services, one of each."""
    rate = await _rate(bench)
    async with world(bench, "through", cards=_CARDS) as made:
        port = urlsplit(made.system.gateway_url).port or 0
        order = Order(
            port, made.token, list(made.employments), "through", _CONNECTIONS, _WARM, _SECONDS, wait=30, rate=rate
        )
        load = await send(order)
    if set(load.statuses) != {"201"}:
        raise RuntimeError(f"not all were answered 201: {load.statuses}")
    return {"p50 ms": load.p50, "p99 ms": load.p99, "reports/s": rate}


async def hops(bench: Bench) -> Figures:
    """The same number of messages per second."""
    rate = await _rate(bench)
    topics = [await bench.make_topic(bench.unique(f"hop{number}")) for number in range(_HOPS)]
    settings = {
        **bench.connection,
        "BENCH_MONGODB": bench.mongodb,
        "BENCH_DATABASE": bench.unique("hops"),
        "BENCH_TOPICS": ",".join(topics),
    }
    measured = await run_json([*python("tests.bench.system.hops"), str(rate), str(_SECONDS)], settings)
    await bench.drop_topics(topics)
    await bench.drop_database(bench.unique("hops"))
    return {"p50 ms": measured["p50"], "p99 ms": measured["p99"]}


CASES: Final = (Case("through the system", ROW, system), Case("bare hops", ROW, hops))
RATIOS: Final = (
    Ratio(ROW, "p50, times the bare hops", ("through the system", "p50 ms"), ("bare hops", "p50 ms"), most=1.5),
    Ratio(ROW, "p99, times the bare hops", ("through the system", "p99 ms"), ("bare hops", "p99 ms"), most=2.0),
)
