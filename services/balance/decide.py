"""What an earnings event does to a ledger."""

from __future__ import annotations

from typing import Any

from contracts.balance import BalanceChanged, CapWarningRaised, CapWarningWithdrawn, ReportSettled, Threshold
from contracts.cloudevents import Envelope
from contracts.messages import Event
from contracts.reporting import EarningsCorrected, EarningsReported, EarningsWithdrawn, ReportContent, ReportEvent
from contracts.topics import EARNINGS
from services.balance.ledger import Entry, Ledger, settle, thresholds_crossed, totals
from services.runtime.decision import Address, Decision, Processor


def address(message: Envelope[Any]) -> Address | None:
    """The ledger of the report's card and year; employments do not concern balance."""
    match message.data:
        case EarningsReported() | EarningsCorrected() | EarningsWithdrawn() as event:
            return Address(f"{event.card_id}:{event.year}")
    return None


def decide(ledger: Ledger | None, message: Envelope[ReportEvent]) -> Decision[Ledger]:
    """Enter the report, divide the allowance anew, and tell whose split changed and what the year stands at."""
    event = message.data
    before = ledger or Ledger(card_id=event.card_id, year=event.year)
    known = before.entries.get(event.report_id)
    if known is not None and event.revision <= known.revision:
        # A dead letter that is replayed comes after its successors, and must not undo them.
        return Decision(ledger)
    after, changed = settle(_entered(before, event))
    after.warned = thresholds_crossed(after)
    settled = [event.report_id, *(report_id for report_id in changed if report_id != event.report_id)]
    return Decision(
        after,
        (
            *(_report_settled(after, report_id, caused_by=event.report_id) for report_id in settled),
            _balance_changed(after),
            *_warnings(before, after),
        ),
    )


def _entered(ledger: Ledger, event: ReportEvent) -> Ledger:
    entry = Entry(
        employment_id=event.employment_id,
        cvr=event.cvr,
        revision=event.revision,
        total=event.total if isinstance(event, ReportContent) else 0,
    )
    earlier = ledger.entries.get(event.report_id)
    if earlier is not None:
        entry = entry.model_copy(update={"exempt": earlier.exempt, "excess": earlier.excess})
    entries = {**ledger.entries, event.report_id: entry}
    changes: dict[str, Any] = {"entries": entries, "revision": ledger.revision + 1}
    if isinstance(event, ReportContent):
        # The newest report knows the newest allowance: a provisional row that was made final is taken up here.
        changes |= {"allowance": event.allowance, "provisional": event.provisional}
    return ledger.model_copy(update=changes)


def _report_settled(ledger: Ledger, report_id: str, *, caused_by: str) -> ReportSettled:
    entry = ledger.entries[report_id]
    return ReportSettled(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        report_id=report_id,
        report_revision=entry.revision,
        employment_id=entry.employment_id,
        cvr=entry.cvr,
        total=entry.total,
        exempt=entry.exempt,
        excess=entry.excess,
        caused_by=caused_by,
    )


def _balance_changed(ledger: Ledger) -> BalanceChanged:
    reported, exempt, excess, remaining = totals(ledger)
    return BalanceChanged(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        allowance=ledger.allowance,
        provisional=ledger.provisional,
        reported=reported,
        exempt=exempt,
        excess=excess,
        remaining=remaining,
        warned=ledger.warned,
    )


def _warnings(before: Ledger, after: Ledger) -> tuple[Event, ...]:
    if after.warned == before.warned:
        return ()
    raised = [threshold for threshold in after.warned if threshold not in before.warned]
    untrue = [threshold for threshold in before.warned if threshold not in after.warned]
    return (
        *(_warning(CapWarningRaised, after, threshold) for threshold in raised),
        *(_warning(CapWarningWithdrawn, after, threshold) for threshold in untrue),
    )


def _warning(kind: type[CapWarningRaised | CapWarningWithdrawn], ledger: Ledger, threshold: Threshold) -> Event:
    return kind(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        threshold=threshold,
        allowance=ledger.allowance,
        reported=totals(ledger).reported,
    )


LEDGERS = Processor(name="ledgers", topics=(EARNINGS,), state=Ledger, address=address, decide=decide)
