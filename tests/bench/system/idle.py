"""What the processes use while nothing happens: timers, polls, heartbeats, change streams.

The module needs only what earlier commits have too, so that ``tests.bench.pairs`` can measure them with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Final

from tests.bench.bench import Bench
from tests.bench.case import Case, Figures
from tests.bench.processes import cpu_seconds
from tests.bench.system.world import World, world
from tests.chaos.timing import for_seconds

ROW: Final = "idle"
SETTLE: Final = 3.0
"""Seconds after a load, until its last commits and checkpoints are done."""
AS_IN_PRODUCTION: Final[Mapping[str, str]] = {"FRIKORT_BATCH_POLL": "1", "FRIKORT_STATISTICS_DELAY_DAYS": "36500"}
"""The poll for payroll files; other cases need it more often. And no statistics: the cards are issued in the past, so
exports would publish those of each month since a minute after its start, which in production happened long ago."""
_CARDS: Final = 100
_SECONDS: Final = 60.0


async def idle(bench: Bench) -> Figures:
    """All processes, one of each, with a few cards and without any request."""
    async with world(bench, ROW, cards=_CARDS, environment=AS_IN_PRODUCTION) as made:
        await for_seconds(SETTLE)
        before, begun = used(made), monotonic()
        await for_seconds(_SECONDS)
        share = since(made, before, (monotonic() - begun) / 1000)
    engines = {name: share.pop(name) for name in made.system.engines.processes}
    return {
        "ms/s of our processes": sum(share.values()),
        "ms/s of the engines": sum(engines.values()),
        **{f"ms/s of {name}": ms for name, ms in (share | engines).items()},
    }


def used(made: World) -> dict[str, float]:
    """The processor seconds of every process so far, by name. The OpenID provider is none of ours."""
    pids = {name: process.pid for name, process in made.system.processes.items() if name != "provider"}
    seconds = cpu_seconds(pids.values())
    return {name: seconds[pid] for name, pid in pids.items()}


def since(made: World, before: Mapping[str, float], divided_by: float) -> dict[str, float]:
    """The processor seconds of every process since ``before``, divided."""
    return {name: (seconds - before[name]) / divided_by for name, seconds in used(made).items()}


CASES: Final = (Case(ROW, ROW, idle),)
