"""Request bodies. Unknown fields are refused, amounts are whole øre, and a day is written YYYY-MM-DD."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from frikort_contracts.issuance import ControlResult, MandateScope, ReplacementReason
from frikort_contracts.reporting import CorrectionReason, DisputeReason
from frikort_contracts.values import (
    CardNumber,
    Components,
    Cpr,
    MunicipalityCode,
    Ore,
    Period,
    Reference,
    WorkPeriod,
    Year,
    check_no_cpr,
)

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WITHOUT_CONTROLS: Final = r"^[^\x00-\x1f\x7f]+$"


def _day(value: Any) -> date:
    """Strictly: pydantic alone would also take a time, or a number as seconds since 1970."""
    if isinstance(value, date):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError:
            pass
        else:
            if 1900 <= day.year < 2200:
                return day
    raise ValueError("not a day as YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_WITHOUT_CONTROLS)]
Label = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$"),
    AfterValidator(check_no_cpr),
    Field(description="Your own name for the employment, such as a payroll number; an empty text takes it away."),
]
Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
    ),
    AfterValidator(check_no_cpr),
]


class Part(BaseModel):
    """Base of everything in a request body."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(Part):
    """Base of every request body."""

    @model_validator(mode="before")
    @classmethod
    def _is_unicode(cls, data: Any) -> Any:
        # JSON can spell half of a surrogate pair ("\ud800"), which no later step could encode.
        try:
            json.dumps(data, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:
            raise ValueError("the text is not Unicode") from None
        return data


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class IssueCardBody(Body):
    """Issue a card. The case itself stays in the municipality's own system."""

    model_config = _example(cpr="730185-4321", name="Karla Eksempel", case_reference="2025-0042")

    cpr: Cpr
    name: PersonName
    case_reference: Reference


class SearchCardBody(Body):
    """Find a card by CPR number or by card number; exactly one of them."""

    model_config = _example(cpr="730185-4321")

    cpr: Cpr | None = None
    number: CardNumber | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> SearchCardBody:
        if (self.cpr is None) == (self.number is None):
            raise ValueError("give either cpr or number")
        return self


class DecisionBody(Body):
    """A decision, with the reference of its case."""

    model_config = _example(case_reference="2025-0042")

    case_reference: Reference


class NewNumberBody(Body):
    """Why a card gets a new number."""

    model_config = _example(reason="lost")

    reason: ReplacementReason


class HandOverBody(Body):
    """The municipality that the citizen moved to."""

    model_config = _example(to_municipality="849")

    to_municipality: MunicipalityCode


class ControlBody(Body):
    """The result of a control, without its reasons."""

    model_config = _example(result="upheld")

    result: ControlResult


class MandateBody(Body):
    """Who may see the card, what they may do, and the last day on which they may."""

    model_config = _example(cpr="730185-4321", name="Karla Eksempel", scope="view", until="2026-12-31")

    cpr: Cpr
    name: PersonName
    scope: MandateScope
    until: Day


class PeriodBody(Part):
    """Days from first to last, both included; no last day while it is open."""

    first: Day
    last: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> PeriodBody:
        self.value()
        return self

    def value(self) -> Period:
        """As the contracts have it."""
        if self.last is not None and self.last < self.first:
            raise ValueError("the last day lies before the first")
        return Period(first=self.first, last=self.last)


class ContactBody(Part):
    """The employer's contact person."""

    name: PersonName
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+$")]
    phone: Annotated[str, StringConstraints(max_length=32, pattern=r"^\+?[0-9][0-9 ]{4,30}$")]


_CONTACT_EXAMPLE: Final = {"name": "Bo Kontakt", "email": "bo@example.dk", "phone": "+45 12 34 56 78"}
_PERIOD_EXAMPLE: Final = {"first": "2025-01-01", "last": None}


class RegisterEmploymentBody(Body):
    """Register an employment with the card number and birth date that the citizen told."""

    model_config = _example(
        card_number="12345",
        birth_date="1985-01-13",
        period=_PERIOD_EXAMPLE,
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

    model_config = _example(period={"first": "2025-01-01", "last": "2025-12-31"}, contact=_CONTACT_EXAMPLE)

    period: PeriodBody
    contact: ContactBody | None = None
    label: Label | None = None


class EndEmploymentBody(Body):
    """The employment's last day."""

    model_config = _example(last="2025-12-31")

    last: Day


class WorkBody(Part):
    """The days that were worked, both included."""

    first: Day
    last: Day

    @model_validator(mode="after")
    def _in_order(self) -> WorkBody:
        self.value()
        return self

    def value(self) -> WorkPeriod:
        """As the contracts have it."""
        if self.last < self.first:
            raise ValueError("the last day lies before the first")
        return WorkPeriod(first=self.first, last=self.last)


class NoWorkBody(WorkBody, Body):
    """The days on which nothing was worked, both included."""

    model_config = _example(first="2025-03-01", last="2025-03-31")


class ComponentsBody(Part):
    """What was paid, in øre (1/100 krone)."""

    wage_ore: Ore
    holiday_pay_ore: Ore = 0
    atp_ore: Ore = 0
    pension_ore: Ore = 0

    def value(self) -> Components:
        """As the contracts have it."""
        return Components(
            wage=self.wage_ore, holiday_pay=self.holiday_pay_ore, atp=self.atp_ore, pension=self.pension_ore
        )


_WORK_EXAMPLE: Final = {"first": "2025-03-01", "last": "2025-03-31"}
_COMPONENTS_EXAMPLE: Final = {"wage_ore": 750000, "holiday_pay_ore": 93750, "atp_ore": 9900, "pension_ore": 0}


class ReportContentBody(Body):
    """What a report says, whoever it is about."""

    reference: Reference
    work: WorkBody
    payment_date: Day
    components: ComponentsBody
    twin: StrictBool = Field(default=False, description="It is meant, though it looks like an earlier report.")


class ReportBody(ReportContentBody):
    """Report what was paid. ``reference`` is the employer's own and names this report for ever."""

    model_config = _example(
        employment_id="6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
        reference="2025-03/4711",
        work=_WORK_EXAMPLE,
        payment_date="2025-03-31",
        components=_COMPONENTS_EXAMPLE,
        twin=False,
    )

    employment_id: Annotated[str, StringConstraints(max_length=64)]


class BatchLineBody(ReportContentBody):
    """A line of a payroll file: a report, of an employment by its id or by the card number."""

    model_config = _example(
        card_number="12345",
        reference="2025-03/4711",
        work=_WORK_EXAMPLE,
        payment_date="2025-03-31",
        components=_COMPONENTS_EXAMPLE,
    )

    employment_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    card_number: CardNumber | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> BatchLineBody:
        if (self.employment_id is None) == (self.card_number is None):
            raise ValueError("give either employment_id or card_number")
        return self


class CorrectionBody(Body):
    """What the report should have said; the payment year stays."""

    model_config = _example(
        work=_WORK_EXAMPLE, payment_date="2025-03-31", components=_COMPONENTS_EXAMPLE, reason="wrong-amount"
    )

    work: WorkBody
    payment_date: Day
    components: ComponentsBody
    reason: CorrectionReason


class WithdrawalBody(Body):
    """Why the report is taken back."""

    model_config = _example(reason="reported-twice")

    reason: CorrectionReason


class DisputeBody(Body):
    """What is not right about the report. The employer and the municipality can read the message."""

    model_config = _example(reason="wrong-amount", message="Jeg fik kun 5.000 kr. i marts.")

    reason: DisputeReason
    message: Text | None = None


class ExtractBody(Body):
    """The year, and the municipality if not all."""

    model_config = _example(year=2025)

    year: Year
    municipality: MunicipalityCode | None = None


class ClockBody(Body):
    """What time it shall be (local only)."""

    model_config = _example(time="2025-01-15T09:00:00Z")

    time: Annotated[str, StringConstraints(max_length=40)]
