"""Commands to reporting and the earnings events it publishes (lov om socialt frikort, § 6)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field, model_validator

from frikort_contracts.messages import CardCommand, CardKeyedEvent
from frikort_contracts.references import ClearReference, EncryptedReference, ReportId, check_one_form
from frikort_contracts.values import (
    Actor,
    CardNumber,
    Ciphertext,
    CitizenSide,
    Components,
    Cvr,
    KeyedHash,
    Ore,
    Period,
    Reference,
    Revision,
    WorkPeriod,
    Year,
)


class CorrectionReason(StrEnum):
    """Why a report is corrected or withdrawn. A closed list: free text would gather personal data."""

    WRONG_AMOUNT = "wrong-amount"
    WRONG_PERIOD = "wrong-period"
    WRONG_CARD = "wrong-card"
    NOT_PAID = "not-paid"
    REPORTED_TWICE = "reported-twice"
    OTHER = "other"


class DisputeReason(StrEnum):
    """What is not right about a report, as the citizen's side says."""

    NOT_MY_WORK = "not-my-work"
    WRONG_AMOUNT = "wrong-amount"
    WRONG_DATES = "wrong-dates"
    NOT_PAID = "not-paid"
    OTHER = "other"


class AnswerReason(StrEnum):
    """Why a disputed report is right, as its employer answers. A closed list: free text would gather personal data."""

    MATCHES_PAYSLIP = "matches-payslip"
    MATCHES_WORK_RECORDS = "matches-work-records"
    WAGE_PAID = "wage-paid"
    WORKED_HERE = "worked-here"
    OTHER = "other"


class DisputeDecision(StrEnum):
    """What the municipality decides about a disputed report."""

    REPORT_STANDS = "report-stands"
    EMPLOYER_MUST_CORRECT = "employer-must-correct"


class DisputeEnd(StrEnum):
    """What ended a dispute.

    The citizen's side withdrew it, the employer corrected or withdrew the report, or the municipality decided that the
    report stands.
    """

    DISPUTE_WITHDRAWN = "dispute-withdrawn"
    REPORT_CORRECTED = "report-corrected"
    REPORT_WITHDRAWN = "report-withdrawn"
    REPORT_STANDS = "report-stands"


class EmployerCommand(CardCommand):
    """A command by the employer ``cvr`` about one card."""

    cvr: Cvr
    actor: Actor


class RegisterEmployment(EmployerCommand):
    """Register that the citizen works for the employer.

    ``card_revision`` is the card revision that the gateway had seen: reporting waits for it, so that a card
    issued a moment ago is never unknown. ``owners`` are the CPR hashes of the owners that the access token names.
    """

    type: ClassVar[str] = "dk.frikort.employment.register.v1"

    card_revision: Revision
    number: CardNumber
    birth_check: KeyedHash
    owners: tuple[KeyedHash, ...] = ()
    period: Period
    contact: Ciphertext = Field(description="The contact person, encrypted; associated data is the CVR number.")
    label: Ciphertext | None = Field(default=None, description="The employer's own name for the employment, encrypted.")


class EmploymentCommand(EmployerCommand):
    """A command about an employment that exists."""

    employment_id: str


class ChangeEmployment(EmploymentCommand):
    """Replace the period, contact and label of an employment; ending it is giving its period a last day."""

    type: ClassVar[str] = "dk.frikort.employment.change.v1"

    period: Period
    contact: Ciphertext | None = Field(default=None, description="None keeps the contact as it is.")
    label: Ciphertext | None = Field(default=None, description='None keeps the label; an encrypted "" removes it.')


class DeclareNoWork(EmploymentCommand):
    """Declare that the citizen did not work on these days, so that no report is expected for them."""

    type: ClassVar[str] = "dk.frikort.employment.declare-no-work.v1"

    days: WorkPeriod


class EarningsCommand(EmploymentCommand):
    """A command about earnings of an employment. ``owners`` are as in ``RegisterEmployment``.

    ``allow_large_amount`` accepts an amount that is so large that it is probably a typing error.
    """

    card_revision: Revision
    owners: tuple[KeyedHash, ...] = ()
    allow_large_amount: bool = False


class ReportEarnings(EarningsCommand):
    """Report what was paid. The employer's own reference is a permanent business key.

    It is in the clear, or encrypted for the report; then ``report_id`` is the key (``report_id_of``).
    ``allow_duplicate`` accepts a report that looks like an earlier one; ``dry_run`` answers without booking.
    """

    type: ClassVar[str] = "dk.frikort.earnings.report.v1"

    reference: ClearReference = None
    report_id: ReportId = None
    reference_ciphertext: EncryptedReference = None
    work: WorkPeriod
    payment_date: date
    components: Components
    allow_duplicate: bool = False
    dry_run: bool = False

    @model_validator(mode="after")
    def _has_one_reference(self) -> ReportEarnings:
        check_one_form(self.reference, self.report_id, self.reference_ciphertext)
        return self


class CorrectReport(EarningsCommand):
    """Replace an accepted report by new amounts or dates. The payment year stays.

    ``report_revision`` is the revision that the employer has seen; another one is a conflict. None: whichever it is.
    """

    type: ClassVar[str] = "dk.frikort.earnings.correct.v1"

    report_id: str
    report_revision: Revision | None = None
    work: WorkPeriod
    payment_date: date
    components: Components
    reason: CorrectionReason


class WithdrawReport(EmploymentCommand):
    """Withdraw an accepted report. ``report_revision`` is as in ``CorrectReport``."""

    type: ClassVar[str] = "dk.frikort.earnings.withdraw.v1"

    report_id: str
    report_revision: Revision | None = None
    reason: CorrectionReason


class AnswerDispute(EmploymentCommand):
    """Answer the open dispute of a report: the report is right. The dispute stays open; no amount changes.

    A later answer replaces an earlier one.
    """

    type: ClassVar[str] = "dk.frikort.report.answer-dispute.v1"

    report_id: str
    reason: AnswerReason


class DisputeCommand(CardCommand):
    """A command about a report by the citizen's side; ``side`` is the role in which ``actor`` acts."""

    employment_id: str
    report_id: str
    side: CitizenSide
    actor: Actor


class DisputeReport(DisputeCommand):
    """State that a report is not right. Everyone who can see the report sees it; no amount changes."""

    type: ClassVar[str] = "dk.frikort.report.dispute.v1"

    reason: DisputeReason
    message: Ciphertext | None = Field(default=None, description="A text, encrypted; associated data names the report.")


class WithdrawDispute(DisputeCommand):
    """Withdraw the dispute of a report, whichever person on the citizen's side raised it."""

    type: ClassVar[str] = "dk.frikort.report.withdraw-dispute.v1"


class DecideDispute(DisputeCommand):
    """Decide the open dispute of a report for the municipality.

    If the report stands, the dispute ends; otherwise it stays open until the employer corrects or withdraws the report.
    ``dispute_revision`` is the revision of the report's disputes that the municipality has seen; another one is a
    conflict. None: whichever it is.
    """

    type: ClassVar[str] = "dk.frikort.report.decide-dispute.v1"

    dispute_revision: Revision | None = None
    decision: DisputeDecision


class EmploymentEvent(CardKeyedEvent):
    """The whole employment after the event; ``revision`` is gapless for each employment, from 1.

    ``card_number`` is the card's number as the employer typed it at registration: it is not
    updated when the number is replaced. ``no_work`` are the days declared without work, in order, none twice.
    """

    employment_id: str
    revision: Revision
    cvr: Cvr
    period: Period
    contact: Ciphertext
    card_number: CardNumber | None = None
    label: Ciphertext | None = None
    no_work: tuple[WorkPeriod, ...] = ()


class EmploymentRegistered(EmploymentEvent):
    """An employer registered that it employs the citizen."""

    type: ClassVar[str] = "dk.frikort.employment.registered.v1"


class EmploymentChanged(EmploymentEvent):
    """The period, contact or label of an employment changed."""

    type: ClassVar[str] = "dk.frikort.employment.changed.v1"


class NoWorkDeclared(EmploymentEvent):
    """An employer declared that nothing was worked on ``days``."""

    type: ClassVar[str] = "dk.frikort.employment.no-work-declared.v1"

    days: WorkPeriod


class ReportEvent(CardKeyedEvent):
    """Something about one report; ``revision`` is gapless for each report, from 1.

    ``year`` is the year of the payment date (the cash principle of tax law).
    """

    employment_id: str
    report_id: str
    revision: Revision
    cvr: Cvr
    year: Year


class ReportContent(ReportEvent):
    """The whole report after the event, with the amounts that were in force when it was accepted.

    The ledger uses them for the first report of a year. Later amounts reach it by ``SettleYear``. The employer's
    reference is in the clear, or encrypted for the report.
    """

    reference: Reference | None = None
    reference_ciphertext: Ciphertext | None = None
    work: WorkPeriod
    payment_date: date
    components: Components
    total: Ore
    allowance: Ore
    provisional: bool
    allowance_version: str


class EarningsReported(ReportContent):
    """An employer's report was accepted."""

    type: ClassVar[str] = "dk.frikort.earnings.reported.v1"


class EarningsCorrected(ReportContent):
    """An accepted report was replaced; it keeps its place in the order."""

    type: ClassVar[str] = "dk.frikort.earnings.corrected.v1"

    reason: CorrectionReason


class EarningsWithdrawn(ReportEvent):
    """An accepted report was withdrawn; it no longer counts."""

    type: ClassVar[str] = "dk.frikort.earnings.withdrawn.v1"

    reason: CorrectionReason


class DisputeEvent(CardKeyedEvent):
    """A change to the dispute of one report, whose revision is ``report_revision``.

    ``revision`` counts the events about the report's disputes, from 1 without a gap, apart from the report's revision.
    A report has at most one dispute at a time. ``is_open`` is whether it has one after an event of this type.
    """

    is_open: ClassVar[bool]

    employment_id: str
    report_id: str
    revision: Revision
    report_revision: Revision
    cvr: Cvr
    year: Year
    actor: Actor


class ReportDisputed(DisputeEvent):
    """The citizen's side says that the report is not right."""

    type: ClassVar[str] = "dk.frikort.report.disputed.v1"
    is_open: ClassVar[bool] = True

    reason: DisputeReason
    message: Ciphertext | None = None
    side: CitizenSide


class DisputeAnswered(DisputeEvent):
    """The employer says that the disputed report is right. The latest answer counts; the dispute stays open."""

    type: ClassVar[str] = "dk.frikort.report.dispute-answered.v1"
    is_open: ClassVar[bool] = True

    reason: AnswerReason


class DisputeDecided(DisputeEvent):
    """The municipality decided. If the report stands, ``DisputeEnded`` follows; otherwise the dispute stays open."""

    type: ClassVar[str] = "dk.frikort.report.dispute-decided.v1"
    is_open: ClassVar[bool] = True

    decision: DisputeDecision


class DisputeEnded(DisputeEvent):
    """The dispute is over; ``side`` is the role that withdrew it, None if something else ended it."""

    type: ClassVar[str] = "dk.frikort.report.dispute-ended.v1"
    is_open: ClassVar[bool] = False

    cause: DisputeEnd
    side: CitizenSide | None = None


AnyEarningsEvent = (
    EmploymentRegistered
    | EmploymentChanged
    | NoWorkDeclared
    | EarningsReported
    | EarningsCorrected
    | EarningsWithdrawn
    | ReportDisputed
    | DisputeAnswered
    | DisputeDecided
    | DisputeEnded
)
