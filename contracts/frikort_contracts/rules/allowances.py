"""The allowance of each year, and how it divides an amount.

Source: bekendtgørelse om socialt frikort, § 1 (the yearly amount). The amounts are data: ``deploy/allowances.toml`` in
the repository, ``GET /v1/allowances`` of the API.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field, TypeAdapter

from frikort_contracts.values import Ore, Value, Year


class Allowance(Value):
    """One year's amounts, in øre."""

    allowance: Ore = Field(gt=0)
    income_limit: Ore
    hourly_rate: Ore | None = Field(default=None, description="Øre per hour, for the 225-hour rule.")
    provisional: bool = Field(default=False, description="The year's amounts are not published yet.")


AllowanceTable = Mapping[int, Allowance]


class Split(NamedTuple):
    """An amount in øre: the part that is exempt from tax, and the excess above the allowance."""

    exempt: int
    excess: int


def split(amount: int, remaining: int) -> Split:
    """Split ``amount`` (øre) by the ``remaining`` allowance of the year (øre): exempt up to it, excess above it."""
    exempt = min(amount, max(remaining, 0))
    return Split(exempt, amount - exempt)


def parse_allowances(text: str) -> AllowanceTable:
    """Read a table in TOML: a section for each year. Raises ``ValueError`` that names the row."""
    rows = tomllib.loads(text)
    return TypeAdapter(dict[Year, Allowance]).validate_python({int(year): row for year, row in rows.items()})
