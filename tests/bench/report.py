"""The results as a table and as ``build/bench.json``."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.local.config import REPOSITORY
from tests.bench.case import Case, Figures, Ratio

RESULT = REPOSITORY / "build" / "bench.json"
Rounds = Mapping[str, Sequence[Figures]]
"""The figures of every round by case; none if the case failed."""


def per_round(ratio: Ratio, rounds: Rounds) -> list[float]:
    """The ratio in every round that measured both figures."""
    case, figure = ratio.of
    tops = rounds.get(case, ())
    if ratio.to is None:
        return [top[figure] for top in tops if top]
    case, of = ratio.to
    return [top[figure] / to[of] for top, to in zip(tops, rounds.get(case, ()), strict=False) if top and to]


def show(console: Console, cases: Sequence[Case], ratios: Sequence[Ratio], rounds: Rounds) -> None:
    """Print ratios first, then the absolute figures of this machine."""
    table = Table("row", "what", "median", "least..most", "must reach", "", title="Ratios")
    for ratio in ratios:
        if values := per_round(ratio, rounds):
            middle = median(values)
            spread = f"{_short(min(values))}..{_short(max(values))}"
            met = "[green]reached[/green]" if ratio.met(middle) else "[red]missed[/red]"
            table.add_row(ratio.row, ratio.what, _short(middle), spread, _target(ratio), met if _target(ratio) else "")
    console.print(table)
    figures = Table("row", "case", "figures (medians)", title="Absolute figures, of this machine")
    for case in cases:
        if case.name in rounds:
            shown = ", ".join(f"{_short(value)} {name}" for name, value in medians(rounds[case.name]).items())
            figures.add_row(case.row, case.name, shown)
    console.print(figures)


def broken_promises(ratios: Sequence[Ratio], rounds: Rounds) -> list[str]:
    """A line for each promise whose target was missed: the row, what was measured, the median, and the target."""
    return [
        f"{ratio.row}: {ratio.what} is {_short(middle)}, and must be {_target(ratio)}"
        for ratio in ratios
        if ratio.is_promise and (values := per_round(ratio, rounds)) and not ratio.met(middle := median(values))
    ]


def write(ratios: Sequence[Ratio], rounds: Rounds, command: str) -> Path:
    """Write ``build/bench.json``. Returns its path."""
    result: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "command": command,
        "machine": _machine(),
        "ratios": [
            {"row": r.row, "what": r.what, "median": median(values), "rounds": values, "target": _target(r)}
            for r in ratios
            if (values := per_round(r, rounds))
        ],
        "medians": {name: medians(of_case) for name, of_case in rounds.items()},
        "rounds": {name: list(of_case) for name, of_case in rounds.items()},
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return RESULT


def medians(of_case: Sequence[Figures]) -> dict[str, float]:
    """The median of every figure of a case, over the rounds in which it did not fail."""
    measured = [figures for figures in of_case if figures]
    return {name: median(figures[name] for figures in measured) for name in (measured or [{}])[0]}


def _target(ratio: Ratio) -> str:
    if ratio.least is not None:
        return f"≥ {ratio.least:g}"
    return f"≤ {ratio.most:g}" if ratio.most is not None else ""


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _machine() -> dict[str, str | int]:
    facts = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), "unknown")
    return {"cpu": model, "cores": os.cpu_count() or 0, "python": platform.python_version(), "os": platform.platform()}


def _commit() -> str:
    """The measured commit, with a + if the working tree has changes."""
    return f"{_git('rev-parse', '--short', 'HEAD')}{'+' if _git('status', '--porcelain') else ''}"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    return done.stdout.strip()
