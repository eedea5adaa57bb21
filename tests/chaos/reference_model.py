"""A simple recomputation of splits and warnings, in order of acceptance. Shares no code with the services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from frikort_contracts.reporting import EarningsReported, ReportContent, ReportEvent

from tests.chaos.topic_contents import Crossing

ALLOWANCE = 4_276_600
YEAR = 2025


@dataclass(frozen=True)
class Split:
    """How one report is divided."""

    exempt: int
    excess: int


def splits(order: Sequence[str], amounts: Mapping[str, int]) -> dict[str, Split]:
    """The split of each report, in order of acceptance."""
    left = ALLOWANCE
    found: dict[str, Split] = {}
    for report_id in order:
        exempt = min(left, amounts.get(report_id, 0))
        left -= exempt
        found[report_id] = Split(exempt, amounts.get(report_id, 0) - exempt)
    return found


def acceptance(events: Iterable[ReportEvent]) -> list[str]:
    """Report ids in the order in which they were accepted."""
    return list(dict.fromkeys(event.report_id for event in events if isinstance(event, EarningsReported)))


def thresholds(reported: int) -> list[str]:
    """The warnings that hold for a year with this total."""
    true = {
        "near": 100 * reported >= 80 * ALLOWANCE,
        "reached": reported >= ALLOWANCE,
        "exceeded": reported > ALLOWANCE,
    }
    return [name for name, holds in true.items() if holds]


def crossings(events: Iterable[ReportEvent]) -> list[Crossing]:
    """The warnings that the events of a year must raise and withdraw, change by change."""
    amounts: dict[str, int] = {}
    active: list[str] = []
    found: list[Crossing] = []
    for revision, event in enumerate(events, 1):
        amounts[event.report_id] = event.total if isinstance(event, ReportContent) else 0
        true = thresholds(sum(amounts.values()))
        found += [Crossing(revision, "raised", name) for name in true if name not in active]
        found += [Crossing(revision, "withdrawn", name) for name in active if name not in true]
        active = true
    return found
