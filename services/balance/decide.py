"""What an earnings event does to a ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from frikort_contracts.balance import BalanceChanged, CapWarningRaised, CapWarningWithdrawn, ReportSettled, Threshold
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.reporting import (
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportContent,
    ReportEvent,
)
from frikort_contracts.topics import EARNINGS

from services.balance.ledger import Entry, Ledger, enter, entry_of, thresholds_crossed
from services.runtime.processing.decision import Address, Decision, Processor


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
    known = entry_of(before, event.report_id)
    if known is not None and event.revision <= known.revision:
        # A dead letter that is replayed comes after its successors, and must not undo them.
        return Decision(ledger)
    after, settled = _entered(before, event, known=known is not None)
    after.warned = thresholds_crossed(after)
    return Decision(
        after,
        (
            *(_report_settled(after, entry, caused_by=event.report_id) for entry in settled),
            _balance_changed(after),
            *_warnings(before, after),
        ),
    )


def _entered(ledger: Ledger, event: ReportEvent, *, known: bool) -> tuple[Ledger, Sequence[Entry]]:
    content = event if isinstance(event, ReportContent) else None
    return enter(
        ledger,
        Entry(
            report_id=event.report_id,
            employment_id=event.employment_id,
            cvr=event.cvr,
            revision=event.revision,
            total=0 if content is None else content.total,
        ),
        known=known,
        # The newest report knows the newest allowance: a provisional row that was made final is taken up here.
        allowance=ledger.allowance if content is None else content.allowance,
        provisional=ledger.provisional if content is None else content.provisional,
    )


def _report_settled(ledger: Ledger, entry: Entry, *, caused_by: str) -> ReportSettled:
    return ReportSettled(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        report_id=entry.report_id,
        report_revision=entry.revision,
        employment_id=entry.employment_id,
        cvr=entry.cvr,
        total=entry.total,
        exempt=entry.exempt,
        excess=entry.excess,
        caused_by=caused_by,
    )


def _balance_changed(ledger: Ledger) -> BalanceChanged:
    return BalanceChanged(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        allowance=ledger.allowance,
        provisional=ledger.provisional,
        reported=ledger.reported,
        exempt=ledger.exempt,
        excess=ledger.excess,
        remaining=ledger.remaining,
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
        reported=ledger.reported,
    )


LEDGERS = Processor(name="ledgers", topics=(EARNINGS,), state=Ledger, address=address, decide=decide)
