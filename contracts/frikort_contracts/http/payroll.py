"""Payroll files: many reports in one upload."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from frikort_contracts.http.common import WORK_EXAMPLE, Resource, example
from frikort_contracts.http.problems import FieldErrorResource, ProblemResource
from frikort_contracts.http.reports import COMPONENTS_EXAMPLE, ReportContentBody
from frikort_contracts.values import CardNumber

DANISH_CSV_DELIMITER: Final = ";"
DANISH_CSV_COLUMNS: Final = (
    "Ansættelse",
    "Frikortnummer",
    "Reference",
    "Arbejde fra",
    "Arbejde til",
    "Betalingsdag",
    "Løn (kr.)",
    "Feriepenge (kr.)",
    "ATP (kr.)",
    "Pension (kr.)",
    "Tillad dublet",
    "Tillad stort beløb",
)
"""The columns of a payroll file as a Danish spreadsheet saves it."""


class BatchCounts(Resource):
    """How far a payroll file has come. accepted + already_reported + refused + pending + errors = lines."""

    lines: int = Field(description="Lines that are not empty.")
    errors: int = Field(description="Lines that cannot be booked as they are.")
    accepted: int = Field(description="Lines that were booked.")
    already_reported: int = Field(description="Accepted before, in another file or by itself; nothing new was booked.")
    refused: int = Field(description="Lines that broke a rule when they were booked.")
    pending: int = Field(description="Lines without errors that have no outcome yet.")


class BatchCheckResource(Resource):
    """What the lines without errors would give if the file were reported at the moment of the check.

    Every rule of reporting is tried, and each line counts those before it in the file.
    """

    at: datetime | None = Field(
        description="The moment of the check; null until all lines are checked, and if `failed`."
    )
    accepted: int = Field(description="Lines that would be booked.")
    already_reported: int = Field(description="Lines whose report was accepted before, or is of an earlier line.")
    refused: int = Field(description="Lines that would break a rule.")
    exempt_at_least_ore: int = Field(description="Of the lines that would be accepted or are already reported.")
    excess_at_most_ore: int = Field(description="Of the lines that would be accepted or are already reported.")
    over_allowance: int = Field(description="Lines of which a part may be above the allowance.")
    provisional: bool = Field(description="Some is split by an allowance that is not published yet.")
    split_unshown: int = Field(
        description="Lines whose split is not shown, as in a dry run: the employment ended more than 60 days ago."
    )
    failed: bool = Field(
        default=False,
        description="The check could not be made, so `at` is null. The file can be booked without it: each line is "
        "tried then.",
    )


class BatchResource(Resource):
    """A payroll file. ``checking``: its lines are tried; ``held``: that is done. Nothing is booked in either."""

    batch_id: str
    status: Literal["checking", "held", "booking", "done", "cancelled"] = Field(
        description="How far the file has come."
    )
    created_at: datetime
    expires_at: datetime | None = Field(description="When a held file is cancelled by itself; null otherwise.")
    finished_at: datetime | None
    encoding: Literal["utf-8", "windows-1252"] = Field(
        description="How the file was read. `windows-1252`: its Danish column names can only be that."
    )
    counts: BatchCounts
    check: BatchCheckResource | None = Field(
        default=None, description="Of a file that is checked before it is booked; null otherwise."
    )
    total_ore: int = Field(description="What the lines without errors report.")
    exempt_ore: int = Field(description="Of what is accepted or already reported, as it was split when it was booked.")
    excess_ore: int = Field(description="Of what is accepted or already reported, as it was split when it was booked.")
    provisional: bool = Field(description="Of what is accepted or already reported, some is split provisionally.")


class BatchPage(Resource):
    """A page of payroll files, newest first."""

    batches: list[BatchResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class LineSplitResource(Resource):
    """How a line was split when it was booked; the report itself says how it is split now."""

    exempt_ore: int
    excess_ore: int
    provisional: bool = Field(description="The year's allowance is not published yet.")


class ExpectedSplitResource(Resource):
    """What an employer learns of a split before the report: as a dry run says it."""

    exempt_at_least_ore: int = Field(description="At least so much would be exempt; all of it if it is the total.")
    excess_at_most_ore: int = Field(description="At most so much would be ordinary wage.")
    provisional: bool = Field(description="The year's allowance is not published yet.")


class LineCheckResource(Resource):
    """What a line would give if the file were reported at the moment of the check."""

    result: Literal["accepted", "already_reported", "refused"] = Field(description="What would become of the line.")
    split: ExpectedSplitResource | None = Field(description="Null if refused, or if the split is not shown.")
    corrected_since: bool = Field(description="The report of an `already_reported` line was corrected since.")
    reported_ore: int | None = Field(description="The total of the report that it is or would be; null if refused.")
    problem: ProblemResource | None = Field(description="Why it would be refused; null otherwise.")


class BatchLineResource(Resource):
    """A line of a payroll file and what became of it."""

    number: int = Field(description="Its line in the file, counted from 1.")
    reference: str | None = Field(description="Null where it could not be read, and after an erasure.")
    result: Literal["accepted", "already_reported", "refused", "error", "pending"] = Field(
        description="`error`: cannot be booked as it is; `pending`: has no outcome yet."
    )
    employment_id: str | None
    total_ore: int | None
    report_id: str | None = Field(
        description="Its report. With the error `reverses-report`: the accepted report that the line reverses, to be "
        "withdrawn."
    )
    report_revision: int | None = Field(
        default=None,
        description="With the error `reverses-report`: the report's revision when the file was sent. With it as "
        "`revision`, a withdrawal is refused if the report was corrected since.",
    )
    split: LineSplitResource | None
    corrected_since: bool = Field(
        default=False, description="The report of an `already_reported` line was corrected since."
    )
    reported_ore: int | None = Field(
        default=None, description="The total of the line's report, as it was when the line was booked."
    )
    problem: ProblemResource | None = Field(description="Why the line was refused; null otherwise.")
    check: LineCheckResource | None = Field(
        default=None,
        description="While the file is not booked; null with errors, before the check, and for each line after the "
        "first 2,000 of a file or 1,000 of one employment.",
    )
    errors: list[FieldErrorResource] = Field(description="Each wrong field; the line is not booked.")


class BatchLinePage(Resource):
    """A page of lines, in the order of the file."""

    lines: list[BatchLineResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class BatchLineBody(ReportContentBody):
    """A line of a payroll file: a report, of an employment by its id or by the card number."""

    model_config = example(
        card_number="12345",
        reference="2025-03/4711",
        work=WORK_EXAMPLE,
        payment_date="2025-03-31",
        components=COMPONENTS_EXAMPLE,
    )

    employment_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    card_number: CardNumber | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> BatchLineBody:
        if (self.employment_id is None) == (self.card_number is None):
            raise ValueError("give either employment_id or card_number")
        return self
