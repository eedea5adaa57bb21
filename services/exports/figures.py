"""The splits and the statement of a card's year, as a reconciliation counts them."""

from __future__ import annotations

from collections.abc import Iterator

from frikort_contracts.reconciliation import Figures, HeldReport, Holder, details_of

from services.exports.card_year import CardYear, ReportSplit
from services.exports.statements import CardStatements


def figures_of(card: CardStatements, *, with_reports: bool) -> Iterator[tuple[int, tuple[Figures, ...]]]:
    """The figures of each year. Splits and totals that do not add up yet are left out, as in the statement."""
    for number, year in card.years.items():
        yield number, (_splits(year, with_reports=with_reports), _statement(year))


def _splits(year: CardYear, *, with_reports: bool) -> Figures:
    by_id = dict(year.splits())
    splits = by_id.values()
    return Figures(
        holder=Holder.SPLITS,
        ledger_revision=0 if year.totals is None else year.totals.revision,
        reports=sum(split.exempt + split.excess > 0 for split in splits),
        total=sum(split.exempt + split.excess for split in splits),
        exempt=sum(split.exempt for split in splits),
        excess=sum(split.excess for split in splits),
        details=details_of((_held(*each) for each in by_id.items()), wanted=with_reports),
    )


def _statement(year: CardYear) -> Figures:
    stated = year.statement
    if stated is None:
        return Figures(holder=Holder.STATEMENT, reports=0, total=0, exempt=0, excess=0)
    return Figures(
        holder=Holder.STATEMENT,
        reports=stated.reports,
        total=stated.reported,
        exempt=stated.exempt,
        excess=stated.excess,
    )


def _held(report_id: str, split: ReportSplit) -> HeldReport:
    return HeldReport(
        report_id=report_id,
        ledger_revision=split.revision,
        total=split.exempt + split.excess,
        exempt=split.exempt,
        excess=split.excess,
    )
