"""The round of a huge card: a file with more reports than a card may have is booked while others report.

The processes stay in their groups and answer ``/health/live`` within a second, and the reports above the limit are
refused. How the others' latency changes is noted; ``make bench ONLY=huge`` measures it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import httpx2

from services.reporting.rules import MOST_A_YEAR
from tests.chaos.environment import Environment
from tests.chaos.round_context import RoundContext
from tests.chaos.timing import for_seconds

_BEYOND: Final = 200
_QUIET_SECONDS: Final = 5.0
_LONGEST_ANSWER: Final = 1.0
_EVERY: Final = 0.5
_ASSIGNED: Final = b'"runtime.assigned"'


async def huge_card(on: RoundContext) -> None:
    """Book the file. Every answer of ``/health/live`` above a second and every rebalance is a surprise."""
    environment, load = on.environment, on.load
    employment = await load.new_employment()
    await for_seconds(_QUIET_SECONDS)
    before = load.api.report_seconds.copy()
    rebalances = _rebalances(environment)
    booked = asyncio.Event()
    watch = asyncio.create_task(_longest_live_answer(environment, booked))
    load.api.report_seconds.clear()
    try:
        lines = await load.book_file(employment, MOST_A_YEAR + _BEYOND)
    finally:
        booked.set()
        slowest = await watch
    if lines != {"": MOST_A_YEAR, "too-many-reports": _BEYOND}:
        load.journal.surprises.append(f"the lines of the huge card have the problems {dict(lines)}")
    if slowest[0] > _LONGEST_ANSWER:
        load.journal.surprises.append(f"{slowest[1]} answered /health/live in {slowest[0]:.1f} s")
    if _rebalances(environment) != rebalances:
        load.journal.surprises.append("a group was rebalanced while the huge card's file was booked")
    during = load.api.report_seconds
    on.notes.append(
        f"others' p99 {_p99(before):.2f} s before and {_p99(during):.2f} s during; live within {slowest[0]:.2f} s"
    )


async def _longest_live_answer(environment: Environment, ended: asyncio.Event) -> tuple[float, str]:
    """Ask every process until ``ended``. Returns the longest time of an answer in seconds, and whose it was."""
    longest = 0.0, "nobody"
    async with httpx2.AsyncClient(timeout=30.0, limits=httpx2.Limits(max_keepalive_connections=0)) as http:

        async def ask(name: str) -> tuple[float, str]:
            began = time.monotonic()
            response = await http.get(f"{environment.system.health_url(name)}/health/live")
            response.raise_for_status()
            return time.monotonic() - began, name

        while not ended.is_set():
            longest = max(longest, *await asyncio.gather(*map(ask, environment.services())))
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _EVERY)
    return longest


def _rebalances(environment: Environment) -> int:
    """The assignments of partitions that all processes have logged."""
    return sum(environment.process(name).log.read_bytes().count(_ASSIGNED) for name in environment.services())


def _p99(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    return ordered[len(ordered) * 99 // 100] if ordered else 0.0
