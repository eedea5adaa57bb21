"""Twenty-four seeds violate no invariant, a seed determines its schedule, and every mutant is caught.

`make verify` plays more seeds, and checks that every kind of event and fault occurs in them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from unittest.mock import patch

import pytest

from services.runtime.processing.published import PublishedEvents
from services.runtime.settings import REPOSITORY
from tests.simulation import run
from tests.simulation.environment import Environment
from tests.simulation.mutant import Mutant
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import Result, simulate
from tests.simulation.scheduler import Pause, pause

SEEDS = 24
_MANY_STEPS = 10_000
"""A mutant that is not idle after these never is; without one, the seeds here need fewer than 2,000."""


@pytest.fixture(scope="module")
def results() -> Iterator[list[Result]]:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        yield list(pool.map(simulate, range(SEEDS), chunksize=5))


def test_no_seed_violates_an_invariant(results: list[Result]) -> None:
    failed = [result.report() for result in results if result.violation is not None]
    assert not failed, "\n\n".join(failed)


def test_no_event_is_published_twice_without_a_fault() -> None:
    results = [simulate(seed, faultless=True) for seed in range(15)]
    failed = [result.report() for result in results if result.violation is not None]
    assert not failed, "\n\n".join(failed)
    assert sum(result.counts["accepted"] for result in results) > 50


def test_forgotten_acknowledgements_are_found_by_the_check_for_repeats() -> None:
    async def remember_nothing(*_: object) -> None: ...

    with patch.object(PublishedEvents, "remove_from", remember_nothing):
        assert "published twice" in (simulate(1, faultless=True).violation or "")


def test_a_seed_determines_its_schedule() -> None:
    """Also in another process, where sets of strings have another order."""
    here = simulate(7, record=True)
    assert len(here.trace) > 1000
    assert here.trace == simulate(7, record=True).trace
    assert here.trace != simulate(8, record=True).trace
    ask = "from tests.simulation.run import simulate; print('\\n'.join(simulate(7, record=True).trace))"
    there = subprocess.run(
        [sys.executable, "-c", ask],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    )
    assert sha256(there.stdout.strip()).hexdigest() == sha256("\n".join(here.trace).encode()).hexdigest()


def test_a_system_that_is_never_idle_after_a_replay_is_found() -> None:
    replay = Environment.replay_dead_letters

    async def endless() -> None:
        while True:
            await pause(Pause("endless"))

    def replay_and_work_on(environment: Environment) -> int:
        environment.start_client("endless", endless())
        return replay(environment)

    with (
        patch.object(Environment, "replay_dead_letters", replay_and_work_on),
        patch.object(run, "MAX_STEPS_TO_IDLE", 20_000),
    ):
        violation = simulate(0).violation or ""
    assert violation.startswith("NoProgress: not idle after")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_every_mutant_is_caught(mutant: Mutant) -> None:
    with mutant.patch(), patch.object(run, "MAX_STEPS_TO_IDLE", _MANY_STEPS):
        for count, seed in enumerate(dict.fromkeys((mutant.first, *range(mutant.within))), start=1):
            result = simulate(seed, citizens=mutant.citizens)
            if result.violation is not None and mutant.found_by in result.violation:
                print(f"{mutant.name}: seed {seed}, the {count}. tried: {result.violation[:200]}")  # noqa: T201
                assert f"seed {seed}" in result.report()
                return
    pytest.fail(f"{mutant.what}, and {mutant.within} seeds do not detect it")
