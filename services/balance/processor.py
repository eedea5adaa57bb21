"""Posts earnings events to ledgers, settles years, and publishes the splits, totals and warnings that change."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, cast

from frikort_contracts.balance import (
    BalanceChanged,
    CapWarningRaised,
    CapWarningWithdrawn,
    ReportSettled,
    SettleYear,
    Threshold,
)
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event, EventFields, unvalidated
from frikort_contracts.reporting import (
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportContent,
    ReportEvent,
)
from frikort_contracts.topics import BALANCE_JOBS, EARNINGS

from services.balance.ledger import (
    MORE,
    Ledger,
    LedgerEntry,
    Posting,
    find_entry,
    post_report,
    settle_year,
    with_amounts,
)
from services.runtime.processing.decision import Address, Decision, Processor

_settled = unvalidated(ReportSettled)
_changed = unvalidated(BalanceChanged)


def address(message: Envelope[Any]) -> Address | None:
    """The ledger of a card and year. Employments and disputes move no money and are skipped."""
    match message.data:
        case EarningsReported() | EarningsCorrected() | EarningsWithdrawn() | SettleYear() as event:
            return Address(f"{event.card_id}:{event.year}")
    return None


def decide(
    ledger: Ledger | None, message: Envelope[ReportEvent | SettleYear], _taken: Collection[str] = ()
) -> Decision[Ledger]:
    """Emit every split that changed, then the year's totals, then the warnings that changed."""
    if isinstance(message.data, SettleYear):
        return _settle(ledger, message.data)
    event = message.data
    before = ledger or Ledger(card_id=event.card_id, year=event.year)
    earlier = find_entry(before, event.report_id)
    if earlier is not None and event.revision <= earlier.revision:
        # A second delivery changes nothing, and a replayed dead letter must not undo its successors.
        return Decision(ledger)
    posting = _post(before, event, is_new=earlier is None)
    return _published(before, posting, caused_by=event.report_id)


def entry_keys(_: Ledger, message: Envelope[ReportEvent | SettleYear]) -> Mapping[str, Collection[str] | None]:
    """A new report needs to know that it is new; another change allocates the allowance to all reports."""
    event = message.data
    return {MORE: (event.report_id,) if isinstance(event, EarningsReported) else None}


def _settle(ledger: Ledger | None, command: SettleYear) -> Decision[Ledger]:
    """Settle the year by newer amounts. Older ones, of a job that was overtaken, change nothing."""
    if ledger is None or not "" < ledger.allowance_version < command.allowance_version:
        return Decision(ledger)
    posting = settle_year(
        ledger,
        allowance=command.allowance,
        provisional=command.provisional,
        allowance_version=command.allowance_version,
    )
    return _published(ledger, posting, caused_by=None)


def _post(ledger: Ledger, event: ReportEvent, *, is_new: bool) -> Posting:
    content = event if isinstance(event, ReportContent) else None
    if content is not None and not ledger.allowance_version:
        ledger = with_amounts(
            ledger,
            allowance=content.allowance,
            provisional=content.provisional,
            allowance_version=content.allowance_version,
        )
    entry = LedgerEntry(
        report_id=event.report_id,
        employment_id=event.employment_id,
        cvr=event.cvr,
        revision=event.revision,
        total=0 if content is None else content.total,
    )
    return post_report(ledger, entry, is_new=is_new)


def _published(before: Ledger, posting: Posting, *, caused_by: str | None) -> Decision[Ledger]:
    after, settled = posting
    return Decision(
        after,
        (
            *[_report_settled(after, entry, caused_by=caused_by) for entry in settled],
            _balance_changed(after),
            *(_warnings(before, after) if before.warned != after.warned else ()),
        ),
    )


def _report_settled(ledger: Ledger, entry: LedgerEntry, *, caused_by: str | None) -> EventFields:
    return _settled(
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


def _balance_changed(ledger: Ledger) -> EventFields:
    return _changed(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        allowance=ledger.allowance,
        provisional=ledger.provisional,
        reported=ledger.reported,
        exempt=ledger.exempt,
        excess=ledger.excess,
        remaining=ledger.remaining,
        warned=_texts(ledger.warned),
    )


@cache
def _texts(thresholds: tuple[Threshold, ...]) -> tuple[Threshold, ...]:
    """The same as plain texts, which are serialized ten times as fast as members of an enumeration."""
    return cast("tuple[Threshold, ...]", tuple(map(str, thresholds)))


def _warnings(before: Ledger, after: Ledger) -> Iterator[Event]:
    yield from (_warning_raised(after, threshold) for threshold in after.warned if threshold not in before.warned)
    yield from (_warning_withdrawn(after, threshold) for threshold in before.warned if threshold not in after.warned)


def _warning_raised(ledger: Ledger, threshold: Threshold) -> CapWarningRaised:
    return CapWarningRaised(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        threshold=threshold,
        allowance=ledger.allowance,
        reported=ledger.reported,
    )


def _warning_withdrawn(ledger: Ledger, threshold: Threshold) -> CapWarningWithdrawn:
    return CapWarningWithdrawn(
        card_id=ledger.card_id,
        year=ledger.year,
        revision=ledger.revision,
        threshold=threshold,
        allowance=ledger.allowance,
        reported=ledger.reported,
    )


LEDGERS = Processor(
    name="ledgers",
    topics=(EARNINGS, BALANCE_JOBS),
    state=Ledger,
    address=address,
    decide=decide,
    indexes=("allowance_version",),
    cached=True,
    idempotent=frozenset({EarningsReported, EarningsCorrected, EarningsWithdrawn}),
    entry_maps=lambda ledger: (ledger.more,),
    entry_keys=entry_keys,
)
