"""Coverage: minimum counts of events and faults over many seeds.

A system that does nothing violates no invariant. A run of many seeds therefore fails unless every kind of event and
fault occurs in it often enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from tests.simulation.scheduler import Fault

EVENTS_PER_HUNDRED_SEEDS: Final[Mapping[str, float]] = {
    "commands": 900,
    "answered": 700,
    "accepted": 500,
    "already_reported": 8,
    "dry runs": 10,
    "refused: possible-duplicate": 10,
    "refused: reference-reused": 8,
    "refused: report-withdrawn": 8,
    "refused: card-exists": 30,
    "refused: card-not-active": 40,
    "split reports": 20,
    "splits of others moved": 12,
    "warnings raised": 80,
    "warnings withdrawn": 12,
    "statements": 40,
    "disputes raised": 30,
    "disputes answered": 3,
    "disputes decided": 3,
    "disputes report-stands": 1,
    "disputes report-corrected": 3,
    "disputes report-withdrawn": 4,
    "disputes dispute-withdrawn": 3,
    "statements of a dispute": 30,
    "refused: report-already-disputed": 8,
    "mandates": 70,
    "mandates withdrawn": 8,
    "refused: mandate-ended": 2,
    "refused: too-many-mandates": 4,
    "refused: too-many-reports": 20,
    "days without work": 8,
    "commands deferred": 6,
    "dead letters": 1000,
    "dead letters replayed": 300,
    "redeliveries": 1000,
    "records published twice": 500,
    "documents from a cache": 100,
    "entries from outside": 100,
    "writes refused by version or alias": 25,
    "commits of zombies refused": 25,
    "lost or late answer, sent again": 500,
    "answers without a read": 30,
    "change streams broken": 45,
    "jobs done": 40,
    "job runners failed": 35,
    "statements republished": 40,
    "histories of cards": 40,
    "years in histories": 40,
    "records of tax": 200,
    "records of use": 300,
    "records of benefits": 80,
    "records of an end": 5,
    "feeds filled": 20,
    "settlements done": 6,
    "settlement starts failed": 0.3,
    "years settled again": 8,
}
"""Minimum counts of events: about a third of the usual ones."""
FAULTS_PER_HUNDRED_SEEDS: Final[Mapping[str, float]] = {
    Fault.CRASH: 250,
    Fault.ERROR_BEFORE: 400,
    Fault.ERROR_BETWEEN: 60,
    Fault.ERROR_AFTER: 200,
    Fault.STALL: 500,
    "late append": 40,
    "expire live member": 150,
    "rebalance": 150,
    "stop service": 30,
    "move coordinator": 90,
    "lose membership": 20,
    "reset offset": 200,
    "append invalid record": 200,
}
"""Minimum counts of faults, by kind."""


def missing(counts: Counter[str], faults: Counter[str], seeds: int) -> list[str]:
    """The kinds of event and fault that occurred too rarely in ``seeds`` seeds; empty below a hundred seeds."""
    if seeds < 100:
        return []
    minimums = [(counts, EVENTS_PER_HUNDRED_SEEDS), (faults, FAULTS_PER_HUNDRED_SEEDS)]
    return [
        f"{name}: {seen[name]} in {seeds} seeds, expected at least {per_hundred * seeds / 100:.0f}"
        for seen, expected in minimums
        for name, per_hundred in expected.items()
        if seen[name] < per_hundred * seeds / 100
    ]
