"""The year of a card as the gateway shows it: id ``card_id:year``; totals, and the warnings at the thresholds.

Totals and warnings come from different topics, in either order.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from frikort_contracts.balance import (
    AnyCapWarning,
    BalanceChanged,
    CapWarningRaised,
    CapWarningWithdrawn,
    ReportSettled,
)
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.topics import BALANCES, CAP_WARNINGS
from pydantic import BaseModel

from services.runtime.processing.decision import Address, Decision, Processor


class Totals(BaseModel):
    """The card's totals of the year, in øre."""

    allowance: int
    provisional: bool
    reported: int
    exempt: int
    excess: int
    remaining: int


class Warning(BaseModel):  # noqa: A001 - the domain's word
    """A warning that was raised; ``withdrawn_at`` when a correction made it untrue."""

    threshold: str
    ledger_revision: int
    allowance: int
    reported: int
    raised_at: datetime
    withdrawn_at: datetime | None = None


class LedgerView(BaseModel):
    """A card's year. Revision 0: only a warning is known yet, and no totals are shown."""

    card_id: str
    year: int
    revision: int = 0
    totals: Totals | None = None
    warned: tuple[str, ...] = ()
    warnings: list[Warning] = []

    @property
    def is_whole(self) -> bool:
        """Whether the warnings that stand are those that the totals go with."""
        return {w.threshold for w in self.warnings if w.withdrawn_at is None} == set(self.warned)


def ledger_id(card_id: str, year: int) -> str:
    """The document of a card and year."""
    return f"{card_id}:{year}"


def _address(message: Envelope[BalanceChanged | ReportSettled | AnyCapWarning]) -> Address | None:
    event = message.data
    return None if isinstance(event, ReportSettled) else Address(ledger_id(event.card_id, event.year))


def decide(ledger: LedgerView | None, message: Envelope[BalanceChanged | AnyCapWarning]) -> Decision[LedgerView]:
    """The year after one event of either topic."""
    event = message.data
    if ledger is None:
        ledger = LedgerView(card_id=event.card_id, year=event.year)
    match event:
        case BalanceChanged():
            if event.revision <= ledger.revision:
                return Decision(ledger)
            totals = Totals(
                allowance=event.allowance,
                provisional=event.provisional,
                reported=event.reported,
                exempt=event.exempt,
                excess=event.excess,
                remaining=event.remaining,
            )
            return Decision(
                ledger.model_copy(update={"revision": event.revision, "totals": totals, "warned": event.warned})
            )
        case CapWarningRaised():
            raised = Warning(
                threshold=event.threshold,
                ledger_revision=event.revision,
                allowance=event.allowance,
                reported=event.reported,
                raised_at=message.time,
            )
            return Decision(ledger.model_copy(update={"warnings": [*ledger.warnings, raised]}))
        case CapWarningWithdrawn():
            warnings = [_withdrawn(w, event, message.time) for w in ledger.warnings]
            return Decision(ledger.model_copy(update={"warnings": warnings}))


def _withdrawn(warning: Warning, event: CapWarningWithdrawn, at: datetime) -> Warning:
    if warning.threshold != event.threshold or warning.withdrawn_at is not None:
        return warning
    return warning.model_copy(update={"withdrawn_at": at})


PROCESSOR: Final = Processor(
    name="ledgers",
    topics=(BALANCES, CAP_WARNINGS),
    state=LedgerView,
    address=_address,
    decide=decide,
    indexes=("card_id",),
)
