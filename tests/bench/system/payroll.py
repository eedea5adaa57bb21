"""A payroll file, from the first byte sent until every line is settled, and each process's time per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import monotonic
from typing import Final

import httpx2

from tests.bench.bench import Bench
from tests.bench.case import Case, Figures, Ratio
from tests.bench.processes import cpu_seconds
from tests.bench.system.world import World, until, world

ROW: Final = "payroll file"
RATE: Final = "lines/s"
_OF_THE_LOAD: Final = 2  # 100,000 lines when balance replays 200,000 events
_LINES_OF_A_CARD: Final = 10
_PATIENCE: Final = 900.0


async def payroll(bench: Bench) -> Figures:
    """All services take part and share the machine with broker and database."""
    count = bench.load.events // _OF_THE_LOAD
    async with world(bench, "payroll", cards=count // _LINES_OF_A_CARD) as made:
        pids = {process.pid: name for name, process in made.system.processes.items() if name != "provider"}
        before, begun = cpu_seconds(pids), monotonic()
        ended = await book_file(made, count)
        after = cpu_seconds(pids)
        spent = {f"ms of {name} a line": 1000 * (after[pid] - before[pid]) / count for pid, name in pids.items()}
        return {RATE: count / (ended - begun), **{what: ms for what, ms in spent.items() if ms >= 0.01}}


async def book_file(made: World, count: int) -> float:
    """Book a file of ``count`` lines. Returns the moment on the monotonic clock at which its last line was settled."""
    headers = {"Authorization": f"Bearer {made.token}", "Idempotency-Key": "payroll"}
    async with httpx2.AsyncClient(base_url=made.system.gateway_url, headers=headers, timeout=120) as client:
        sent = await client.post(
            "/v1/report-batches",
            content="".join(_lines(made, count)).encode(),
            headers={"Content-Type": "application/jsonl"},
        )
        sent.raise_for_status()
        path = f"/v1/report-batches/{sent.json()['batch_id']}"

        async def is_done() -> bool:
            batch = (await client.get(path)).json()
            return bool(batch["status"] == "done")

        ended = await until("the file is booked", is_done, _PATIENCE)
        batch = (await client.get(path)).json()
        if batch["counts"]["accepted"] != count:
            raise RuntimeError(f"not every line was accepted: {batch}")
        return ended


def _lines(made: World, count: int) -> Iterator[str]:
    for number in range(count):
        month = 1 + number // len(made.employments)
        yield (
            json.dumps(
                {
                    "employment_id": made.employments[number % len(made.employments)],
                    "reference": f"payroll/{number}",
                    "work": {"first": f"2025-{month:02d}-01", "last": f"2025-{month:02d}-28"},
                    "payment_date": f"2025-{month:02d}-28",
                    "components": {"wage_ore": 300_000 + number % 5_000, "holiday_pay_ore": 37_500, "atp_ore": 9_900},
                }
            )
            + "\n"
        )


CASES: Final = (Case("payroll file", ROW, payroll),)
RATIOS: Final = (
    Ratio(ROW, "the rate of balance's replay", ("payroll file", RATE), ("balance", "events/s"), least=0.5),
)
