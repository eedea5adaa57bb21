"""What the fields of messages, requests and answers mean: one description and one example for each name.

A field keeps the description that its own model gives. Otherwise its JSON Schema takes the one of this table.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class FieldText(NamedTuple):
    """A description, and a value as it may appear in JSON."""

    description: str
    example: Any = None


FIELDS: Final[dict[str, FieldText]] = {
    # Ids and identifiers
    "batch_id": FieldText("Id of the payroll file; opaque.", "4b4d0f1e-51a5-5a0e-9b0d-5f1fd1f5b6a0"),
    "card_id": FieldText("Id of the card; opaque, and the same for the card's whole life.", "c0a80a5e-6f1d-5c63-8a5e"),
    "card_number": FieldText("The card's five-digit number.", "12345"),
    "case_reference": FieldText("Reference of the case in the municipality's own system.", "2025-0042"),
    "command_id": FieldText("Id of the command.", "6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"),
    "correlation_id": FieldText(
        "Id of the request, as in the header Correlation-Id.", "0af7651916cd43dd8448eb211c80319c"
    ),
    "cpr": FieldText("CPR number: ten digits, with or without a hyphen before the last four.", "730185-4321"),
    "cvr": FieldText("CVR number of the employer (8 digits, modulus 11).", "10150817"),
    "employment_id": FieldText("Id of the employment; opaque.", "9c1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"),
    "extract_id": FieldText("Id of the extract; opaque.", "2d1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"),
    "mandate_id": FieldText("Id of the mandate; opaque.", "7a1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"),
    "number": FieldText("The card's five-digit number.", "12345"),
    "reference": FieldText("The employer's own reference of the report.", "2025-03/4711"),
    "report_id": FieldText("Id of the report; opaque.", "3e1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"),
    "revision": FieldText("Number of changes so far, from 1 without a gap; the higher of two is newer.", 1),
    "dispute_revision": FieldText("Revision of the report's disputes; null if it never had one."),
    # People, municipalities and authorities
    "authority": FieldText("The authority."),
    "municipality": FieldText("The municipality."),
    "from_municipality": FieldText("Code of the municipality that was responsible before."),
    "to_municipality": FieldText("Code of the municipality that the citizen moved to."),
    "handed_over_to": FieldText("The municipality that is responsible now."),
    "holder": FieldText("The person who holds the mandate, encrypted."),
    "person": FieldText("The citizen, encrypted."),
    "owners": FieldText("Keyed hashes of the CPR numbers of a sole trader's owners."),
    "name": FieldText("The person's name.", "Karla Eksempel"),
    "email": FieldText("Email address.", "bo@example.dk"),
    "phone": FieldText("Telephone number.", "+45 12 34 56 78"),
    "contact": FieldText("The employer's contact person."),
    "birth_date": FieldText("The citizen's date of birth, as the citizen gave it.", "1985-01-13"),
    "side": FieldText("The role in which the citizen's side acted."),
    "raised_by": FieldText("The role of the person who raised the dispute.", "citizen"),
    "granted_by": FieldText("The role of the person who granted the mandate.", "citizen"),
    # Days, times and years
    "active_from": FieldText("The first day on which the card is active."),
    "active_periods": FieldText("The periods in which the card is or was active."),
    "answered_at": FieldText("When it was answered (UTC).", "2025-04-03T09:30:00Z"),
    "at": FieldText("When it happened (UTC).", "2025-04-01T09:30:00Z"),
    "completed_at": FieldText("When it was completed (UTC).", "2025-04-01T09:30:00Z"),
    "control_due": FieldText("The year by whose end the next control is due.", 2027),
    "created_at": FieldText("When the file was received (UTC).", "2025-04-01T09:30:00Z"),
    "current_year": FieldText("The calendar year in Denmark now.", 2025),
    "days": FieldText("The days, both ends included."),
    "expected_payment_date": FieldText("The next payment date that the employer's rhythm suggests.", "2025-04-30"),
    "finished_at": FieldText("When the last line was booked (UTC); null before.", "2025-04-01T09:31:00Z"),
    "first": FieldText("The first day.", "2025-03-01"),
    "granted_at": FieldText("When the mandate was granted (UTC).", "2025-04-01T09:30:00Z"),
    "last": FieldText("The last day, included; null while the period is open.", "2025-03-31"),
    "last_active_day": FieldText("The last day on which the card was active."),
    "no_work": FieldText("The days declared without work."),
    "payment_date": FieldText(
        "The day on which the wage was paid; its year decides which allowance applies.", "2025-03-31"
    ),
    "period": FieldText("The days of the employment."),
    "raised_at": FieldText("When it was raised (UTC).", "2025-04-01T09:30:00Z"),
    "registered_at": FieldText("When the employment was registered (UTC).", "2025-01-02T08:00:00Z"),
    "requested_at": FieldText("When the extract was requested (UTC).", "2025-04-01T09:30:00Z"),
    "until": FieldText("The last day of the mandate.", "2026-12-31"),
    "withdrawn_at": FieldText("When it was withdrawn (UTC); null otherwise."),
    "work": FieldText("The days that the report covers, both ends included."),
    "year": FieldText("Calendar year, Europe/Copenhagen.", 2025),
    # Money
    "allowance_version": FieldText(
        "Orders the amounts of a year: the greatest that has taken effect is in force.", "2025/2025-01-01/1-final/000"
    ),
    "closed": FieldText("The year is closed: its amounts and its reports do not change.", False),
    "allowance_ore": FieldText("The year's allowance, in øre.", 10_000_000),
    "atp_ore": FieldText("ATP contribution, in øre.", 9_900),
    "components": FieldText("What was paid, by kind; the parts add up to the total."),
    "excess_ore": FieldText("The part above the allowance, in øre: ordinary, taxable wage.", 0),
    "excess_at_most_ore": FieldText("At most so much would be above the allowance, in øre.", 0),
    "exempt_at_least_ore": FieldText("At least so much would be exempt from tax, in øre.", 853_650),
    "exempt_ore": FieldText("The part that is exempt from tax, in øre.", 853_650),
    "holiday_pay_ore": FieldText("Holiday pay paid together with the wage, in øre.", 93_750),
    "converted_hours": FieldText("Hours under the 225-hour rule; null where the year has no conversion rate.", 35),
    "hourly_rate_ore": FieldText("Øre for each hour under the 225-hour rule; null where the year has none.", 13_000),
    "income_limit_ore": FieldText("The year's income limit, in øre.", 10_000_000),
    "pension_ore": FieldText("Agreed pension paid to the citizen, in øre.", 0),
    "provisional": FieldText("The year's allowance is not published yet and may change.", False),
    "remaining_after_ore": FieldText("What would be left of the allowance afterwards, in øre.", 9_100_000),
    "remaining_before_ore": FieldText("What is left of the allowance now, in øre.", 10_000_000),
    "remaining_ore": FieldText("What is left of the card's allowance of the year, in øre.", 9_146_350),
    "reported_ore": FieldText("What all employers reported, in øre.", 853_650),
    "split": FieldText("How the allowance divides the amount."),
    "splits": FieldText("Every split of the report so far, oldest first."),
    "total_ore": FieldText("Sum of the components, in øre.", 853_650),
    "usual_pay_ore": FieldText("What the employer usually pays on a payment date, in øre.", 750_000),
    "wage_ore": FieldText("Wage, in øre.", 750_000),
    # Reports, disputes, warnings
    "advice": FieldText(
        "What to do now, one sentence each, in the caller's language.", ["Pay 8.536,50 kr. free of tax."]
    ),
    "allow_duplicate": FieldText("Accept the report although it looks like an earlier one.", False),
    "corrected_since": FieldText("The report that was sent again was corrected since.", False),
    "report_revision": FieldText("Revision of the report."),
    "allow_large_amount": FieldText("Accept an amount that is probably a typing error.", False),
    "already_reported": FieldText("The same report was accepted before; nothing new was booked.", False),
    "decision": FieldText("What the municipality decided about the dispute; null before that."),
    "answer": FieldText("The employer's latest answer to the dispute; null if there is none."),
    "dispute": FieldText("The open dispute; null if there is none."),
    "dry_run": FieldText("Nothing was booked; the answer says what would happen.", True),
    "history": FieldText("Every change so far, oldest first."),
    "label": FieldText("The employer's own name for the employment, such as a payroll number.", "Løn 4711"),
    "message": FieldText("What the citizen's side wrote.", "Jeg fik kun 5.000 kr. i marts."),
    "reason": FieldText("Why, as a code."),
    "scope": FieldText("What the mandate permits: `view`, or `represent` (also raise and withdraw disputes).", "view"),
    "threshold": FieldText(
        "`near` (80 % is used), `reached` (all is used) or `exceeded` (the first øre above).", "near"
    ),
    "warnings": FieldText("The warnings about the allowance, newest first."),
    # Lists and their pages
    "accesses": FieldText("The accesses, newest first."),
    "allowances": FieldText("The years, newest first."),
    "answers": FieldText("The possible answers to the question; empty if the reminder asks nothing."),
    "balances": FieldText("The years, newest first."),
    "batches": FieldText("The files, newest first."),
    "cards": FieldText("The cards."),
    "counts": FieldText("How many lines have which result."),
    "employers": FieldText("One line for each employer."),
    "employments": FieldText("The employments, by registration."),
    "extracts": FieldText("The extracts, newest first."),
    "files": FieldText("The files of the extract."),
    "last_control": FieldText("The last control; null before the first."),
    "lines": FieldText("The lines, in the order of the file."),
    "mandates": FieldText("The mandates, oldest first."),
    "manifest": FieldText("What the extract contains; null until it is done."),
    "problems": FieldText("Every problem of the catalogue."),
    "reminders": FieldText("The reminders, by employment."),
    "reports": FieldText("The reports, by acceptance."),
    "represented": FieldText("The cards that the caller may see as a mandate holder."),
    # Extracts and statements
    "count": FieldText("How many statements the extract contains.", 1200),
    "file_format": FieldText("The file format: `csv` or `jsonl`.", "csv"),
    "format": FieldText("The file format: `csv` or `jsonl`.", "csv"),
    "href": FieldText("Where to download the file.", "/v1/extracts/2d1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11/files/csv"),
    "index": FieldText("Place of the part in its file, from 0."),
    "offset": FieldText("The first record that is not included."),
    "partition": FieldText("Partition of the topic."),
    "parts": FieldText("How many parts make up the file."),
    "positions": FieldText("The positions in the log that the extract must include."),
    "sha256": FieldText(
        "Hex digest of the whole file.", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    ),
    "size": FieldText("Bytes.", 52_480),
    "statements": FieldText("How many statements there are to write.", 1200),
    "statements_written": FieldText("How many statements are written.", 800),
    "topic": FieldText("Name of the topic."),
    # Outcomes and problems
    "code": FieldText("Stable code of the error.", "payment-in-future"),
    "da": FieldText("The texts in Danish."),
    "detail": FieldText(
        "What is wrong and what to do, in the caller's language.", "Report when the wage has been paid."
    ),
    "en": FieldText("The texts in English."),
    "errors": FieldText("Each wrong field."),
    "facts": FieldText("Details of the problem by name: dates, amounts in øre, ids.", {"payment_date": "2025-04-01"}),
    "instance": FieldText(
        "URN of the request, with its correlation id.", "urn:uuid:6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"
    ),
    "location": FieldText("Address of the resource that the command created; null otherwise."),
    "outcome": FieldText("Address of the outcome.", "/v1/outcomes/6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"),
    "pointer": FieldText("JSON pointer (RFC 6901) to the field; empty for the whole body.", "/components/wage_ore"),
    "problem": FieldText("Why the command was refused; null otherwise."),
    "remedy": FieldText("What to do about it.", "Report when the wage has been paid."),
    "title": FieldText("The problem in one line.", "The payment date lies in the future"),
    "type": FieldText("Address of the problem in the catalogue: `/problems/<code>`.", "/problems/payment-in-future"),
}


class DescribedModel(BaseModel):
    """Base of everything that crosses a boundary: every property of its JSON Schema has a description."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        for name, field in handler.resolve_ref_schema(schema).get("properties", {}).items():
            if "description" not in field and name in FIELDS:
                field["description"] = FIELDS[name].description
        return schema
