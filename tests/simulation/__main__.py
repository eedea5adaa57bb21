"""``make simulate``: many seeds on every core, or one seed with its whole schedule. Exit code 1 on a violation."""

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
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.simulation.liveness import missing
from tests.simulation.run import Result, simulate

CHUNK = 10
SHOWN = 5


def main() -> int:
    """Run the command."""
    arguments = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=1000, help="how many seeds")
    arguments.add_argument("--first", type=int, default=0, help="the first of them")
    arguments.add_argument("--steps", type=float, default=1.0, help="scale of what people do in a run")
    arguments.add_argument("--seed", type=int, help="this seed only, with its schedule")
    asked = arguments.parse_args()
    warnings.simplefilter("ignore")
    console = Console()
    if asked.seed is not None:
        return one(asked.seed, asked.steps, console)
    return many(asked.first, asked.seeds, asked.steps, console)


def one(seed: int, steps: float, console: Console) -> int:
    """Run one seed and print its faults and counters."""
    result = simulate(seed, steps=steps, record=True)
    console.print(result.report(last=len(result.schedule)), markup=False, highlight=False)
    console.print(f"{result.steps} steps; {dict(sorted(result.counts.items()))}", markup=False, highlight=False)
    return 1 if result.violation else 0


def many(first: int, seeds: int, steps: float, console: Console) -> int:
    """Run ``seeds`` seeds; print the failing ones, the counters and the faults."""
    counts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    failed: list[Result] = []
    for result in _played(first, seeds, steps, console):
        counts += result.counts
        faults += result.faults
        if result.violation is not None:
            failed.append(result)
            if len(failed) <= SHOWN:
                console.print(result.report(), markup=False, highlight=False)
    not_seen = missing(counts, faults, seeds)
    for what in not_seen:
        console.print(f"too little happened: {what}", markup=False, highlight=False)
    for name, count in sorted(counts.items()):
        console.print(f"  {count:9,d}  {name}", markup=False, highlight=False)
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in faults.most_common())
    console.print(
        f"{seeds:,} runs, {counts['commands']:,} commands, faults: {kinds}; {len(failed)} violations",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 1 if failed or not_seen else 0


def _played(first: int, seeds: int, steps: float, console: Console) -> Iterator[Result]:
    columns = (TextColumn("seeds"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress, ProcessPoolExecutor(os.cpu_count()) as pool:
        task = progress.add_task("seeds", total=seeds)
        for result in pool.map(partial(simulate, steps=steps), range(first, first + seeds), chunksize=CHUNK):
            progress.advance(task)
            yield result


if __name__ == "__main__":
    sys.exit(main())
