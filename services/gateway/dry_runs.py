"""The split that a report would get now: the same for a single dry run and for a line of a checked file. Pure."""

from __future__ import annotations

from frikort_contracts.rules.allowances import Allowance, Split, split

from services.gateway.projections.ledgers import TotalsView


def remaining_before(totals: TotalsView | None, row: Allowance) -> int:
    """What is left of a card's allowance of a year (øre); ``totals`` is None before its first report."""
    return row.allowance if totals is None else totals.remaining


def dry_run_split(total: int, remaining: int, settled: Split | None) -> tuple[Split, int]:
    """The split of ``total`` (øre) and what would remain; ``settled`` is the split that the report already has."""
    if settled is not None:
        return settled, remaining
    parts = split(total, remaining)
    return parts, remaining - parts.exempt
