"""Seconds from start to ready, for each service and for the whole system with existing data."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from deploy.local.config import Config
from deploy.local.system import SERVICES, LocalSystem
from tests.bench.bench import Bench
from tests.bench.case import Case, Figures

ROW: Final = "start"


async def start(bench: Bench) -> Figures:
    """Each service restarted while the others run; the system, engines included, at its second start."""
    return await asyncio.to_thread(_start, Config(bench.directory("start")))


def _start(config: Config) -> Figures:
    seconds: dict[str, float] = {}
    with LocalSystem(config) as system:
        for service in SERVICES:
            process = system.processes[service.name]
            process.terminate()
            begun = monotonic()
            process.start()
            process.wait_ready()
            seconds[f"s of {service.name}"] = monotonic() - begun
    begun = monotonic()
    with LocalSystem(config):
        seconds["s of the system, second start"] = monotonic() - begun
    return seconds


CASES: Final = (Case("start", ROW, start),)
