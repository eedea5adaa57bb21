"""Earnings reports, their splits and their disputes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from frikort_contracts.http.common import (
    NULL_IF_ERASED,
    WORK_EXAMPLE,
    Body,
    Day,
    Days,
    Part,
    Resource,
    Text,
    WorkBody,
    example,
)
from frikort_contracts.reporting import AnswerReason, CorrectionReason, DisputeDecision, DisputeReason
from frikort_contracts.rules import reading
from frikort_contracts.values import CitizenSide, Components, Reference, Revision


class ComponentsResource(Resource):
    """What was paid, in øre."""

    wage_ore: int
    holiday_pay_ore: int
    atp_ore: int
    pension_ore: int


class SplitResource(Resource):
    """How the allowance divides a report. exempt + excess = the report's total."""

    exempt_ore: int
    excess_ore: int
    at: datetime
    caused_by: str | None = Field(
        description="The report whose report, correction or withdrawal caused this split; "
        "for an employer null unless it is this report."
    )
    by_allowance: bool = Field(
        default=False, description="A change of the year's allowance caused this split, and no report."
    )


class DisputeAnswerResource(Resource):
    """The employer says that the disputed report is right."""

    reason: AnswerReason
    answered_at: datetime


class DisputeDecisionResource(Resource):
    """What the municipality decided. If the employer must correct the report, the dispute is open until then."""

    decision: DisputeDecision
    decided_at: datetime = Field(description="When the municipality decided.")


class DisputeResource(Resource):
    """The citizen's side says that the report is not right. It changes no amount."""

    reason: DisputeReason
    message: str | None
    raised_at: datetime
    raised_by: CitizenSide
    answer: DisputeAnswerResource | None
    decision: DisputeDecisionResource | None = None
    revision: int = Field(description="Counts what happened to the report's disputes.")


class ReportHistory(Resource):
    """One line of a report's history. Nothing is overwritten."""

    revision: int
    event: Literal[
        "reported", "corrected", "withdrawn", "disputed", "dispute-answered", "dispute-decided", "dispute-ended"
    ] = Field(description="What happened.")
    at: datetime
    work: Days | None
    payment_date: date | None
    components: ComponentsResource | None
    total_ore: int | None
    reason: str | None = Field(
        description="Why. For `dispute-answered`, why the employer says that the report is right. For "
        "`dispute-decided`, what the municipality decided. For `dispute-ended`, what ended the dispute: "
        "dispute-withdrawn (by the citizen's side), report-corrected or report-withdrawn (by the employer), or "
        "report-stands (by the municipality)."
    )
    message: str | None = Field(description="What was written with a dispute.")
    by: CitizenSide | None = Field(description="Who raised a dispute or took it back.")


class ReportResource(Resource):
    """A report as its employer sees it."""

    report_id: str
    employment_id: str
    reference: str | None = Field(description="The employer's own; null after the citizen's data were erased.")
    status: Literal["accepted", "withdrawn"] = Field(description="A withdrawn report no longer counts.")
    reported_at: datetime = Field(description="When the report was accepted.")
    withdrawn_at: datetime | None = Field(description="When the employer withdrew it; null while it counts.")
    year: int = Field(description="The year of the payment date.")
    work: Days
    payment_date: date
    components: ComponentsResource
    total_ore: int
    split: SplitResource | None = Field(description="Null for a moment, until the ledger has settled the report.")
    allowance_ore: int
    provisional: bool = Field(description="The year's allowance is not published yet.")
    remaining_ore: int | None = Field(
        description="At least so much is left of the card's allowance of the year: rounded down to full 1,000 kr. "
        "Null after the last day of the employment."
    )
    advice: list[str] = Field(description="What to do now, in plain words.")
    dispute: DisputeResource | None = Field(
        description="Null unless there is an open one. Correct or withdraw the report, or answer that it is right."
    )
    already_reported: bool = Field(
        default=False, description="The same report had been accepted before; nothing new was booked."
    )
    corrected_since: bool = Field(
        default=False, description="The report that was sent again was corrected since; this is what it says now."
    )
    revision: int


class ReportDetail(ReportResource):
    """A report with its history: what it said, and how it was split."""

    history: list[ReportHistory]
    splits: list[SplitResource]


class ReportPage(Resource):
    """A page of reports, by acceptance."""

    reports: list[ReportResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class DryRunResource(Resource):
    """What would happen if this were reported now. Nothing was booked.

    The split follows from what is left of the allowance in full 1,000 kr.; the report itself has the exact one.
    """

    dry_run: bool = Field(default=True, description="Always true: nothing was booked.")
    employment_id: str
    reference: str | None = Field(description="The employer's own; null after the citizen's data were erased.")
    year: int
    total_ore: int
    exempt_at_least_ore: int = Field(description="At least so much would be exempt; all of it if it is the total.")
    excess_at_most_ore: int = Field(description="At most so much would be ordinary wage.")
    allowance_ore: int
    provisional: bool
    remaining_before_ore: int | None = Field(
        description="At least so much is left of the allowance now: rounded down to full 1,000 kr. "
        "Null after the last day of the employment."
    )
    remaining_after_ore: int | None = Field(
        description="At least so much would be left afterwards: rounded down to full 1,000 kr. "
        "Null after the last day of the employment."
    )
    already_reported: bool = Field(
        description="The same report is booked already; the total and the split are those that it has now, exactly."
    )
    corrected_since: bool = Field(default=False, description="That report was corrected since it was sent like this.")
    advice: list[str]


class CardReportResource(Resource):
    """A report as the citizen and the municipality see it."""

    report_id: str
    employment_id: str
    cvr: str
    status: Literal["accepted", "withdrawn"] = Field(description="A withdrawn report no longer counts.")
    year: int
    work: Days
    payment_date: date
    components: ComponentsResource
    total_ore: int
    split: SplitResource | None
    provisional: bool
    dispute: DisputeResource | None
    stands_since: datetime | None = Field(
        default=None,
        description="When the municipality decided that the report stands. Until the report is corrected, only the "
        "municipality can raise another dispute. Null without such a decision.",
    )
    history: list[ReportHistory]


class CardReports(Resource):
    """The reports of a card, by acceptance."""

    reports: list[CardReportResource]


class DisputedReportResource(Resource):
    """A report in dispute of a card that the municipality is responsible for."""

    card_id: str
    card_number: str
    name: str | None = Field(description=f"The person's name; {NULL_IF_ERASED}.")
    report_id: str
    cvr: str
    payment_date: date
    total_ore: int
    dispute: DisputeResource


class DisputedReports(Resource):
    """A page of the municipality's open disputes, by acceptance of their reports."""

    disputes: list[DisputedReportResource] = Field(description="Those that the employer has answered, too.")
    next: str | None = Field(description="The cursor of the next page; null on the last.")


def _not_negative(ore: int) -> int:
    if ore < 0:
        raise ValueError(reading.NEGATIVE_AMOUNT)
    return ore


PaidOre = Annotated[
    int,
    Field(strict=True, lt=10**15, description="Amount in øre (1/100 krone).", json_schema_extra={"minimum": 0}),
    AfterValidator(_not_negative),
]


class ComponentsBody(Part):
    """What was paid, in øre (1/100 krone)."""

    wage_ore: PaidOre
    holiday_pay_ore: PaidOre = 0
    atp_ore: PaidOre = 0
    pension_ore: PaidOre = 0

    def value(self) -> Components:
        """As the contracts have it."""
        return Components(
            wage=self.wage_ore, holiday_pay=self.holiday_pay_ore, atp=self.atp_ore, pension=self.pension_ore
        )


COMPONENTS_EXAMPLE: Final = {"wage_ore": 750000, "holiday_pay_ore": 93750, "atp_ore": 9900, "pension_ore": 0}


AllowLargeAmount = Annotated[
    StrictBool,
    Field(description="Accept an amount of more than 100,000 kr.: without it, it is probably a typing error."),
]


class ReportContentBody(Body):
    """The content of a report, without the employment."""

    reference: Reference
    work: WorkBody
    payment_date: Day
    components: ComponentsBody
    allow_duplicate: StrictBool = Field(
        default=False, description="Accept it although it looks like an earlier report."
    )
    allow_large_amount: AllowLargeAmount = False


class ReportBody(ReportContentBody):
    """Report what was paid. ``reference`` is the employer's own and identifies this report permanently."""

    model_config = example(
        employment_id="6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
        reference="2025-03/4711",
        work=WORK_EXAMPLE,
        payment_date="2025-03-31",
        components=COMPONENTS_EXAMPLE,
        allow_duplicate=False,
    )

    employment_id: Annotated[str, StringConstraints(max_length=64)]


SeenRevision = Annotated[
    Revision | None,
    Field(
        description="The report's `revision` that you have seen: `report-changed` if it has another one. "
        "Without it, the one that the API shows now."
    ),
]


class CorrectionBody(Body):
    """What the report should have said; the payment year stays."""

    model_config = example(
        work=WORK_EXAMPLE, payment_date="2025-03-31", components=COMPONENTS_EXAMPLE, reason="wrong-amount"
    )

    work: WorkBody
    payment_date: Day
    components: ComponentsBody
    reason: CorrectionReason
    allow_large_amount: AllowLargeAmount = False
    revision: SeenRevision = None


class WithdrawalBody(Body):
    """Why the report is taken back."""

    model_config = example(reason="reported-twice")

    reason: CorrectionReason
    revision: SeenRevision = None


class DisputeBody(Body):
    """What is not right about the report. The employer and the municipality can read the message."""

    model_config = example(reason="wrong-amount", message="Jeg fik kun 5.000 kr. i marts.")

    reason: DisputeReason
    message: Text | None = None


class DisputeDecisionBody(Body):
    """What the municipality decides. The citizen and the employer can read it."""

    model_config = example(decision="employer-must-correct", dispute_revision=1)

    decision: DisputeDecision
    dispute_revision: Revision | None = Field(
        default=None,
        description="The dispute's `revision` that you have seen: `dispute-changed` if it has another one. "
        "Without it, the one that the API shows now.",
    )


class DisputeAnswerBody(Body):
    """Why the disputed report is right. The citizen and the municipality can read it."""

    model_config = example(reason="matches-payslip")

    reason: AnswerReason
