"""Minimum counts of events and faults: a system that does nothing violates no invariant and must not pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from tests.simulation.scheduler import Fault

# At least so many in a hundred seeds: about a third of the usual count.
IN_A_HUNDRED: Final[Mapping[str, float]] = {
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
    "disputes": 30,
    "disputes report-corrected": 3,
    "disputes report-withdrawn": 4,
    "disputes dispute-withdrawn": 3,
    "statements of a dispute": 30,
    "refused: report-already-disputed": 8,
    "mandates": 70,
    "mandates withdrawn": 8,
    "refused: mandate-ended": 5,
    "refused: too-many-mandates": 4,
    "days without work": 8,
    "waited for their card": 6,
    "dead letters": 1000,
    "dead letters replayed": 300,
    "redeliveries": 1000,
    "records published twice": 500,
    "writes fenced by a version or alias": 25,
    "commits refused to a zombie": 25,
    "lost or late answer, sent again": 500,
    "jobs done": 40,
    "job runners failed": 35,
    "statements republished": 40,
}
FAULTS_IN_A_HUNDRED: Final[Mapping[str, float]] = {
    Fault.CRASH: 250,
    Fault.ERROR_BEFORE: 400,
    Fault.ERROR_BETWEEN: 60,
    Fault.ERROR_AFTER: 200,
    Fault.STALL: 500,
    "late append": 40,
    "expel one": 150,
    "rebalance one": 150,
    "rewind one": 200,
    "poison one": 200,
}


def missing(counts: Counter[str], faults: Counter[str], seeds: int) -> list[str]:
    """The kinds that occurred too seldom in ``seeds`` seeds; always empty for fewer than a hundred."""
    if seeds < 100:
        return []
    wanted = [(counts, IN_A_HUNDRED), (faults, FAULTS_IN_A_HUNDRED)]
    return [
        f"{name}: {seen[name]} in {seeds} seeds, at least {per_hundred * seeds / 100:.0f} are usual"
        for seen, expected in wanted
        for name, per_hundred in expected.items()
        if seen[name] < per_hundred * seeds / 100
    ]
