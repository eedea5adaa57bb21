"""Employments, and reminders to the employer about them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from frikort_contracts.http.common import (
    PERIOD_EXAMPLE,
    Body,
    Day,
    Days,
    Part,
    PeriodBody,
    PersonName,
    Resource,
    WorkBody,
    example,
)
from frikort_contracts.rules import reading
from frikort_contracts.values import PLAIN_TEXT, CardNumber, check_no_cpr


class ContactResource(Resource):
    """The employer's contact person. Each field is null after the person was erased."""

    name: str | None
    email: str | None
    phone: str | None


class EmploymentResource(Resource):
    """An employment as its employer sees it."""

    employment_id: str
    period: Days
    contact: ContactResource
    card_number: str | None = Field(
        description="As typed at registration, also when the card has a new number; null for the oldest employments."
    )
    label: str | None = Field(description="The employer's own name for it.")
    active_days: list[Days] = Field(
        description="The days of the employment on which the card is active. Work on other days cannot be reported."
    )
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


class ReminderAnswer(Resource):
    """An answer to a reminder's question: POST /v1/reports, or POST /v1/employments/{employment_id}/no-work."""

    answer: Literal["report", "no-work"] = Field(description="The answer: report earnings, or declare no work.")
    text: str = Field(description="The answer as a sentence.")


class ReminderResource(Resource):
    """A friendly reminder to an employer: a question or a hint, never an accusation.

    ``no-recent-report``: a question about ``days``, with its two answers. ``allowance-low``: before the next expected
    ``expected_payment_date`` less may be left of the card's allowance than is usually paid.
    """

    kind: Literal["no-recent-report", "allowance-low"] = Field(description="What the reminder is about.")
    employment_id: str
    card_number: str | None
    label: str | None
    text: str = Field(description="In plain words.")
    days: Days | None = None
    answers: list[ReminderAnswer] = Field(default=[])
    expected_payment_date: date | None = None
    remaining_ore: int | None = Field(
        default=None, description="At least so much is left of the allowance: rounded down to full 1,000 kr."
    )
    usual_pay_ore: int | None = None
    provisional: bool = Field(default=False, description="The allowance that it is about is not published yet.")


class Reminders(Resource):
    """The reminders of a page of employments, by registration."""

    reminders: list[ReminderResource]
    next: str | None = Field(description="The cursor of the next page of employments; null on the last.")


Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$"),
    AfterValidator(check_no_cpr),
    PLAIN_TEXT,
    Field(description="Your own name for the employment, such as a payroll number; an empty text removes it."),
]


Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$"),
    PLAIN_TEXT,
]
Phone = Annotated[
    str,
    AfterValidator(reading.phone_number),
    PLAIN_TEXT,
    Field(
        description="5 to 15 digits, also with +45 or (+45), spaces and hyphens.",
        json_schema_extra={"maxLength": reading.LONGEST_NUMBER, "pattern": r"^[(+0-9][0-9 ()./+-]*$"},
    ),
]


class ContactBody(Part):
    """The employer's contact person."""

    name: PersonName
    email: Email
    phone: Phone


_CONTACT_EXAMPLE: Final = {"name": "Bo Kontakt", "email": "bo@example.dk", "phone": "+45 12 34 56 78"}


class RegisterEmploymentBody(Body):
    """Register an employment with the card number and birth date that the citizen gave."""

    model_config = example(
        card_number="12345",
        birth_date="1985-01-13",
        period=PERIOD_EXAMPLE,
        contact=_CONTACT_EXAMPLE,
        label="Løn 4711",
    )

    card_number: CardNumber
    birth_date: Day
    period: PeriodBody
    contact: ContactBody
    label: Label | None = None


class ChangeEmploymentBody(Body):
    """The employment's new period; without a contact person or a label the present one stays."""

    model_config = example(period={"first": "2025-01-01", "last": "2025-12-31"}, contact=_CONTACT_EXAMPLE)

    period: PeriodBody
    contact: ContactBody | None = None
    label: Label | None = None


class EndEmploymentBody(Body):
    """The employment's last day."""

    model_config = example(last="2025-12-31")

    last: Day


class NoWorkBody(WorkBody, Body):
    """The days on which nothing was worked, both included."""

    model_config = example(first="2025-03-01", last="2025-03-31")
