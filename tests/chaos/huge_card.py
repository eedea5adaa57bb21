"""The round of a huge card: a file with more reports than a card may have is booked while others report.

The processes stay in their groups and answer ``/health/live`` within a second, and the reports above the limit are
refused. How the others' latency changes is noted; ``make bench ONLY=huge`` measures it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from services.reporting.rules import MOST_A_YEAR
from tests.chaos.environment import Environment
from tests.chaos.round_context import RoundContext
from tests.chaos.timing import for_seconds
from tests.liveness import Asked, slowest_live

_BEYOND: Final = 200
_QUIET_SECONDS: Final = 5.0
_LONGEST_ANSWER: Final = 1.0
_ASSIGNED: Final = b'"runtime.assigned"'


async def huge_card(on: RoundContext) -> None:
    """Book the file. Every answer of ``/health/live`` above a second and every rebalance is a surprise."""
    environment, load = on.environment, on.load
    employment = await load.new_employment()
    await for_seconds(_QUIET_SECONDS)
    before = load.api.report_seconds.copy()
    rebalances = _rebalances(environment)
    booked = asyncio.Event()
    asked = {
        name: Asked(environment.system.health_url(name), environment.process(name).pid)
        for name in environment.services()
    }
    watch = asyncio.create_task(slowest_live(asked, booked))
    load.api.report_seconds.clear()
    try:
        lines = await load.book_file(employment, MOST_A_YEAR + _BEYOND)
    finally:
        booked.set()
        slowest = await watch
    if lines != {"": MOST_A_YEAR, "too-many-reports": _BEYOND}:
        load.journal.surprises.append(f"the lines of the huge card have the problems {dict(lines)}")
    if slowest.seconds > _LONGEST_ANSWER:
        load.journal.surprises.append(f"/health/live was answered by {slowest}")
    if _rebalances(environment) != rebalances:
        load.journal.surprises.append("a group was rebalanced while the huge card's file was booked")
    during = load.api.report_seconds
    on.notes.append(
        f"others' p99 {_p99(before):.2f} s before and {_p99(during):.2f} s during; the slowest /health/live: {slowest}"
    )


def _rebalances(environment: Environment) -> int:
    """The assignments of partitions that all processes have logged."""
    return sum(environment.process(name).log.read_bytes().count(_ASSIGNED) for name in environment.services())


def _p99(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    return ordered[len(ordered) * 99 // 100] if ordered else 0.0
