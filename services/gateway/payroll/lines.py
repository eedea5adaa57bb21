"""The lines of a payroll file: validated by the rules of a single report, and resolved to an own employment. Pure.

Of an invalid line only its number, reference and errors are stored: its content may be anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, NamedTuple

from frikort_contracts.http.payroll import BatchLineBody
from frikort_contracts.references import report_id_of
from frikort_contracts.values import Components, Period, Reference, WorkPeriod
from pydantic import TypeAdapter, ValidationError

from services.gateway.problems import pointer_of

MIRRORS_REPORT: Final = "the line reverses an accepted report"

_ERRORS_MOST: Final = 20
_REFERENCE: Final = TypeAdapter(Reference)


class FieldError(NamedTuple):
    """An error in a line: the field (a JSON pointer or a column), and pydantic's type and message."""

    field: str
    kind: str
    message: str


class InvalidLine(NamedTuple):
    """A line that cannot be booked. ``reference`` is None if it is invalid.

    ``mirrors`` is the accepted report that a negative line reverses, as payroll systems correct, and
    ``mirrors_revision`` its revision when the file was uploaded.
    """

    number: int
    reference: str | None
    errors: tuple[FieldError, ...]
    mirrors: str | None = None
    mirrors_revision: int | None = None


class ValidLine(NamedTuple):
    """A line that will be booked; amounts in øre, days as YYYY-MM-DD.

    ``reference`` is empty if the reference is encrypted; then ``report_id`` follows from it.
    """

    number: int
    employment_id: str
    card_id: str
    reference: str
    work_first: str
    work_last: str
    payment_date: str
    wage: int
    holiday_pay: int
    atp: int
    pension: int
    allow_duplicate: bool
    allow_large_amount: bool = False
    report_id: str | None = None
    reference_ciphertext: str | None = None

    @property
    def total(self) -> int:
        """The total of the components, in øre."""
        return self.wage + self.holiday_pay + self.atp + self.pension

    @property
    def work(self) -> WorkPeriod:
        """The days of work."""
        return WorkPeriod(first=date.fromisoformat(self.work_first), last=date.fromisoformat(self.work_last))

    @property
    def paid_on(self) -> date:
        """The payment date."""
        return date.fromisoformat(self.payment_date)

    @property
    def components(self) -> Components:
        """What was paid, in øre."""
        return Components(wage=self.wage, holiday_pay=self.holiday_pay, atp=self.atp, pension=self.pension)


class OwnEmployment(NamedTuple):
    """An employment of the employer."""

    employment_id: str
    card_id: str
    period: Period


class AcceptedReport(NamedTuple):
    """A report that counts."""

    report_id: str
    revision: int
    employment_id: str
    work: WorkPeriod
    payment_date: date
    components: Components


@dataclass(frozen=True)
class OwnEmployments:
    """The employer's employments that some lines refer to: by id, and by the card number given at registration.

    ``unchecked`` are numbers without one that were not checked, because there were too many.
    """

    by_id: Mapping[str, OwnEmployment] = field(default_factory=dict)
    by_number: Mapping[str, Sequence[OwnEmployment]] = field(default_factory=dict)
    unchecked: frozenset[str] = frozenset()


class ParsedLine(NamedTuple):
    """The parsed fields of a line, before validation. ``errors`` are the fields that could not be parsed."""

    number: int
    content: Mapping[str, Any]
    errors: tuple[FieldError, ...] = ()


class FieldNames:
    """The names of fields in error messages: JSON pointers here, columns in CSV."""

    def name_of(self, location: Sequence[str | int]) -> str:
        """The name of the field at this location of the body."""
        return pointer_of(("body", *location))


def validated(fields: ParsedLine, names: FieldNames) -> BatchLineBody | InvalidLine:
    """The line as a valid report body, or its errors without its content."""
    errors = list(fields.errors)
    unread = {error.field for error in errors}
    try:
        body = BatchLineBody.model_validate(fields.content)
    except ValidationError as invalid:
        for item in invalid.errors(include_input=False, include_url=False, include_context=False):
            name = names.name_of(item["loc"])
            if name not in unread:
                errors.append(FieldError(name, item["type"], item["msg"]))
    else:
        if not errors:
            return body
    return InvalidLine(fields.number, _reference_in(fields.content), tuple(errors[:_ERRORS_MOST]))


def reversed_body(fields: ParsedLine) -> dict[int, BatchLineBody]:
    """The report that a line with negative amounts reverses, by the line's number; empty for another line."""
    amounts = fields.content.get("components")
    if fields.errors or not isinstance(amounts, Mapping) or not all(type(ore) is int for ore in amounts.values()):
        return {}
    if max(amounts.values(), default=0) > 0 or not any(amounts.values()):
        return {}
    positive = {name: -ore for name, ore in amounts.items()}
    try:
        return {fields.number: BatchLineBody.model_validate({**fields.content, "components": positive})}
    except ValidationError:
        return {}


def mirrored(
    line: InvalidLine, reverse: ValidLine, accepted: Iterable[AcceptedReport], names: FieldNames
) -> InvalidLine:
    """The line with the accepted report that it reverses: same work, amounts and payment year; else the line."""
    same = [
        report
        for report in accepted
        if report.employment_id == reverse.employment_id
        and (report.work.first.isoformat(), report.work.last.isoformat()) == (reverse.work_first, reverse.work_last)
        and report.components.model_dump() == {name: getattr(reverse, name) for name in Components.model_fields}
        and report.payment_date.isoformat()[:4] == reverse.payment_date[:4]
    ]
    if not same:
        return line
    same_reference = report_id_of(reverse.employment_id, reverse.reference)
    report = max(same, key=lambda one: (one.report_id == same_reference, one.payment_date))
    error = FieldError(names.name_of(("components", "wage_ore")), "value_error", MIRRORS_REPORT)
    return InvalidLine(line.number, line.reference, (error,), report.report_id, report.revision)


def resolve_employment(
    number: int, body: BatchLineBody, own: OwnEmployments, names: FieldNames
) -> ValidLine | InvalidLine:
    """The line with its employment. A card number stands for its only employment, or the one that covers the work."""
    if body.employment_id is not None:
        found = own.by_id.get(body.employment_id)
        error = FieldError(names.name_of(("employment_id",)), "value_error", "no own employment has this id")
    else:
        candidates = own.by_number.get(str(body.card_number), ())
        found, message = _matching(candidates, body.work.value())
        if body.card_number in own.unchecked:
            message = "too many unknown card numbers"
        error = FieldError(names.name_of(("card_number",)), "value_error", message)
    if found is None:
        return InvalidLine(number, body.reference, (error,))
    parts = body.components
    return ValidLine(
        number=number,
        employment_id=found.employment_id,
        card_id=found.card_id,
        reference=body.reference,
        work_first=body.work.first.isoformat(),
        work_last=body.work.last.isoformat(),
        payment_date=body.payment_date.isoformat(),
        wage=parts.wage_ore,
        holiday_pay=parts.holiday_pay_ore,
        atp=parts.atp_ore,
        pension=parts.pension_ore,
        allow_duplicate=body.allow_duplicate,
        allow_large_amount=body.allow_large_amount,
    )


def _matching(candidates: Sequence[OwnEmployment], work: WorkPeriod) -> tuple[OwnEmployment | None, str]:
    if not candidates:
        return None, "no own employment has this card number"
    if len(candidates) > 1:
        candidates = [candidate for candidate in candidates if candidate.period.covers(work)]
    if len(candidates) == 1:
        return candidates[0], ""
    return None, "several own employments have this card number, and not one of them covers the work"


def _reference_in(content: Mapping[str, Any]) -> str | None:
    try:
        return _REFERENCE.validate_python(content.get("reference"), strict=True)
    except ValidationError:
        return None


def lines_to_json(lines: Iterable[ValidLine | InvalidLine]) -> str:
    """Lines as JSON, for encryption."""
    good: list[ValidLine] = []
    bad: list[InvalidLine] = []
    for line in lines:
        (good if isinstance(line, ValidLine) else bad).append(line)  # type: ignore[arg-type]
    return json.dumps([good, bad], ensure_ascii=False, separators=(",", ":"))


def lines_from_json(text: str) -> tuple[list[ValidLine], list[InvalidLine]]:
    """The valid and the invalid lines in JSON of ``lines_to_json``."""
    good, bad = json.loads(text)
    return (
        [ValidLine(*line) for line in good],
        [
            InvalidLine(number, reference, tuple(FieldError(*error) for error in errors), *mirrors)
            for number, reference, errors, *mirrors in bad
        ],
    )
