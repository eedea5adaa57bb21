"""The accepted reports of a card, as a reconciliation counts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from frikort_contracts.reconciliation import Figures, HeldReport, Holder, details_of

from services.reporting.card_state import CardState, Report


def figures_of(card: CardState, *, with_reports: bool) -> Iterator[tuple[int, tuple[Figures, ...]]]:
    """The figures of each year that has reports."""
    by_year: dict[int, list[tuple[str, Report]]] = defaultdict(list)
    for report_id, report in card.all_reports():
        by_year[report.year].append((report_id, report))
    for year, reports in by_year.items():
        counted = [report for _, report in reports if not report.withdrawn]
        figures = Figures(
            holder=Holder.REPORTING,
            changes=sum(report.revision for _, report in reports),
            reports=len(counted),
            total=sum(report.components.total for report in counted),
            details=details_of((_held(*each) for each in reports), wanted=with_reports),
        )
        yield year, (figures,)


def _held(report_id: str, report: Report) -> HeldReport:
    total = 0 if report.withdrawn else report.components.total
    return HeldReport(report_id=report_id, revision=report.revision, total=total)
