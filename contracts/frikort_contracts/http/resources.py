"""What the API answers with. Amounts are whole øre and their names end in ``_ore``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from frikort_contracts.issuance import MandateScope
from frikort_contracts.reporting import DisputeReason
from frikort_contracts.values import CitizenSide


class Resource(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(extra="forbid")


class Days(Resource):
    """Days from first to last, both included; no last day while it is open."""

    first: date
    last: date | None = None


class Municipality(Resource):
    """One of the 98 municipalities."""

    code: str
    name: str


class CardHistory(Resource):
    """One line of a card's history."""

    revision: int
    event: str
    at: datetime
    municipality: Municipality
    by: str = Field(description="Who acted, as an opaque id.")
    case_reference: str | None


class MandateResource(Resource):
    """Who else may see the card: only see it, or also talk to employers about it."""

    mandate_id: str
    name: str = Field(description="Whom it was given to.")
    scope: MandateScope
    until: date = Field(description="Its last day.")
    status: Literal["in-force", "over", "withdrawn"]
    granted_at: datetime
    granted_by: CitizenSide
    withdrawn_at: datetime | None


class Mandates(Resource):
    """The mandates of a card, in the order in which they were given; also those that are over."""

    mandates: list[MandateResource]


class RepresentedResource(Resource):
    """A card that the caller has a mandate of."""

    mandate_id: str
    name: str = Field(description="The citizen whose card it is.")
    scope: MandateScope
    until: date


class Represented(Resource):
    """The cards that the caller may see today."""

    represented: list[RepresentedResource]


class ControlResource(Resource):
    """The last control."""

    year: int
    result: str
    at: datetime


class CardResource(Resource):
    """A card as the responsible municipality sees it."""

    card_id: str
    number: str
    cpr: str
    name: str
    municipality: Municipality
    status: Literal["active", "deactivated"]
    active_periods: list[Days]
    control_due: int = Field(description="The year by whose end the next control is due.")
    last_control: ControlResource | None
    revision: int
    history: list[CardHistory]


class OwnCardResource(Resource):
    """A card as its citizen sees it."""

    number: str
    name: str
    municipality: Municipality
    status: Literal["active", "deactivated"]
    active_periods: list[Days]


class HandedOverResource(Resource):
    """The card was handed over; it can no longer be seen here."""

    card_id: str
    handed_over_to: Municipality


class ControlDueResource(Resource):
    """A card due for control."""

    card_id: str
    number: str
    name: str
    control_due: int
    last_control: ControlResource | None


class ControlsDue(Resource):
    """The municipality's active cards whose control is due by the end of the year."""

    year: int
    cards: list[ControlDueResource]


class WarningResource(Resource):
    """A threshold of the allowance: near (80 %), reached (100 %), exceeded (the first øre above)."""

    year: int
    threshold: str
    allowance_ore: int
    reported_ore: int
    raised_at: datetime
    withdrawn_at: datetime | None = Field(description="When a correction made the warning untrue.")


class Warnings(Resource):
    """Warnings, newest year first."""

    warnings: list[WarningResource]


class BalanceResource(Resource):
    """A card's year. exempt + excess = reported; exempt + remaining = allowance."""

    year: int
    allowance_ore: int
    provisional: bool = Field(description="The year's allowance is not published yet.")
    reported_ore: int
    exempt_ore: int
    excess_ore: int
    remaining_ore: int
    warnings: list[WarningResource]


class Balances(Resource):
    """Balances, newest year first. The present year is there even when nothing is reported yet."""

    balances: list[BalanceResource]


class ContactResource(Resource):
    """The employer's contact person."""

    name: str
    email: str
    phone: str


class EmploymentResource(Resource):
    """An employment as its employer sees it."""

    employment_id: str
    period: Days
    contact: ContactResource
    card_number: str | None = Field(
        description="As typed at registration, also when the card has a new number; null for the oldest employments."
    )
    label: str | None = Field(description="The employer's own name for it.")
    no_work: list[Days] = Field(description="The days declared without work.")
    registered_at: datetime
    revision: int


class EmploymentPage(Resource):
    """A page of employments, by registration."""

    employments: list[EmploymentResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class CardEmploymentResource(Resource):
    """An employment as the citizen and the municipality see it."""

    employment_id: str
    cvr: str
    period: Days
    registered_at: datetime
    contact: ContactResource | None = Field(description="Only for the municipality.")


class CardEmployments(Resource):
    """The employments of a card."""

    employments: list[CardEmploymentResource]


class AllowanceLeft(Resource):
    """What is left of a card's allowance; nothing about other employers."""

    employment_id: str
    year: int
    allowance_ore: int
    provisional: bool
    remaining_ore: int


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


class DisputeResource(Resource):
    """The citizen's side says that the report is not right. It changes no amount."""

    reason: DisputeReason
    message: str | None
    raised_at: datetime
    raised_by: CitizenSide


class ReportHistory(Resource):
    """One line of a report's history. Nothing is overwritten."""

    revision: int
    event: Literal["reported", "corrected", "withdrawn", "disputed", "dispute-ended"]
    at: datetime
    work: Days | None
    payment_date: date | None
    components: ComponentsResource | None
    total_ore: int | None
    reason: str | None = Field(
        description="Why; of a dispute's end what ended it: taken-back, or the employer's answer: corrected, withdrawn."
    )
    message: str | None = Field(description="What was written with a dispute.")
    by: CitizenSide | None = Field(description="Who raised a dispute or took it back.")


class ReportResource(Resource):
    """A report as its employer sees it."""

    report_id: str
    employment_id: str
    reference: str
    status: Literal["accepted", "withdrawn"]
    year: int = Field(description="The year of the payment date.")
    work: Days
    payment_date: date
    components: ComponentsResource
    total_ore: int
    split: SplitResource | None = Field(description="Null for a moment, until the ledger has settled the report.")
    allowance_ore: int
    provisional: bool = Field(description="The year's allowance is not published yet.")
    remaining_ore: int | None = Field(description="What is left of the card's allowance of the year.")
    advice: list[str] = Field(description="What to do now, in plain words.")
    dispute: DisputeResource | None = Field(description="Null unless one stands. Correct the report, or withdraw it.")
    known: bool = Field(default=False, description="The same report had been accepted before; nothing new was booked.")
    revision: int


class ReportDetail(ReportResource):
    """A report with its history: what it said, and how it was split."""

    history: list[ReportHistory]
    splits: list[SplitResource]


class ReportPage(Resource):
    """A page of reports, by acceptance."""

    reports: list[ReportResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class ReminderAnswer(Resource):
    """An answer to a reminder's question: POST /v1/reports, or POST /v1/employments/{employment_id}/no-work."""

    answer: Literal["report", "no-work"]
    text: str


class ReminderResource(Resource):
    """A reminder to an employer, which accuses nobody.

    ``no-report-lately``: a question about ``days``, with its two answers. ``allowance-low``: before the next expected
    ``pay_day`` less is left of the card's allowance than is usually paid.
    """

    kind: Literal["no-report-lately", "allowance-low"]
    employment_id: str
    card_number: str | None
    label: str | None
    text: str = Field(description="In plain words.")
    days: Days | None = None
    answers: list[ReminderAnswer] = []
    pay_day: date | None = None
    remaining_ore: int | None = None
    usual_ore: int | None = None


class Reminders(Resource):
    """The reminders of a page of employments, by registration."""

    reminders: list[ReminderResource]
    next: str | None = Field(description="The cursor of the next page of employments; null on the last.")


class DryRunResource(Resource):
    """What would happen if this were reported now. Nothing was booked."""

    dry_run: Literal[True] = True
    employment_id: str
    reference: str
    year: int
    total_ore: int
    exempt_ore: int
    excess_ore: int
    allowance_ore: int
    provisional: bool
    remaining_before_ore: int
    remaining_after_ore: int
    known: bool = Field(description="The same report is booked already; the split is the one it has.")
    advice: list[str]


class CardReportResource(Resource):
    """A report as the citizen and the municipality see it."""

    report_id: str
    employment_id: str
    cvr: str
    status: Literal["accepted", "withdrawn"]
    year: int
    work: Days
    payment_date: date
    components: ComponentsResource
    total_ore: int
    split: SplitResource | None
    provisional: bool
    dispute: DisputeResource | None
    history: list[ReportHistory]


class CardReports(Resource):
    """The reports of a card, by acceptance."""

    reports: list[CardReportResource]


class BatchCounts(Resource):
    """How far a payroll file has come. accepted + known + refused + waiting + errors = lines."""

    lines: int = Field(description="Lines that are not empty.")
    errors: int = Field(description="Lines that cannot be booked as they are.")
    accepted: int
    known: int = Field(description="Accepted before, in another file or by itself; nothing new was booked.")
    refused: int
    waiting: int = Field(description="Lines without errors that have no outcome yet.")


class BatchResource(Resource):
    """A payroll file. ``held``: it is checked, and nothing is booked."""

    batch_id: str
    status: Literal["held", "booking", "done", "cancelled"]
    created_at: datetime
    expires_at: datetime | None = Field(description="When a held file is cancelled by itself; null otherwise.")
    finished_at: datetime | None
    counts: BatchCounts
    total_ore: int = Field(description="What the lines without errors report.")
    exempt_ore: int = Field(description="Of what is accepted or known, as it was split when it was booked.")
    excess_ore: int = Field(description="Of what is accepted or known, as it was split when it was booked.")


class BatchPage(Resource):
    """A page of payroll files, newest first."""

    batches: list[BatchResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class LineSplitResource(Resource):
    """How a line was split when it was booked; the report itself says how it is split now."""

    exempt_ore: int
    excess_ore: int


class LineProblem(Resource):
    """Why a line was refused, and what to do."""

    type: str
    title: str
    detail: str


class LineError(Resource):
    """What is wrong with a line."""

    field: str = Field(description="A JSON pointer, or the name of a column; empty: the whole line.")
    detail: str


class BatchLineResource(Resource):
    """A line of a payroll file and what became of it."""

    number: int = Field(description="Its line in the file, counted from 1.")
    reference: str | None = Field(description="Null where it could not be read.")
    result: Literal["accepted", "known", "refused", "error", "waiting"]
    employment_id: str | None
    total_ore: int | None
    report_id: str | None
    split: LineSplitResource | None
    problem: LineProblem | None
    errors: list[LineError]


class BatchLinePage(Resource):
    """A page of lines, in the order of the file."""

    lines: list[BatchLineResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class AccessResource(Resource):
    """A look at a person's data, or a change of it. ``by`` and ``what`` make a sentence that the person can read."""

    at: datetime
    by: str = Field(description="Organisation and role, such as `Københavns Kommune, sagsbehandler`.")
    role: Literal["caseworker", "employer", "citizen", "authority"]
    own: bool = Field(description="It was the person.")
    act: str = Field(description="What was done, as a code.")
    kind: Literal["search", "read", "change", "extract"]
    what: str = Field(description="What was done, in the caller's language, such as `har set dit frikort`.")
    refused: bool = Field(description="Nothing was shown or changed.")
    reason: str | None = Field(description="Why, as a caseworker stated it.")
    request: str = Field(description="The correlation id of the request.")


class AccessPage(Resource):
    """A page of the access log of one person, newest first."""

    accesses: list[AccessResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class AllowanceResource(Resource):
    """A year's amounts, in øre."""

    year: int
    allowance_ore: int
    income_limit_ore: int
    hourly_rate_ore: int | None
    provisional: bool


class Allowances(Resource):
    """The allowance table, newest year first."""

    today: date = Field(description="The day in Denmark: what is dated after it is refused.")
    present_year: int
    allowances: list[AllowanceResource]


class ExtractFileResource(Resource):
    """A file of a completed extract."""

    format: str
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="Hex digest of the whole file.")
    href: str


class ManifestResource(Resource):
    """What a completed extract holds."""

    completed_at: datetime
    provisional: bool
    count: int
    reported_ore: int
    exempt_ore: int
    excess_ore: int
    files: list[ExtractFileResource]


class ExtractResource(Resource):
    """An extract and how far it has come."""

    extract_id: str
    year: int
    municipality: str | None
    requested_at: datetime
    status: Literal["requested", "running", "done"]
    statements: int | None = Field(description="How many statements there are to write.")
    statements_written: int = Field(description="How many of them are written; after a crash it begins anew.")
    parts_written: int
    manifest: ManifestResource | None


class Extracts(Resource):
    """The authority's extracts, newest first."""

    extracts: list[ExtractResource]


class ProblemResource(BaseModel):
    """A problem document (RFC 9457). ``type`` is stable: program against it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/payment-in-future",
                    "title": "The payment date lies in the future",
                    "status": 422,
                    "detail": "The payment date is 1 April 2025. Report when the wage has been paid.",
                    "instance": "urn:uuid:6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
                    "facts": {"payment_date": "2025-04-01"},
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    facts: dict[str, str | int] | None = None
    errors: list[dict[str, str]] | None = None


class OutcomeResource(Resource):
    """What became of a command. ``result`` or ``problem`` is the answer that the command got, or would have got."""

    command_id: str
    status: Literal["pending", "done", "refused"]
    answer_status: int | None = Field(default=None, description="The HTTP status of the answer.")
    location: str | None = None
    result: dict[str, Any] | None = None
    problem: ProblemResource | None = None


class PendingResource(Resource):
    """The command is accepted; its outcome will be at ``outcome``."""

    command_id: str
    status: Literal["pending"] = "pending"
    outcome: str


class CatalogueText(Resource):
    """A problem in one language."""

    title: str
    remedy: str


class CatalogueEntry(Resource):
    """A problem of the catalogue."""

    type: str
    status: int
    da: CatalogueText
    en: CatalogueText


class ClockResource(Resource):
    """What time it is here."""

    time: datetime
