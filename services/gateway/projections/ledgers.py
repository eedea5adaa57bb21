"""The year of a card as the gateway shows it: id ``card_id:year``; totals, and the warnings at the thresholds.

Totals and warnings come from different topics, in either order. Each has its own revision guard: the totals that of the
ledger, the warnings one for each threshold.
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

from services.runtime.processing.projection import Projection


class TotalsView(BaseModel):
    """The card's totals of the year, in øre."""

    allowance: int
    provisional: bool
    reported: int
    exempt: int
    excess: int
    remaining: int


class WarningView(BaseModel):
    """A warning. ``withdrawn_at`` is set when a correction takes the amount below the threshold again."""

    threshold: str
    ledger_revision: int
    allowance: int
    reported: int
    raised_at: datetime
    withdrawn_at: datetime | None = None


class LedgerView(BaseModel):
    """The year of a card. Revision 0: only a warning is known yet, and no totals are shown.

    ``warning_revisions`` is the ledger revision of the last warning event of each threshold.
    """

    card_id: str
    year: int
    revision: int = 0
    totals: TotalsView | None = None
    warned: tuple[str, ...] = ()
    warnings: list[WarningView] = []
    warning_revisions: dict[str, int] = {}

    @property
    def is_consistent(self) -> bool:
        """Whether the warnings in force match the totals: the two come from different topics."""
        return {w.threshold for w in self.warnings if w.withdrawn_at is None} == set(self.warned)


def ledger_id(card_id: str, year: int) -> str:
    """The document of a card and year."""
    return f"{card_id}:{year}"


def _document_id(message: Envelope[BalanceChanged | ReportSettled | AnyCapWarning]) -> str | None:
    event = message.data
    return None if isinstance(event, ReportSettled) else ledger_id(event.card_id, event.year)


def project(ledger: LedgerView | None, message: Envelope[BalanceChanged | AnyCapWarning]) -> LedgerView:
    """The year after one event of either topic."""
    event = message.data
    if ledger is None:
        ledger = LedgerView(card_id=event.card_id, year=event.year)
    if isinstance(event, BalanceChanged):
        return _totalled(ledger, event)
    return _warned(ledger, event, message.time)


def _totalled(ledger: LedgerView, event: BalanceChanged) -> LedgerView:
    if event.revision <= ledger.revision:
        return ledger
    totals = TotalsView(
        allowance=event.allowance,
        provisional=event.provisional,
        reported=event.reported,
        exempt=event.exempt,
        excess=event.excess,
        remaining=event.remaining,
    )
    return ledger.model_copy(update={"revision": event.revision, "totals": totals, "warned": event.warned})


def _warned(ledger: LedgerView, event: AnyCapWarning, at: datetime) -> LedgerView:
    if event.revision <= ledger.warning_revisions.get(event.threshold, 0):
        return ledger
    if isinstance(event, CapWarningRaised):
        raised = WarningView(
            threshold=event.threshold,
            ledger_revision=event.revision,
            allowance=event.allowance,
            reported=event.reported,
            raised_at=at,
        )
        warnings = [*ledger.warnings, raised]
    else:
        warnings = [_withdrawn(warning, event, at) for warning in ledger.warnings]
    revisions = {**ledger.warning_revisions, event.threshold: event.revision}
    return ledger.model_copy(update={"warnings": warnings, "warning_revisions": revisions})


def _withdrawn(warning: WarningView, event: CapWarningWithdrawn, at: datetime) -> WarningView:
    if warning.threshold != event.threshold or warning.withdrawn_at is not None:
        return warning
    return warning.model_copy(update={"withdrawn_at": at})


PROJECTION: Final = Projection(
    name="ledgers",
    topics=(BALANCES, CAP_WARNINGS),
    state=LedgerView,
    document_id=_document_id,
    project=project,
    consumes=BalanceChanged | AnyCapWarning,
    cached=True,
    indexes=("card_id",),
)
