"""Bases of all request and response models, and the values that several of them share.

Unknown request fields are refused. Amounts are whole øre and their names end in ``_ore``; a day is YYYY-MM-DD.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from frikort_contracts.fields import DescribedModel
from frikort_contracts.rules import reading
from frikort_contracts.values import PLAIN_TEXT, Period, WorkPeriod, check_no_cpr


def _title(model: type) -> str:
    """The title of a resource. Generators name a variable after it, which must differ from the resource's fields."""
    fields: dict[str, object] = getattr(model, "model_fields", {})
    return f"{model.__name__}List" if model.__name__.lower() in fields else model.__name__


NULL_IF_ERASED: Final = "null after the person's data were erased"
"""Ends the description of a field."""


class Resource(DescribedModel):
    """Base of every answer. A newer server may add fields: a reader ignores those that it does not know."""

    model_config = ConfigDict(extra="ignore", model_title_generator=_title)


class Days(Resource):
    """Days from first to last, both included; no last day while it is open."""

    first: date
    last: date | None = None


class Municipality(Resource):
    """One of the 98 municipalities."""

    code: str = Field(description="Municipality code, three digits.", examples=["101"])
    name: str = Field(description="Its name.", examples=["København"])


_WITHOUT_CONTROLS: Final = r"^[^\x00-\x1f\x7f]+$"


def _day(value: Any) -> date:
    """Strictly: pydantic alone would also take a time, or a number as seconds since 1970."""
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        return reading.iso_day(value)
    raise ValueError(reading.NOT_AN_ISO_DAY)


_DAY_SCHEMA: Final = {
    "type": "string",
    "format": "date",
    "pattern": "^(19|2[01])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
}
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema(_DAY_SCHEMA)]


PersonName = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=_WITHOUT_CONTROLS), PLAIN_TEXT
]


Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
    ),
    AfterValidator(check_no_cpr),
    PLAIN_TEXT,
]


class Part(DescribedModel):
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


def example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


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
            raise ValueError(reading.LAST_BEFORE_FIRST)
        return Period(first=self.first, last=self.last)


PERIOD_EXAMPLE: Final = {"first": "2025-01-01", "last": None}


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
            raise ValueError(reading.LAST_BEFORE_FIRST)
        return WorkPeriod(first=self.first, last=self.last)


WORK_EXAMPLE: Final = {"first": "2025-03-01", "last": "2025-03-31"}
