"""A year of statements written in the three formats of an extract, by exports and by Polars, both from memory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

from tests.bench.bench import Bench, python
from tests.bench.case import Case, Figures, Ratio
from tests.bench.packages import bench_python
from tests.bench.processes import run_json
from tests.bench.system.statements import facts

ROW: Final = "extract"
RATE: Final = "statements/s"
_MANY: Final = 1_000_000
_FEW: Final = 10_000


async def exports(bench: Bench) -> Figures:
    """With digests, on the disk. A hundredth first, to see whether memory grows with the extract."""
    folder = bench.directory("extract")
    few = await run_json([*python("tests.bench.system.writing"), str(_FEW), str(folder)])
    many = await run_json([*python("tests.bench.system.writing"), str(_MANY), str(folder)])
    return {RATE: _MANY / many["seconds"], "MB": many["MB"], "MB at a hundredth": few["MB"]}


async def polars(bench: Bench) -> Figures:
    """On all cores."""
    folder = bench.directory("extract")
    (folder / "statements.json").write_text(json.dumps(facts()))
    script = Path(__file__).with_name("polars_writing.py")
    interpreter = await asyncio.to_thread(bench_python)
    measured = await run_json([str(interpreter), str(script), str(_MANY), str(folder)])
    return {RATE: _MANY / measured["seconds"], "MB": measured["MB"], "CSV seconds": measured["csv"]}


CASES: Final = (Case("exports", ROW, exports), Case("Polars", ROW, polars))
RATIOS: Final = (
    Ratio(ROW, "the rate of Polars", ("exports", RATE), ("Polars", RATE), least=0.6),
    Ratio(
        ROW,
        "memory at 10^6 statements, times that at 10^4",
        ("exports", "MB"),
        ("exports", "MB at a hundredth"),
        most=1.1,
    ),
)
