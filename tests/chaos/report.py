"""Results of a run: a line per round, a table, a JSON file, and whether enough activity for the run to count."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass
class Row:
    """One round.

    ``refusal_seconds`` is the longest time without a successful request, ``quiet_seconds`` the time from the end of
    the load until the system is idle.
    """

    number: int
    kind: str
    acknowledged: int = 0
    refused: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    refusal_seconds: float = 0.0
    quiet_seconds: float = 0.0
    failed_requests: dict[str, int] = field(default_factory=dict)
    """Failed requests by kind of failure; each was sent again."""
    possible: bool = True
    notes: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.doubled or self.wrong)

    def line(self) -> str:
        if not self.possible:
            return f"{self.number:>3}  {self.kind:<27} not possible here: {'; '.join(self.notes)}"
        return (
            f"{self.number:>3}  {self.kind:<27} {self.acknowledged:>5} acknowledged  {self.lost} lost"
            f"  {self.doubled} doubled  {self.wrong} wrong  refused for {self.refusal_seconds:4.1f} s"
            f"  quiet after {self.quiet_seconds:4.1f} s  {'; '.join(self.notes)}"
        ).rstrip()


MINIMUM_ACTIVITY: Mapping[str, int] = {
    "accepted": 15,
    "split": 2,
    "warned": 2,
    "corrected": 2,
    "refused": 2,
    "lines": 1,
}
"""The least activity per round, on average. A system that does nothing cannot pass."""


def insufficient_activity(activity: Mapping[str, int], rounds: int) -> list[str]:
    """Kinds of activity below the minimum."""
    return [
        f"only {activity.get(what, 0)} {what} in {rounds} rounds, where {least * rounds} are the least"
        for what, least in MINIMUM_ACTIVITY.items()
        if activity.get(what, 0) < least * rounds
    ]


_WIDTH = 120
COLUMNS = ("round", "acknowledged", "lost", "doubled", "wrong", "longest refusal, s", "until quiet, s")


def by_kind(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The table: a line for each kind of round, with sums of counts and maxima of durations."""
    kinds = dict.fromkeys(row.kind for row in rows)
    lines = [_sum(kind, [row for row in rows if row.kind == kind and row.possible]) for kind in kinds]
    return [*lines, _sum("all", [row for row in rows if row.possible])]


def _sum(name: str, rows: Sequence[Row]) -> tuple[str, ...]:
    if not rows:
        return (f"{name} (not possible here)", *("-" for _ in COLUMNS[1:]))
    return (
        f"{name} x {len(rows)}",
        str(sum(row.acknowledged for row in rows)),
        str(sum(row.lost for row in rows)),
        str(sum(row.doubled for row in rows)),
        str(sum(row.wrong for row in rows)),
        f"{max(row.refusal_seconds for row in rows):.1f}",
        f"{max(row.quiet_seconds for row in rows):.1f}",
    )


def show(console: Console, rows: Sequence[Row], title: str) -> None:
    """Print the table."""
    console = Console(highlight=False, width=max(console.width, _WIDTH))
    table = Table(*COLUMNS, title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2))
    for line in by_kind(rows):
        table.add_row(*line)
    console.print(table)


def write(path: Path, rows: Sequence[Row], facts: Mapping[str, Any]) -> None:
    """Write everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**facts, "rounds": [asdict(row) for row in rows]}, indent=1) + "\n")


def commit() -> str:
    """The commit of the working tree, marked if the tree has changes."""
    argv = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
