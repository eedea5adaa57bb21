"""One run: a seed, a world, its people, faults until everybody has gone home, then rest, then the books."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from unittest.mock import patch

import structlog

from services.issuance import mandates, numbers
from tests.simulation import books
from tests.simulation.referee import FEW_MANDATES
from tests.simulation.scheduler import Died, Happened, Stuck
from tests.simulation.told import Violation
from tests.simulation.workload import Population
from tests.simulation.world import World

MOST_STEPS = 150_000  # half of all seeds need 5,500; seed 6347, with 1,719 faults, needed 47,419
MOST_STEPS_TO_REST = 120_000  # seed 2312, with 1,332 faults, needs more than 40,000


@dataclass
class Result:
    """What came of one seed."""

    seed: int
    violation: str | None
    steps: int
    counts: Counter[str]
    faults: Counter[str]
    schedule: list[Happened] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    def report(self, last: int = 80) -> str:
        """What a failing seed prints."""
        lines = [str(happened) for happened in self.schedule[-last:]]
        left_out = len(self.schedule) - len(lines)
        return "\n".join(
            [
                f"seed {self.seed}: {self.violation}",
                f"replay it with: make simulate SEED={self.seed}",
                f"the last {len(lines)} of {len(self.schedule)} faults (step, who, where, what):"
                if left_out
                else "faults:",
                *lines,
            ]
        )


def simulate(seed: int, *, steps: float = 1.0, record: bool = False, calm: bool = False) -> Result:
    """Play one seed to its end; ``calm`` without any fault, and then no event may be published twice."""
    with quiet(), few_of_everything():
        return _play(seed, steps, record, calm=calm)


def _play(seed: int, steps: float, record: bool, *, calm: bool) -> Result:
    world = World(seed, record=record, calm=calm)
    people = Population(world, seed, steps)
    counts: Counter[str] = Counter()
    violation = None
    try:
        world.scheduler.run(people.at_rest, most=int(MOST_STEPS * max(steps, 1)))
        world.heal()
        world.scheduler.rest(most=int(MOST_STEPS_TO_REST * max(steps, 1)))
        if calm:
            books.check_no_repeats(world)
        elif seed % 4 == 0:
            for _ in range(2):
                counts["dead letters replayed"] += world.replay_dead_letters()
                world.scheduler.rest(most=MOST_STEPS_TO_REST)
        counts += books.check(world, people)
        counts += world.tally()
    except (Violation, Died, Stuck) as found:
        violation = f"{type(found).__name__}: {found}"
    finally:
        world.scheduler.close()
    trace = world.scheduler.trace
    if trace is not None:
        trace.append(f"log {_digest(world)}")
    return Result(
        seed=seed,
        violation=violation,
        steps=world.scheduler.step,
        counts=counts + world.counts,
        faults=world.scheduler.counts,
        schedule=world.scheduler.happened,
        trace=trace or [],
    )


@contextmanager
def few_of_everything() -> Iterator[None]:
    """Limits so low that a short run comes to them."""
    with (
        patch.multiple(numbers, HIGHEST_NUMBER=books.FEW_NUMBERS, CANDIDATES=books.FEW_NUMBERS),
        patch.object(mandates, "MAX_IN_FORCE", FEW_MANDATES),
    ):
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Services that crash thousands of times a minute would log all of it."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _digest(world: World) -> str:
    digest = sha256()
    for place, records in sorted(world.broker.partitions.items()):
        digest.update(repr(place).encode())
        for record in records:
            digest.update(repr((record.key, record.value, record.headers)).encode())
    return digest.hexdigest()
