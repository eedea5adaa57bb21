"""The reports and totals of a card's year as the gateway shows them, as a reconciliation counts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from frikort_contracts.reconciliation import Figures, HeldReport, Holder, details_of

from services.gateway.projections.ledgers import LedgerView
from services.gateway.projections.reports import ReportView


def figures_of_reports(
    reports: Iterable[ReportView], *, with_reports: bool
) -> Iterator[tuple[int, tuple[Figures, ...]]]:
    """The figures of each year in which the card has reports."""
    by_year: dict[int, list[HeldReport]] = defaultdict(list)
    for report in reports:
        by_year[report.year].append(_held(report))
    for year, held in by_year.items():
        figures = Figures(
            holder=Holder.REPORTS_VIEW,
            changes=sum(report.revision or 0 for report in held),
            latest_split=max(report.ledger_revision or 0 for report in held),
            reports=sum((report.total or 0) > 0 for report in held),
            total=sum(report.total or 0 for report in held),
            exempt=sum(report.exempt or 0 for report in held),
            excess=sum(report.excess or 0 for report in held),
            details=details_of(held, wanted=with_reports),
        )
        yield year, (figures,)


def figures_of_totals(ledger: LedgerView) -> tuple[Figures, ...]:
    """The figures of the totals."""
    totals = ledger.totals
    return (
        Figures(
            holder=Holder.TOTALS_VIEW,
            ledger_revision=ledger.revision,
            total=0 if totals is None else totals.reported,
            exempt=0 if totals is None else totals.exempt,
            excess=0 if totals is None else totals.excess,
        ),
    )


def _held(report: ReportView) -> HeldReport:
    booked, split = report.booked, report.settlement
    return HeldReport(
        report_id=report.report_id,
        revision=report.revision or None,
        ledger_revision=None if split is None else split.ledger_revision,
        total=0 if booked is None or report.withdrawn else booked.total,
        exempt=0 if split is None else split.exempt,
        excess=0 if split is None else split.excess,
    )
