"""`make verify`: run the steps, print the time of each, and a summary. Exit code 0 only if all passed.

From the environment: ONLY, names of steps (all), SEEDS of the simulation (500), ROUNDS of faults (6).
"""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table

from tests.verify.steps import Outcome, run, select, steps


def main() -> int:
    """Returns the exit code: 1 if a step failed, 2 if ONLY names no step."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        selected = select(steps(os.environ), os.environ.get("ONLY", "").replace(",", " ").split())
    except ValueError as error:
        console.print(str(error))
        return 2
    outcomes = []
    for step in selected:
        console.print(f"\n[bold]{step.name}[/bold]: {step.about}")
        sys.stdout.flush()
        outcomes.append(run(step))
    _summarize(console, outcomes)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _summarize(console: Console, outcomes: list[Outcome]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("step", "result", "seconds"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for outcome in outcomes:
        result = "passed" if outcome.passed else f"failed: {outcome.reason}"
        table.add_row(outcome.step.name, result, f"{outcome.seconds:.0f}")
    table.add_row("all", "", f"{sum(outcome.seconds for outcome in outcomes):.0f}")
    passed = sum(outcome.passed for outcome in outcomes)
    console.print()
    console.print(table)
    console.print(f"\n{passed} passed, {len(outcomes) - passed} failed")


if __name__ == "__main__":
    sys.exit(main())
