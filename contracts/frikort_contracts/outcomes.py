"""The answer to a command: exactly one outcome for each, keyed by the command's id."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from frikort_contracts.messages import Event
from frikort_contracts.values import Revision, Year


class Problem(StrEnum):
    """Why a command was refused. Stable: clients program against these (RFC 9457 ``type``)."""

    CARD_EXISTS = "card-exists"
    CARD_UNKNOWN = "card-unknown"
    CARD_ALREADY_ACTIVE = "card-already-active"
    CARD_ALREADY_DEACTIVATED = "card-already-deactivated"
    CARD_NUMBERS_SCARCE = "card-numbers-scarce"
    SAME_MUNICIPALITY = "same-municipality"
    CONTROL_NOT_DUE = "control-not-due"
    MANDATE_UNKNOWN = "mandate-unknown"
    MANDATE_OVER = "mandate-over"
    MANDATE_TO_ONESELF = "mandate-to-oneself"
    MANDATE_DAY_OUTSIDE = "mandate-day-outside"
    MANDATES_TOO_MANY = "mandates-too-many"
    NUMBER_OR_BIRTH_DATE_WRONG = "number-or-birth-date-wrong"
    OWN_BUSINESS = "own-business"
    EMPLOYMENT_EXISTS = "employment-exists"
    EMPLOYMENT_UNKNOWN = "employment-unknown"
    EMPLOYMENT_HAS_REPORTS_OUTSIDE = "employment-has-reports-outside"
    NO_WORK_OUTSIDE_EMPLOYMENT = "no-work-outside-employment"
    NO_WORK_IN_FUTURE = "no-work-in-future"
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
    REPORT_ALREADY_DISPUTED = "report-already-disputed"
    REPORT_NOT_DISPUTED = "report-not-disputed"


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

    ``revision`` is that of the subject (card, employment or report) after the command, ``dispute_revision`` that of
    the report's disputes, if it ever had one. ``mandate_id`` names the mandate of a card that the command was about.
    ``known`` says that the same report had been accepted before under another command: nothing new was booked.
    """

    type: ClassVar[str] = "dk.frikort.command.accepted.v1"

    mandate_id: str | None = None
    revision: Revision | None = None
    dispute_revision: Revision | None = None
    year: Year | None = None
    known: bool = False
    dry_run: bool = False


class CommandRefused(Outcome):
    """The command changed nothing. ``detail`` holds the facts of the problem by name (dates, øre, ids).

    The list of problems is open: a newer service may name one that a reader does not know yet.
    """

    type: ClassVar[str] = "dk.frikort.command.refused.v2"

    problem: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=64)] = Field(
        description="Why; what each means is told at /problems/<problem> of the API."
    )
    detail: dict[str, str | int] = Field(default_factory=dict)


class CommandRefusedV1(Outcome):
    """A refusal as it was told while its list of problems was closed. Still read, no longer written."""

    type: ClassVar[str] = "dk.frikort.command.refused.v1"

    problem: Literal[
        "card-exists",
        "card-unknown",
        "card-already-active",
        "card-already-deactivated",
        "card-numbers-scarce",
        "same-municipality",
        "control-not-due",
        "number-or-birth-date-wrong",
        "own-business",
        "employment-exists",
        "employment-unknown",
        "employment-has-reports-outside",
        "card-not-active",
        "work-outside-employment",
        "payment-in-future",
        "payment-before-work",
        "amount-zero",
        "amount-absurd",
        "year-without-allowance",
        "year-provisional",
        "reference-reused",
        "possible-duplicate",
        "report-unknown",
        "report-withdrawn",
        "payment-year-changed",
    ]
    detail: dict[str, str | int] = Field(default_factory=dict)


AnyOutcome = CommandAccepted | CommandRefused | CommandRefusedV1
