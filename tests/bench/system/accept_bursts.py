"""Accepts reports in bursts: ``python -m tests.bench.system.accept_bursts``, one burst for each line of standard input.

It writes ``ready`` when the system runs, and after each burst a line of JSON: answers per second, and the gateway's
processor time for each, in microseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from deploy.local.config import Config
from deploy.local.engines import Engines
from deploy.local.progress import for_people
from tests.bench.bench import Bench
from tests.bench.events import Load
from tests.bench.processes import cpu_seconds
from tests.bench.system.orders import Order, send
from tests.bench.system.world import world

_CARDS: Final = 2000
_CONNECTIONS: Final = 64
_SECONDS: Final = 5.0


async def serve_bursts(bench: Bench) -> None:
    """Measure a burst for each line, until the input ends."""
    async with world(bench, "accept", cards=_CARDS) as made:
        made.stop_all_but("gateway")
        gateway, port = made.system.processes["gateway"].pid, urlsplit(made.system.gateway_url).port or 0
        _write("ready")
        number = 0
        while await asyncio.to_thread(sys.stdin.readline):
            number += 1
            # Each burst has new keys: the answer to a known key is a replay.
            order = Order(port, made.token, list(made.employments), f"burst-{number}", _CONNECTIONS, 0, _SECONDS)
            before = cpu_seconds([gateway])[gateway]
            result = await send(order)
            if set(result.statuses) != {"202"}:
                raise RuntimeError(f"not all were accepted: {result.statuses}")
            used = cpu_seconds([gateway])[gateway] - before
            _write(json.dumps({"requests/s": result.rate, "µs": used * 1e6 / (result.rate * _SECONDS)}))


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Start the engines and serve."""
    with (
        tempfile.TemporaryDirectory(prefix="frikort-bursts-") as scratch,
        Engines(Config(Path(scratch) / "engines"), for_people()) as engines,
    ):
        asyncio.run(serve_bursts(Bench(engines, Path(scratch), Load(1000, 100))))


if __name__ == "__main__":
    main()
