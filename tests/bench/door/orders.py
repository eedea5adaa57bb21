"""What the process that makes the load is asked, and what it tells."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from tests.bench.bench import python
from tests.bench.processes import told


@dataclass(frozen=True)
class Order:
    """What is to be sent. ``rate`` is requests a second, begun whether or not the last are answered; 0: all at once.

    Measured are ``seconds`` after the first ``warm`` ones. ``wait`` is how long the gateway may wait for the outcome.
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


@dataclass(frozen=True)
class Told:
    """How it went: answers a second, by status, and latencies in milliseconds; ``busy`` is this process's own share."""

    rate: float
    statuses: dict[str, int]
    p50: float
    p99: float
    busy: float


async def sent(order: Order) -> Told:
    """Have an order carried out by a process of its own."""
    return Told(**await told(python("tests.bench.door.load"), asked=json.dumps(asdict(order)).encode()))
