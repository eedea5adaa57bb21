"""``python -m tests.bench.pairs <commit> --only ROW ...``: measures a commit and the working tree in turn, in pairs.

The commit is unpacked beside the scratch files of the benchmark and measured with the packages that are installed here.
Rows that it does not have yet are added to its benchmark, and both trees get the same client that makes the load. What
other work takes from the machine then meets both, so a ratio of a pair says more than two absolute figures.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from deploy.local.config import REPOSITORY, default_cache

RESULT: Final = REPOSITORY / "build" / "pairs.json"
_ROWS: Final = Path("tests/bench/system")
_CLIENT: Final = ("load.py", "orders.py")

Medians = Mapping[str, Mapping[str, float]]
"""The figures of every case, as ``build/bench.json`` has them."""


def main() -> int:
    """Measure. Returns the exit code: 1 if a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pairs", description=__doc__)
    parser.add_argument("commit", help="the earlier commit")
    parser.add_argument("--only", nargs="+", metavar="ROW", required=True, help="rows or cases of the benchmark")
    parser.add_argument("--events", type=int, default=200_000, help="earnings events of a replay")
    parser.add_argument("--repeat", type=int, default=3, help="pairs")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="frikort-pairs-") as scratch:
        before = unpack(given.commit, Path(scratch) / "before")
        arguments = ["--only", *given.only, "--events", str(given.events), "--repeat", "1"]
        pairs = []
        for number in range(given.repeat):
            # Each tree is the first of every other pair.
            trees = [before, REPOSITORY] if number % 2 == 0 else [REPOSITORY, before]
            measured = {tree: _measure(tree, arguments) for tree in trees}
            pairs.append((measured[before], measured[REPOSITORY]))
    found = ratios(pairs)
    _show(Console(highlight=False, soft_wrap=True), found)
    RESULT.parent.mkdir(exist_ok=True)
    command = shlex.join(["python", "-m", "tests.bench.pairs", *sys.argv[1:]])
    RESULT.write_text(json.dumps({"command": command, "before": given.commit, "figures": found}, indent=2) + "\n")
    return 0 if all(all(case.values()) for pair in pairs for case in pair) else 1


def unpack(commit: str, into: Path) -> Path:
    """Write the files of a commit into a new directory, with the rows of this tree that it lacks."""
    archive = subprocess.run(["git", "archive", commit], cwd=REPOSITORY, capture_output=True, check=True).stdout
    into.mkdir()
    subprocess.run(["tar", "--extract", "--file=-"], cwd=into, input=archive, check=True)
    for name in _CLIENT:
        shutil.copy(REPOSITORY / _ROWS / name, into / _ROWS / name)
    package = into / _ROWS / "__init__.py"
    for module in sorted((REPOSITORY / _ROWS).glob("*.py")):
        target = into / _ROWS / module.name
        if not target.exists():
            shutil.copy(module, target)
            if "\nCASES: " in module.read_text():
                with package.open("a") as text:
                    text.write(f"\nfrom tests.bench.system import {module.stem}\n")
                    text.write(f"CASES = (*CASES, *{module.stem}.CASES)\n")
    return into


def environment_of(tree: Path) -> dict[str, str]:
    """The environment variables with which a program of a tree runs."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    # Before the installed contracts, which are those of this tree.
    return inherited | {"PYTHONPATH": str(tree / "contracts"), "FRIKORT_CACHE": str(default_cache())}


def ratios(pairs: Sequence[tuple[Medians, Medians]]) -> list[dict[str, Any]]:
    """For every figure that both trees have: its medians, and the ratio (since to before) of each pair."""
    found = []
    for case, figures in pairs[0][0].items():
        for figure in figures:
            both = [
                (before[case][figure], since[case][figure])
                for before, since in pairs
                if figure in before.get(case, {}) and figure in since.get(case, {})
            ]
            if both:
                befores, sinces = zip(*both, strict=True)
                found.append(
                    {
                        "case": case,
                        "figure": figure,
                        "before": median(befores),
                        "since": median(sinces),
                        "ratios": [since / before for before, since in both if before],
                    }
                )
    return found


def _measure(tree: Path, arguments: Sequence[str]) -> Medians:
    result = tree / "build" / "bench.json"
    result.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", "tests.bench", *arguments], cwd=tree, env=environment_of(tree), check=False)
    return dict(json.loads(result.read_text())["medians"])


def _show(console: Console, found: Sequence[Mapping[str, Any]]) -> None:
    table = Table("case", "figure", "before", "since", "ratio", "ratio of each pair", title="Before and since")
    for each in found:
        values = each["ratios"]
        shown = ", ".join(f"{value:.2f}" for value in values)
        middle = f"{median(values):.2f}" if values else ""
        table.add_row(each["case"], each["figure"], f"{each['before']:,.3g}", f"{each['since']:,.3g}", middle, shown)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
