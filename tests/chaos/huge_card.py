"""The round of a huge card: a file with more reports than a card may have is booked while others report.

The others send a fixed number of commands a second, before and beside the file: clients that send as fast as they are
answered keep two processors busy alone. The processes stay in their groups and answer ``/health/live`` within a second,
and the reports above the limit are refused. How the others' latency changes is noted; ``make bench ONLY=huge``
measures it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from services.reporting.rules import MOST_A_YEAR
from tests.chaos.environment import Environment
from tests.chaos.journal import Employment
from tests.chaos.round_context import RoundContext
from tests.chaos.timing import for_seconds
from tests.liveness import Asked, slowest_live

_BEYOND: Final = 200
_QUIET_SECONDS: Final = 10.0
_COMMANDS_A_SECOND: Final = 5.0
_LONGEST_ANSWER: Final = 1.0
_ASSIGNED: Final = b'"runtime.assigned"'


async def huge_card(on: RoundContext) -> None:
    """Book the file. Every answer of ``/health/live`` above a second and every rebalance is a surprise."""
    load = on.load
    employment = await load.new_employment()
    with load.pace.at_most(_COMMANDS_A_SECOND):
        load.api.report_seconds.clear()
        await for_seconds(_QUIET_SECONDS)
        before = load.api.report_seconds.copy()
        load.api.report_seconds.clear()
        await _book(on, employment)
    during = load.api.report_seconds
    on.notes.append(f"others' p99 {_p99(before):.2f} s before and {_p99(during):.2f} s during")


async def _book(on: RoundContext, employment: Employment) -> None:
    environment, load = on.environment, on.load
    rebalances = _rebalances(environment)
    booked = asyncio.Event()
    asked = {
        name: Asked(environment.system.health_url(name), environment.process(name).pid)
        for name in environment.services()
    }
    watch = asyncio.create_task(slowest_live(asked, booked))
    try:
        lines = await load.book_file(employment, MOST_A_YEAR + _BEYOND)
    finally:
        booked.set()
        slowest = await watch
    on.notes.append(f"/health/live at the slowest: {slowest}")
    if lines != {"": MOST_A_YEAR, "too-many-reports": _BEYOND}:
        load.journal.surprises.append(f"the lines of the huge card have the problems {dict(lines)}")
    if slowest.seconds > _LONGEST_ANSWER:
        load.journal.surprises.append(f"/health/live at the slowest: {slowest}")
    if _rebalances(environment) != rebalances:
        load.journal.surprises.append("a group was rebalanced while the huge card's file was booked")


def _rebalances(environment: Environment) -> int:
    """The assignments of partitions that all processes have logged."""
    return sum(environment.process(name).log.read_bytes().count(_ASSIGNED) for name in environment.services())


def _p99(seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    return ordered[len(ordered) * 99 // 100] if ordered else 0.0
