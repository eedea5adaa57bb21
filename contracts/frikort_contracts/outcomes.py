"""The answer to a command: exactly one outcome for each, keyed by the command's id."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from frikort_contracts.messages import Event
from frikort_contracts.values import Revision, Year


class Problem(StrEnum):
    """Why a command was refused. Stable: clients program against these (RFC 9457 ``type``)."""

    CARD_EXISTS = "card-exists"
    CARD_UNKNOWN = "card-unknown"
    CARD_ALREADY_ACTIVE = "card-already-active"
    CARD_ALREADY_DEACTIVATED = "card-already-deactivated"
    CARD_NUMBERS_EXHAUSTED = "card-numbers-exhausted"
    SAME_MUNICIPALITY = "same-municipality"
    CONTROL_NOT_DUE = "control-not-due"
    MANDATE_UNKNOWN = "mandate-unknown"
    MANDATE_ENDED = "mandate-ended"
    MANDATE_TO_SELF = "mandate-to-self"
    MANDATE_DATE_OUT_OF_RANGE = "mandate-date-out-of-range"
    TOO_MANY_MANDATES = "too-many-mandates"
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
    AMOUNT_TOO_LARGE = "amount-too-large"
    AMOUNT_UNUSUAL = "amount-unusual"
    YEAR_WITHOUT_ALLOWANCE = "year-without-allowance"
    YEAR_PROVISIONAL = "year-provisional"
    YEAR_CLOSED = "year-closed"
    REFERENCE_REUSED = "reference-reused"
    POSSIBLE_DUPLICATE = "possible-duplicate"
    TOO_MANY_REPORTS = "too-many-reports"
    REPORT_UNKNOWN = "report-unknown"
    REPORT_WITHDRAWN = "report-withdrawn"
    REPORT_CHANGED = "report-changed"
    PAYMENT_YEAR_CHANGED = "payment-year-changed"
    REPORT_ALREADY_DISPUTED = "report-already-disputed"
    REPORT_NOT_DISPUTED = "report-not-disputed"
    DISPUTE_DECIDED = "dispute-decided"
    DISPUTE_CHANGED = "dispute-changed"


class Outcome(Event):
    """The outcome of a command. The ids name what it concerned, so that a reader can wait until that is visible."""

    key_field: ClassVar[str] = "command_id"

    command_id: str
    card_id: str | None = None
    employment_id: str | None = None
    report_id: str | None = None


class CommandAccepted(Outcome):
    """The command was carried out (or, ``dry_run``, would have been).

    ``revision`` is the revision of the subject (card, employment or report) after the command. ``dispute_revision`` is
    the revision of the report's disputes, if it ever had one. ``mandate_id`` is the mandate that the command concerned.
    ``already_reported`` is true if an earlier command had the same report accepted; nothing new was booked.
    ``corrected_since``: that report was corrected since, and says something else now.
    """

    type: ClassVar[str] = "dk.frikort.command.accepted.v1"

    mandate_id: str | None = None
    revision: Revision | None = None
    dispute_revision: Revision | None = None
    year: Year | None = None
    already_reported: bool = False
    corrected_since: bool = False
    dry_run: bool = False


class CommandRefused(Outcome):
    """The command changed nothing. ``detail`` holds the facts of the problem by name (dates, øre, ids).

    The list of problems is open: a newer service may name one that a reader does not know yet.
    """

    type: ClassVar[str] = "dk.frikort.command.refused.v1"

    problem: Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=64)] = Field(
        description="Why; what each means is told at /problems/<problem> of the API."
    )
    detail: dict[str, str | int] = Field(default_factory=dict)


AnyOutcome = CommandAccepted | CommandRefused
