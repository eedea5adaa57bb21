"""The months of an extract: those of a year, or a period of at most two years."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from frikort_contracts.rules import reading
from frikort_contracts.values import Value

MOST_MONTHS: Final = 24
"""The months of the longest period."""
_MONTHS_OF_YEAR: Final = 12


PaymentMonth = Annotated[
    str,
    AfterValidator(reading.iso_month),
    Field(
        description="A calendar month of payment dates in Denmark, `YYYY-MM`.",
        json_schema_extra={"pattern": r"^(2019|20[2-9][0-9]|21[0-9][0-9])-(0[1-9]|1[0-2])$"},
    ),
]


class Months(Value):
    """Months of payment dates from ``first`` to ``last``, both included."""

    first: PaymentMonth = Field(description="The first month, `YYYY-MM`.")
    last: PaymentMonth = Field(description="The last month, `YYYY-MM`, included; at most 24 months in all.")

    @model_validator(mode="after")
    def _are_a_period(self) -> Self:
        check_months(self.first, self.last)
        return self

    @classmethod
    def of_year(cls, year: int) -> Months:
        """The months of a calendar year. Not validated: any year will do."""
        return cls.model_construct(first=f"{year}-01", last=f"{year}-12")

    @property
    def years(self) -> range:
        """The calendar years of the months."""
        return range(int(self.first[:4]), int(self.last[:4]) + 1)

    @property
    def names(self) -> list[str]:
        """Each month, in order."""
        start, end = _number(self.first), _number(self.last)
        return [f"{number // _MONTHS_OF_YEAR}-{number % _MONTHS_OF_YEAR + 1:02}" for number in range(start, end + 1)]

    @property
    def text(self) -> str:
        """As a name of a file has it: an interval of ISO 8601."""
        return f"{self.first}--{self.last}"


def check_months(first: str, last: str) -> None:
    """Raises ``ValueError`` unless the months are in order and at most ``MOST_MONTHS``."""
    if last < first:
        raise ValueError(reading.LAST_MONTH_BEFORE_FIRST)
    if _number(last) - _number(first) >= MOST_MONTHS:
        raise ValueError(reading.TOO_MANY_MONTHS)


def _number(month: str) -> int:
    """The months since the year 0."""
    return int(month[:4]) * _MONTHS_OF_YEAR + int(month[5:]) - 1
