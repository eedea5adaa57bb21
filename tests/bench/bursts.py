"""``python -m tests.bench.bursts <commit>``: how fast a commit and the working tree accept reports, five seconds each.

Both systems run at the same time and receive the load in turn, so a change of the machine's speed meets both. Each is
the first of every other pair. ``pairs`` measures any row, but minutes lie between its two trees.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from rich.console import Console

from deploy.local.config import REPOSITORY
from tests.bench.pairs import environment_of, unpack

_FIGURES: Final = ("requests/s", "µs")
_READY: Final = "ready"


class Accepting:
    """A system of one tree that accepts bursts of reports."""

    def __init__(self, tree: Path) -> None:
        argv = [sys.executable, "-m", "tests.bench.system.accept_bursts"]
        self._process = subprocess.Popen(
            argv, cwd=tree, env=environment_of(tree), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lines = iter(self._process.stdout or ())

    def wait_until_ready(self) -> None:
        """Raises ``RuntimeError`` if the system ends."""
        for line in self._lines:
            if line.strip() == _READY:
                return
        raise RuntimeError("a system did not start")

    def burst(self) -> dict[str, float]:
        """The figures of the next burst. Raises ``RuntimeError`` if the system ends."""
        if self._process.stdin is None:
            raise RuntimeError("a system takes no bursts")
        print("burst", file=self._process.stdin, flush=True)
        line = next(self._lines, None)
        if line is None:
            raise RuntimeError("a system ended")
        return dict(json.loads(line))

    def close(self) -> None:
        """End the system."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=60)


def main() -> int:
    """Measure, and print the ratios. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bursts", description=__doc__)
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument("--pairs", type=int, default=12, help="pairs of bursts")
    given = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="frikort-pairs-") as scratch, ExitStack() as stack:
        before, since = (Accepting(tree) for tree in (unpack(given.commit, Path(scratch) / "before"), REPOSITORY))
        for system in (before, since):
            stack.callback(system.close)
            system.wait_until_ready()
        for system in (before, since):
            system.burst()  # opens connections and fills caches
        pairs = []
        for number in range(given.pairs):
            first, second = (before, since) if number % 2 == 0 else (since, before)
            measured = {first: first.burst(), second: second.burst()}
            pairs.append((measured[before], measured[since]))
            console.print(_line(number + 1, pairs[-1]))
    for figure in _FIGURES:
        values = sorted(later[figure] / earlier[figure] for earlier, later in pairs)
        console.print(f"{figure}: median of the ratios {median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})")
    return 0


def _line(number: int, pair: tuple[dict[str, float], dict[str, float]]) -> str:
    earlier, later = pair
    shown = (
        f"{figure} {earlier[figure]:,.0f}, {later[figure]:,.0f}: {later[figure] / earlier[figure]:.2f}"
        for figure in _FIGURES
    )
    return f"{number}: " + "; ".join(shown)


if __name__ == "__main__":
    sys.exit(main())
