"""One run of a seed: the workload under faults, then recovery without faults, then the checkers."""

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

from services.balance import ledger
from services.issuance import mandates, numbers
from services.runtime.processing import batch_processor, entries
from tests.simulation import backups, feed_check, job_check, reconciliation
from tests.simulation.environment import Environment
from tests.simulation.reference_model import FEW_MANDATES
from tests.simulation.scheduler import InjectedFault, NoProgress, UnexpectedError, Violation
from tests.simulation.workload import Workload

MAX_STEPS = 150_000  # half of all seeds need 5,500; seed 6347, with 1,719 faults, needed 47,419
MAX_STEPS_TO_IDLE = 120_000  # seed 2312, with 1,332 faults, needs more than 40,000
_FEW_INSIDE = 2  # entries of a map in its document
_SMALL_OUTBOX = 2000  # bytes: about six events of balance
STEPS_A_DELIVERY = 20  # seeds 632 and 6080 need 6 for each record and reader after a replay


@dataclass
class Result:
    """The result of one seed. ``violation`` is None if every check passes; ``trace`` needs ``record``."""

    seed: int
    violation: str | None
    steps: int
    counts: Counter[str]
    faults: Counter[str]
    schedule: list[InjectedFault] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)

    def report(self, last: int = 80) -> str:
        """The report of a failing seed: the violation, how to replay it, and its ``last`` faults."""
        lines = [str(fault) for fault in self.schedule[-last:]]
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
    seed: int, *, steps: float = 1.0, citizens: int | None = None, record: bool = False, faultless: bool = False
) -> Result:
    """Run one seed.

    ``steps`` scales the number of actions of each client; by default there are one to four citizens. ``record`` keeps a
    trace of every step. With ``faultless`` no faults are injected, and no event may be published twice.
    """
    with logs_disabled(), small_limits():
        return _run(seed, steps, citizens, record, faultless=faultless)


def _run(seed: int, steps: float, citizens: int | None, record: bool, *, faultless: bool) -> Result:
    environment = Environment(seed, record=record, faultless=faultless)
    workload = Workload(environment, seed, steps, citizens)
    counts: Counter[str] = Counter()
    violation = None
    with environment.scheduler as scheduler:
        try:
            scheduler.run(workload.is_done, most=int(MAX_STEPS * max(steps, 1)))
            saved = backups.back_up(environment)
            environment.heal()
            scheduler.run_until_idle(most=int(MAX_STEPS_TO_IDLE * max(steps, 1)))
            environment.start_client("feed check", feed_check.fill_again(environment))
            last_run = environment.reconcile_again()
            scheduler.run_until_idle(most=int(MAX_STEPS_TO_IDLE * max(steps, 1)))
            counts += job_check.check_runs(environment, last_run)
            if faultless:
                reconciliation.check_no_repeats(environment)
            elif seed % 4 == 0:
                for _ in range(2):
                    counts["dead letters replayed"] += environment.replay_dead_letters()
                    deliveries = sum(group.deliveries_left() for group in environment.groups())
                    scheduler.run_until_idle(most=MAX_STEPS_TO_IDLE + STEPS_A_DELIVERY * deliveries)
            counts += reconciliation.check(environment, workload)
            counts += backups.check(environment, saved)
            counts += environment.counters()
        except (Violation, UnexpectedError, NoProgress) as found:
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
        schedule=environment.scheduler.injected,
        trace=trace or [],
    )


@contextmanager
def small_limits() -> Iterator[None]:
    """Lower the limits on card numbers, mandates, outboxes and entries, so that a short run reaches them."""
    with (
        patch.multiple(numbers, HIGHEST_NUMBER=reconciliation.FEW_NUMBERS, CANDIDATES=reconciliation.FEW_NUMBERS),
        patch.object(mandates, "MAX_IN_FORCE", FEW_MANDATES),
        patch.object(batch_processor, "LARGE_OUTBOX", _SMALL_OUTBOX),
        patch.object(entries, "MOST_INSIDE", _FEW_INSIDE),
        patch.object(ledger, "MOST_INSIDE", _FEW_INSIDE),
    ):
        yield


@contextmanager
def logs_disabled() -> Iterator[None]:
    """Disable logging: the services fail thousands of times."""
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
