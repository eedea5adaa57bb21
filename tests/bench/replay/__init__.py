"""Earnings events through balance, and through what it is compared with."""

from __future__ import annotations

from typing import Final

from tests.bench.bench import Bench, python
from tests.bench.case import Case, Figures, Ratio
from tests.bench.contest import compete
from tests.bench.replay.balance import replay

ROW: Final = "balance, replay"
RATE: Final = "events/s"


async def _floor(bench: Bench) -> Figures:
    return await compete(bench, "floor", python("tests.bench.replay.floor"))


async def _faststream(bench: Bench) -> Figures:
    return await compete(bench, "faststream", python("tests.bench.replay.idiomatic"))


CASES: Final = (
    Case("balance", ROW, replay),
    Case("floor", ROW, _floor),
    Case("faststream", ROW, _faststream),
)
RATIOS: Final = (
    Ratio(ROW, "the rate of the floor of the job", ("balance", RATE), ("floor", RATE), least=0.8),
    Ratio(ROW, "times idiomatic FastStream", ("balance", RATE), ("faststream", RATE), least=25),
)
