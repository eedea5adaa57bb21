"""Records the topics of simulated runs, and reads the recordings: ``python -m tests.history.recording <release>``."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import TOPICS

from services.balance.ledger import Ledger
from services.exports.statements import CardStatements
from tests.runtime.memory import MemoryDatabase
from tests.simulation.environment import Environment
from tests.simulation.run import logs_disabled, small_limits
from tests.simulation.workload import Workload

DIRECTORY: Final = Path(__file__).parent / "recorded"
_SEEDS: Final = (3, 5, 6, 8, 11)
_MOST_STEPS: Final = 150_000

Totals = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class History:
    """The records of each topic and partition, in order, and the totals of each card and year in øre."""

    partitions: dict[tuple[str, int], list[Record]]
    ledgers: Totals
    statements: Totals


def read(path: Path) -> list[History]:
    """The recorded histories of one release."""
    return [_history(json.loads(line)) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def ledgers_in(database: MemoryDatabase[Ledger]) -> Totals:
    """Reported, exempt and excess of each card and year that has any."""
    found = {name: state for name in database.documents if (state := database.state(name)) is not None}
    return {
        name: {"reported": year.reported, "exempt": year.exempt, "excess": year.excess}
        for name, year in sorted(found.items())
    }


def statements_in(database: MemoryDatabase[CardStatements]) -> Totals:
    """The published statement of each card and year with earnings."""
    figures: Totals = {}
    for name in sorted(database.documents):
        state = database.state(name)
        for year, stated in sorted(state.years.items()) if state is not None else ():
            if stated.statement is not None and stated.statement.reports:
                figures[f"{name}:{year}"] = {
                    "reported": stated.statement.reported,
                    "exempt": stated.statement.exempt,
                    "excess": stated.statement.excess,
                }
    return figures


def _history(stored: dict[str, Any]) -> History:
    partitions: dict[tuple[str, int], list[Record]] = {}
    for topic, partition, key, value, headers in stored["records"]:
        record = Record(topic, key.encode("latin-1"), value.encode("latin-1"), _headers(headers))
        partitions.setdefault((topic, partition), []).append(record)
    return History(partitions, stored["ledgers"], stored["statements"])


def _headers(stored: Sequence[Sequence[str]]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in stored)


def _record(seed: int) -> dict[str, Any]:
    with logs_disabled(), small_limits():
        environment = Environment(seed, amounts_change=False)
        workload = Workload(environment, seed, 3.0)
        with environment.scheduler as scheduler:
            scheduler.run(workload.is_done, most=_MOST_STEPS)
            environment.heal()
            scheduler.run_until_idle(most=_MOST_STEPS)
    names = {topic.name for topic in TOPICS}
    records = [
        [
            topic,
            partition,
            (incoming.key or b"").decode("latin-1"),
            (incoming.value or b"").decode("latin-1"),
            [[name, value.decode("latin-1")] for name, value in incoming.headers],
        ]
        for (topic, partition), place in sorted(environment.broker.partitions.items())
        if topic in names
        for incoming in place
    ]
    return {
        "records": records,
        "ledgers": ledgers_in(environment.database("balance", "ledgers")),
        "statements": statements_in(environment.database("exports", "statements")),
    }


if __name__ == "__main__":
    target = DIRECTORY / f"{sys.argv[1]}.jsonl.gz"
    if target.exists():
        sys.exit(f"{target} exists, and a recorded history is never changed")
    DIRECTORY.mkdir(exist_ok=True)
    target.write_bytes(gzip.compress("\n".join(json.dumps(_record(seed)) for seed in _SEEDS).encode(), mtime=0))
