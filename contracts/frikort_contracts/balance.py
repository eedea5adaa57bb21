"""Messages of balance: the split of each report, the totals of a card's year, cap warnings, and its job."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from frikort_contracts.messages import CardCommand, CardKeyedEvent
from frikort_contracts.values import Cvr, Ore, Revision, Year


class Threshold(StrEnum):
    """The three points of a year at which a warning is raised."""

    NEAR = "near"  # 80 % of the allowance is used
    REACHED = "reached"  # all of it is used
    EXCEEDED = "exceeded"  # the first øre above it


class SettleYear(CardCommand):
    """Divide all reports of a card's year by amounts that have taken effect.

    Sent by a job of balance, once for each ledger of the year.
    """

    type: ClassVar[str] = "dk.frikort.ledger.settle-year.v1"

    year: Year
    allowance: Ore
    provisional: bool
    allowance_version: str


class LedgerEvent(CardKeyedEvent):
    """Something in the ledger of one card and year; ``revision`` counts the ledger's changes, from 1."""

    year: Year
    revision: Revision


class ReportSettled(LedgerEvent):
    """The split of one report, in øre: new, or changed by another report or by the year's allowance (``caused_by``).

    exempt + excess = total. A withdrawn report settles at zero.
    """

    type: ClassVar[str] = "dk.frikort.report.settled.v1"

    report_id: str
    report_revision: Revision
    employment_id: str
    cvr: Cvr
    total: Ore
    exempt: Ore
    excess: Ore
    caused_by: str | None = Field(
        description="Id of the report whose report, correction or withdrawal caused this; "
        "null if it was a change of the year's allowance."
    )


class BalanceChanged(LedgerEvent):
    """The card's totals of the year, in øre. exempt + excess = reported; exempt + remaining = allowance."""

    type: ClassVar[str] = "dk.frikort.balance.changed.v1"

    allowance: Ore
    provisional: bool
    reported: Ore
    exempt: Ore
    excess: Ore
    remaining: Ore
    warned: tuple[Threshold, ...] = Field(default=(), description="The warnings that stand, after this change.")


class CapWarningRaised(LedgerEvent):
    """The card's year crossed a threshold upwards; once per card, year and threshold until withdrawn."""

    type: ClassVar[str] = "dk.frikort.cap-warning.raised.v1"

    threshold: Threshold
    allowance: Ore
    reported: Ore


class CapWarningWithdrawn(LedgerEvent):
    """A correction or withdrawal made a raised warning untrue."""

    type: ClassVar[str] = "dk.frikort.cap-warning.withdrawn.v1"

    threshold: Threshold
    allowance: Ore
    reported: Ore


AnyBalanceEvent = ReportSettled | BalanceChanged
AnyCapWarning = CapWarningRaised | CapWarningWithdrawn
