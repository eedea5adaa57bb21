"""Builders of earnings events, and a ledger to apply them to."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import uuid5

from frikort_contracts.balance import BalanceChanged, CapWarningRaised, CapWarningWithdrawn, ReportSettled, SettleYear
from frikort_contracts.messages import Event
from frikort_contracts.reporting import (
    CorrectionReason,
    EarningsCorrected,
    EarningsReported,
    EarningsWithdrawn,
    ReportEvent,
)
from frikort_contracts.values import Components, WorkPeriod

from services.balance.ledger import Ledger
from services.balance.processor import decide
from services.runtime.processing.decision import Decision
from tests.contracts.examples import SPACE, envelope, validated

CARD: Final = "card-1"
A, B = "10000009", "10000017"
DAY: Final = date(2025, 6, 2)


def reported(
    report_id: str,
    total: int,
    *,
    allowance: int = 1000,
    cvr: str = A,
    provisional: bool = False,
    year: int = 2025,
    version: str = "2025/2025-01-01",
) -> EarningsReported:
    return EarningsReported(
        card_id=CARD,
        employment_id=f"employment of {cvr}",
        report_id=report_id,
        revision=1,
        cvr=cvr,
        year=year,
        reference=f"ref {report_id}",
        work=WorkPeriod(first=DAY, last=DAY),
        payment_date=DAY,
        components=Components(wage=total),
        total=total,
        allowance=allowance,
        provisional=provisional,
        allowance_version=version,
    )


def corrected(
    report_id: str,
    total: int,
    *,
    revision: int = 2,
    allowance: int = 1000,
    cvr: str = A,
    provisional: bool = False,
    version: str = "2025/2025-01-01",
) -> EarningsCorrected:
    return EarningsCorrected(
        card_id=CARD,
        employment_id=f"employment of {cvr}",
        report_id=report_id,
        revision=revision,
        cvr=cvr,
        year=2025,
        reference=f"ref {report_id}",
        work=WorkPeriod(first=DAY, last=DAY),
        payment_date=DAY,
        components=Components(wage=total),
        total=total,
        allowance=allowance,
        provisional=provisional,
        allowance_version=version,
        reason=CorrectionReason.WRONG_AMOUNT,
    )


def withdrawn(report_id: str, *, revision: int = 2, cvr: str = A) -> EarningsWithdrawn:
    return EarningsWithdrawn(
        card_id=CARD,
        employment_id=f"employment of {cvr}",
        report_id=report_id,
        revision=revision,
        cvr=cvr,
        year=2025,
        reason=CorrectionReason.NOT_PAID,
    )


def settle(allowance: int, version: str, *, provisional: bool = False) -> SettleYear:
    """The message of a job: the year 2025 has this allowance."""
    return SettleYear(card_id=CARD, year=2025, allowance=allowance, provisional=provisional, allowance_version=version)


class LedgerHistory:
    """One ledger, and the messages applied to it in order."""

    def __init__(self) -> None:
        self.ledger: Ledger | None = None
        self._applied = 0

    def apply(self, *events: ReportEvent | SettleYear) -> tuple[Event, ...]:
        """Apply ``events``. Returns the events that the last one caused."""
        decision: Decision[Ledger] = Decision(self.ledger)
        for event in events:
            self._applied += 1
            decision = decide(self.ledger, envelope(event, str(uuid5(SPACE, str(self._applied)))))
            self.ledger = decision.state
        return tuple(map(validated, decision.events))


def splits(events: tuple[Event, ...]) -> list[tuple[str, int, int]]:
    """Report id, exempt and excess (øre) of every settled report, in order."""
    return [(e.report_id, e.exempt, e.excess) for e in events if isinstance(e, ReportSettled)]


def balance(events: tuple[Event, ...]) -> BalanceChanged:
    (event,) = [e for e in events if isinstance(e, BalanceChanged)]
    return event


def warnings(events: tuple[Event, ...]) -> list[str]:
    """``+near`` for a raised warning, ``-near`` for a withdrawn one, in order."""
    signs = {CapWarningRaised: "+", CapWarningWithdrawn: "-"}
    return [signs[type(e)] + e.threshold for e in events if isinstance(e, CapWarningRaised | CapWarningWithdrawn)]
