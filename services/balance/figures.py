"""The ledger of a card's year, as a reconciliation counts it."""

from __future__ import annotations

from frikort_contracts.reconciliation import Figures, HeldReport, Holder, details_of

from services.balance.ledger import Ledger, LedgerEntry, read_entries


def figures_of(ledger: Ledger, *, with_reports: bool) -> tuple[Figures, ...]:
    """The entries, added up here, and the sums that the ledger keeps."""
    entries = read_entries(ledger)
    return (
        Figures(
            holder=Holder.ENTRIES,
            changes=sum(entry.revision for entry in entries),
            reports=sum(entry.total > 0 for entry in entries),
            total=sum(entry.total for entry in entries),
            exempt=sum(entry.exempt for entry in entries),
            excess=sum(entry.excess for entry in entries),
            details=details_of(map(_held, entries), wanted=with_reports),
        ),
        Figures(
            holder=Holder.LEDGER,
            ledger_revision=ledger.revision,
            total=ledger.reported,
            exempt=ledger.exempt,
            excess=ledger.excess,
        ),
    )


def _held(entry: LedgerEntry) -> HeldReport:
    return HeldReport(
        report_id=entry.report_id,
        revision=entry.revision,
        total=entry.total,
        exempt=entry.exempt,
        excess=entry.excess,
    )
