"""``make simulate``: run many seeds on all cores, or one seed with a list of its faults.

The exit code is 1 if an invariant is violated, or if too few events or faults occurred (``coverage.py``).
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from rich.console import Console

from tests.simulation.coverage import missing
from tests.simulation.progress import with_progress
from tests.simulation.run import Result, simulate

CHUNK = 10
MAX_REPORTS = 5


def main() -> int:
    """Run the command."""
    arguments = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=1000, help="the number of seeds")
    arguments.add_argument("--first", type=int, default=0, help="the first seed")
    arguments.add_argument("--steps", type=float, default=1.0, help="scale of the number of client actions in a run")
    arguments.add_argument("--seed", type=int, help="run this seed only, and list its faults")
    given = arguments.parse_args()
    warnings.simplefilter("ignore")
    console = Console()
    if given.seed is not None:
        return run_one(given.seed, given.steps, console)
    return run_many(given.first, given.seeds, given.steps, console)


def run_one(seed: int, steps: float, console: Console) -> int:
    """Run one seed and print its faults and counters."""
    result = simulate(seed, steps=steps, record=True)
    console.print(result.report(last=len(result.schedule)), markup=False, highlight=False)
    console.print(f"{result.steps} steps; {dict(sorted(result.counts.items()))}", markup=False, highlight=False)
    return 1 if result.violation else 0


def run_many(first: int, seeds: int, steps: float, console: Console) -> int:
    """Run ``seeds`` seeds; print the failing ones, the counters and the faults."""
    counts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    failed: list[Result] = []
    for result in _results(first, seeds, steps, console):
        counts += result.counts
        faults += result.faults
        if result.violation is not None:
            failed.append(result)
            report = result.report() if len(failed) <= MAX_REPORTS else f"seed {result.seed}: {result.violation}"
            console.print(report, markup=False, highlight=False)
    too_rare = missing(counts, faults, seeds)
    for shortfall in too_rare:
        console.print(f"too rare: {shortfall}", markup=False, highlight=False)
    for name, count in sorted(counts.items()):
        console.print(f"  {count:9,d}  {name}", markup=False, highlight=False)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in faults.most_common())
    console.print(
        f"{seeds:,} runs, {counts['commands']:,} commands, faults: {kinds}; {len(failed)} violations",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 1 if failed or too_rare else 0


def _results(first: int, seeds: int, steps: float, console: Console) -> Iterator[Result]:
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        results = pool.map(partial(simulate, steps=steps), range(first, first + seeds), chunksize=CHUNK)
        yield from with_progress(results, seeds, console)


if __name__ == "__main__":
    sys.exit(main())
