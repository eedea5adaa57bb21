"""Earnings events through balance, and through the floor and other frameworks."""

from __future__ import annotations

from typing import Final

from tests.bench.bench import Bench, python
from tests.bench.case import Case, Figures, Ratio
from tests.bench.contest import compete
from tests.bench.replay import balance

ROW: Final = "balance, replay"
RATE: Final = "events/s"
TRACES: Final = "traces"
_PROCESSOR_TIME: Final = "CPU µs/event"
_SLOW_EVENTS: Final = 3000  # its rate is constant


async def _floor(bench: Bench) -> Figures:
    return await compete(bench, "floor", python("tests.bench.replay.floor"))


async def _bare_floor(bench: Bench) -> Figures:
    return await compete(bench, "bare floor", python("tests.bench.replay.floor"), settings={"BENCH_BARE": "1"})


async def _clustered_floor(bench: Bench) -> Figures:
    return await compete(
        bench, "clustered floor", python("tests.bench.replay.floor"), settings={"BENCH_CLUSTERED": "1"}
    )


async def _faststream(bench: Bench) -> Figures:
    return await compete(bench, "faststream", python("tests.bench.replay.idiomatic"), events=_SLOW_EVENTS)


CASES: Final = (
    Case("balance", ROW, balance.replay),
    Case("balance, more memory", ROW, balance.large),
    Case("floor", ROW, _floor),
    Case("clustered floor", ROW, _clustered_floor),
    Case("bare floor", ROW, _bare_floor),
    Case("faststream", ROW, _faststream),
    Case("balance, OpenTelemetry absent", TRACES, balance.without_tracing),
    Case("balance, traces off", TRACES, balance.replay),
    Case("balance, all traces", TRACES, balance.traced),
    Case("two balances", "two instances", balance.two),
    Case("balance onto ten years", "history", balance.onto_history),
)
RATIOS: Final = (
    Ratio(ROW, "the rate of the floor of the job", ("balance", RATE), ("floor", RATE), least=0.7),
    Ratio(ROW, "the same with more memory", ("balance, more memory", RATE), ("floor", RATE), least=0.85),
    Ratio(ROW, "the same, floor on a clustered collection", ("balance", RATE), ("clustered floor", RATE)),
    Ratio(ROW, "the same, documents without what exactness needs", ("balance", RATE), ("bare floor", RATE)),
    Ratio(ROW, "times idiomatic FastStream", ("balance", RATE), ("faststream", RATE), least=50),
    Ratio(
        TRACES,
        "processor time with traces off, times that without OpenTelemetry",
        ("balance, traces off", _PROCESSOR_TIME),
        ("balance, OpenTelemetry absent", _PROCESSOR_TIME),
        most=1.05,
    ),
    Ratio(
        TRACES,
        "processor time with all traces, times that with traces off",
        ("balance, all traces", _PROCESSOR_TIME),
        ("balance, traces off", _PROCESSOR_TIME),
    ),
    Ratio("two instances", "times one instance", ("two balances", RATE), ("balance", RATE), least=1.6),
    Ratio("history", "of the rate onto an empty one", ("balance onto ten years", RATE), ("balance", RATE), least=0.95),
    Ratio("memory", "MB with more memory", ("balance, more memory", "MB"), None),
    Ratio("memory", "MB of balance at the end of the replay", ("balance", "MB"), None, most=150),
)
