"""``make bench``: runs every case in turn, round after round, on the launcher's real broker and database."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError
from rich.console import Console

from deploy.local.config import Config
from deploy.local.engines import Engines
from deploy.local.progress import for_people
from tests.bench import replay, report, system
from tests.bench.bench import Bench
from tests.bench.case import Case, Figures
from tests.bench.events import Load
from tests.bench.peers import cases as peers
from tests.bench.replay import growth

_FAILURES = (RuntimeError, TimeoutError, OSError, KafkaError, PyMongoError)

CASES = (*replay.CASES, *growth.CASES, *peers.CASES, *system.CASES)
RATIOS = (*replay.RATIOS, *growth.RATIOS, *peers.RATIOS, *system.RATIOS)


def main() -> int:
    """Measure. Returns the exit code: 1 if a case failed or a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="ROW", help=f"rows or cases: {', '.join(_names())}")
    parser.add_argument("--events", type=int, default=200_000, help="earnings events of a replay")
    parser.add_argument("--cards", type=int, help="cards that they are of; by default a tenth as many")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    given = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    chosen = [case for case in CASES if not given.only or {case.row, case.name} & set(given.only)]
    if not chosen:
        parser.error(f"--only takes {', '.join(_names())}")
    load = Load(given.events, given.cards or given.events // 10)
    with tempfile.TemporaryDirectory(prefix="frikort-bench-") as scratch:
        config = Config(Path(scratch) / "engines")
        with Engines(config, for_people()) as engines:
            bench = Bench(engines, Path(scratch), load)
            rounds = asyncio.run(_play(bench, chosen, given.repeat, console))
    report.show(console, chosen, RATIOS, rounds)
    written = report.write(RATIOS, rounds, shlex.join(["python", "-m", "tests.bench", *sys.argv[1:]]))
    console.print(f"Written to {written}")
    broken = report.broken_promises(RATIOS, rounds)
    for line in broken:
        console.print(f"FAILED  {line}", style="bold red", markup=False)
    return 0 if not broken and all(figures for of_case in rounds.values() for figures in of_case) else 1


async def _play(bench: Bench, chosen: Sequence[Case], repeat: int, console: Console) -> dict[str, list[Figures]]:
    rounds: dict[str, list[Figures]] = defaultdict(list)
    for number in range(1, repeat + 1):
        bench.number = number
        for case in chosen:
            figures: Figures = {}
            try:
                figures = await case.run(bench)
            except _FAILURES as error:
                console.print(f"round {number}  {case.name} failed: {type(error).__name__}: {error}", markup=False)
            rounds[case.name].append(figures)
            if figures:
                shown = ", ".join(f"{value:,.1f} {name}" for name, value in figures.items())
                console.print(f"round {number}  {case.name}: {shown}")
    return rounds


def _names() -> list[str]:
    return sorted({name for case in CASES for name in (case.row, case.name)})


if __name__ == "__main__":
    sys.exit(main())
