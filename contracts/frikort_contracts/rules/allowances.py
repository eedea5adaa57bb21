"""The allowance of each year, and how it divides an amount.

Source: bekendtgørelse om socialt frikort, § 1 (the yearly amount). The amounts are data: ``deploy/allowances.toml`` in
the repository, ``GET /v1/allowances`` of the API.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple, Protocol, Self

from pydantic import Field, TypeAdapter, model_validator

from frikort_contracts.values import Ore, Value, Year


class Allowance(Value):
    """One year's amounts, in øre, from a day on."""

    year: Year = Field(description="The calendar year of the payment dates.")
    allowance: Ore = Field(gt=0)
    income_limit: Ore
    hourly_rate: Ore | None = Field(default=None, description="Øre per hour, for the 225-hour rule.")
    provisional: bool = Field(default=False, description="The year's amounts are not published yet.")
    effective_from: date = Field(description="The first day, in Denmark, on which these amounts divide the year.")
    correction: int = Field(
        default=0, ge=0, le=999, description="The greatest of the final amounts from the same day replaces the others."
    )

    @property
    def version(self) -> str:
        """Orders the amounts of a year as text: of those that have taken effect, the greatest is in force.

        A later day is greater, then final amounts, then a later correction. So what is in force only ever grows: time
        passes, and rows are added. The versions of a later year are greater.
        """
        return _version(self.year, self.effective_from, self.correction, provisional=self.provisional)


@cache
def _version(year: int, effective_from: date, correction: int, *, provisional: bool) -> str:
    mark = "0-provisional" if provisional else "1-final"
    return f"{year}/{effective_from}/{mark}/{correction:03d}"


class Allowances(Protocol):
    """The amounts of every year: an ``AllowanceTable``, or one that changes while a process runs."""

    @property
    def years(self) -> Mapping[int, tuple[Allowance, ...]]:
        """All amounts, by year."""
        ...

    @property
    def closed(self) -> frozenset[int]:
        """The years that are closed: their amounts and reports do not change."""
        ...

    def in_force(self, year: int, day: date) -> Allowance | None:
        """See ``AllowanceTable``."""
        ...

    def announced(self, year: int, day: date) -> Sequence[Allowance]:
        """See ``AllowanceTable``."""
        ...


class AllowanceTable(Value):
    """The amounts of every year.

    The first amounts of a year take effect on 1 January at the latest, and no two have the same version. The amounts
    and reports of the years in ``closed`` do not change.
    """

    years: Mapping[Year, tuple[Allowance, ...]]
    closed: frozenset[Year] = frozenset()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for year, rows in self.years.items():
            if min((row.effective_from for row in rows), default=date.max) > date(year, 1, 1):
                raise ValueError(f"{year}: no amounts from 1 January")
            (version, count), *_ = Counter(row.version for row in rows).most_common(1)
            if count > 1:
                raise ValueError(f"{year}: twice {version}")
        return self

    def in_force(self, year: int, day: date) -> Allowance | None:
        """The amounts that divide ``year`` on ``day`` (Danish calendar); None for a year without amounts.

        Before the year begins, they are those of its 1 January.
        """
        day = max(day, date(year, 1, 1))
        effective = [row for row in self.years.get(year, ()) if row.effective_from <= day]
        return max(effective, key=lambda row: row.version, default=None)

    def with_year(self, year: int, amounts: tuple[Allowance, ...], *, closed: bool) -> Self:
        """The table after a change of a year. Raises ``ValueError``."""
        years = {**self.years, year: amounts}
        return type(self)(years=years, closed=self.closed | {year} if closed else self.closed - {year})

    def announced(self, year: int, day: date) -> Sequence[Allowance]:
        """The amounts of ``year`` that take effect after ``day`` and 1 January, the next one first."""
        later = [row for row in self.years[year] if row.effective_from > max(day, date(year, 1, 1))]
        return sorted(later, key=lambda row: row.version)


def hourly_rate(allowances: Allowances, year: int, day: date) -> Ore | None:
    """The øre that count as an hour of ``year`` on ``day``: of the latest amounts in force that have a rate.

    Amounts without a rate keep the one before: a year that is settled does not lose its rate. None without any. A rate
    of 0 divides nothing, so it is none.
    """
    day = max(day, date(year, 1, 1))
    rated = [row for row in allowances.years.get(year, ()) if row.effective_from <= day and row.hourly_rate]
    latest = max(rated, key=lambda row: row.version, default=None)
    return None if latest is None else latest.hourly_rate


class Split(NamedTuple):
    """An amount in øre: the part that is exempt from tax, and the excess above the allowance."""

    exempt: int
    excess: int


def split(amount: int, remaining: int) -> Split:
    """Split ``amount`` (øre) by the ``remaining`` allowance of the year (øre): exempt up to it, excess above it."""
    exempt = min(amount, max(remaining, 0))
    return Split(exempt, amount - exempt)


def parse_allowances(text: str) -> AllowanceTable:
    """Read a table in TOML: ``[2025]`` for the amounts of a year, or ``[[2025]]`` for each of several.

    Without ``effective_from`` they take effect on 1 January of the year. Raises ``ValueError`` that names the row.
    """
    years: dict[int, Any] = {}
    for name, rows in tomllib.loads(text).items():
        year = TypeAdapter(Year).validate_python(int(name))
        first_day = date(year, 1, 1)
        years[year] = [
            {"effective_from": first_day, **row, "year": year} if isinstance(row, dict) else row
            for row in (rows if isinstance(rows, list) else [rows])
        ]
    return AllowanceTable.model_validate({"years": years})
