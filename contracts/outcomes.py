"""The answer to a command: exactly one outcome for each, keyed by the command's id."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from contracts.messages import Event
from contracts.values import Revision, Year


class Problem(StrEnum):
    """Why a command was refused. Stable: clients program against these (RFC 9457 ``type``)."""

    CARD_EXISTS = "card-exists"
    CARD_UNKNOWN = "card-unknown"
    CARD_ALREADY_ACTIVE = "card-already-active"
    CARD_ALREADY_DEACTIVATED = "card-already-deactivated"
    CARD_NUMBERS_SCARCE = "card-numbers-scarce"
    SAME_MUNICIPALITY = "same-municipality"
    CONTROL_NOT_DUE = "control-not-due"
    NUMBER_OR_BIRTH_DATE_WRONG = "number-or-birth-date-wrong"
    OWN_BUSINESS = "own-business"
    EMPLOYMENT_EXISTS = "employment-exists"
    EMPLOYMENT_UNKNOWN = "employment-unknown"
    EMPLOYMENT_HAS_REPORTS_OUTSIDE = "employment-has-reports-outside"
    CARD_NOT_ACTIVE = "card-not-active"
    WORK_OUTSIDE_EMPLOYMENT = "work-outside-employment"
    PAYMENT_IN_FUTURE = "payment-in-future"
    PAYMENT_BEFORE_WORK = "payment-before-work"
    AMOUNT_ZERO = "amount-zero"
    AMOUNT_ABSURD = "amount-absurd"
    YEAR_WITHOUT_ALLOWANCE = "year-without-allowance"
    YEAR_PROVISIONAL = "year-provisional"
    REFERENCE_REUSED = "reference-reused"
    POSSIBLE_DUPLICATE = "possible-duplicate"
    REPORT_UNKNOWN = "report-unknown"
    REPORT_WITHDRAWN = "report-withdrawn"
    PAYMENT_YEAR_CHANGED = "payment-year-changed"


class Outcome(Event):
    """What became of a command. The ids say what it concerned, so that a reader can wait for it to show."""

    command_id: str
    card_id: str | None = None
    employment_id: str | None = None
    report_id: str | None = None

    @property
    def key(self) -> str:
        return self.command_id


class CommandAccepted(Outcome):
    """The command was carried out (or, ``dry_run``, would have been).

    ``revision`` is that of the subject (card, employment or report) after the command. ``known`` says that the
    same report had been accepted before under another command: nothing new was booked.
    """

    type: ClassVar[str] = "dk.frikort.command.accepted.v1"

    revision: Revision | None = None
    year: Year | None = None
    known: bool = False
    dry_run: bool = False


class CommandRefused(Outcome):
    """The command changed nothing. ``detail`` holds the facts of the problem by name (dates, øre, ids)."""

    type: ClassVar[str] = "dk.frikort.command.refused.v1"

    problem: Problem
    detail: dict[str, str | int] = Field(default_factory=dict)


AnyOutcome = CommandAccepted | CommandRefused
