"""Order and result of the process that generates the load."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from tests.bench.bench import python
from tests.bench.processes import run_json


@dataclass(frozen=True)
class Order:
    """What to send. ``rate`` is requests per second, started whether or not earlier ones are answered; 0: all at once.

    ``seconds`` are measured after ``warm`` seconds. ``wait`` is how long the gateway may wait for the outcome. ``wage``
    is that of the first report, in øre; each has one more. A second order needs other wages: equal reports are refused.
    """

    port: int
    token: str
    employments: list[str]
    key: str
    connections: int
    warm: float
    seconds: float
    wait: int = 0
    rate: float = 0.0
    wage: int = 10_000


@dataclass(frozen=True)
class Result:
    """Answers per second, statuses, latencies in milliseconds. ``busy`` is the share of a core that the load used."""

    rate: float
    statuses: dict[str, int]
    p50: float
    p99: float
    busy: float


async def send(order: Order) -> Result:
    """Execute an order in a separate process."""
    return Result(**await run_json(python("tests.bench.system.load"), stdin=json.dumps(asdict(order)).encode()))
