"""One run of a seed: clients act under faults until all are done, the system finishes its work, and it is checked."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NoReturn
from unittest.mock import patch

import structlog

from services.issuance import mandates, numbers
from tests.simulation import reconciliation
from tests.simulation.environment import Environment
from tests.simulation.reference_model import FEW_MANDATES
from tests.simulation.scheduler import Died, Happened, Stuck, Violation
from tests.simulation.workload import Population

MOST_STEPS = 150_000  # half of all seeds need 5,500; seed 6347, with 1,719 faults, needed 47,419
MOST_STEPS_TO_REST = 120_000  # seed 2312, with 1,332 faults, needs more than 40,000


@dataclass
class Result:
    """The result of one seed."""

    seed: int
    violation: str | None
    steps: int
    counts: Counter[str]
    faults: Counter[str]
    schedule: list[Happened] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    def report(self, last: int = 80) -> str:
        """The report of a failing seed, with its ``last`` faults."""
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


def simulate(
    seed: int, *, steps: float = 1.0, citizens: int | None = None, record: bool = False, calm: bool = False
) -> Result:
    """Run one seed.

    ``steps`` scales the actions of each citizen; by default there are one to four citizens. With ``calm`` there are no
    faults, and no event may be published twice.
    """
    with quiet(), few_of_everything():
        return _play(seed, steps, citizens, record, calm=calm)


def _play(seed: int, steps: float, citizens: int | None, record: bool, *, calm: bool) -> Result:
    environment = Environment(seed, record=record, calm=calm)
    people = Population(environment, seed, steps, citizens)
    counts: Counter[str] = Counter()
    violation = None
    with environment.scheduler as scheduler:
        try:
            scheduler.run(people.at_rest, most=int(MOST_STEPS * max(steps, 1)))
            environment.heal()
            scheduler.rest(most=int(MOST_STEPS_TO_REST * max(steps, 1)))
            if calm:
                reconciliation.check_no_repeats(environment)
            elif seed % 4 == 0:
                for _ in range(2):
                    counts["dead letters replayed"] += environment.replay_dead_letters()
                    scheduler.rest(most=MOST_STEPS_TO_REST)
            counts += reconciliation.check(environment, people)
            counts += environment.tally()
        except (Violation, Died, Stuck) as found:
            violation = f"{type(found).__name__}: {found}"
    trace = environment.scheduler.trace
    if trace is not None:
        trace.append(f"log {_digest(environment)}")
    return Result(
        seed=seed,
        violation=violation,
        steps=environment.scheduler.step,
        counts=counts + environment.counts,
        faults=environment.scheduler.counts,
        schedule=environment.scheduler.happened,
        trace=trace or [],
    )


@contextmanager
def few_of_everything() -> Iterator[None]:
    """Limits that a short run reaches."""
    with (
        patch.multiple(numbers, HIGHEST_NUMBER=reconciliation.FEW_NUMBERS, CANDIDATES=reconciliation.FEW_NUMBERS),
        patch.object(mandates, "MAX_IN_FORCE", FEW_MANDATES),
    ):
        yield


@contextmanager
def quiet() -> Iterator[None]:
    """Disable logging: the services crash thousands of times."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL), processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent


def _digest(environment: Environment) -> str:
    digest = sha256()
    for place, records in sorted(environment.broker.partitions.items()):
        digest.update(repr(place).encode())
        for record in records:
            digest.update(repr((record.key, record.value, record.headers)).encode())
    return digest.hexdigest()
