"""The allowance table and the split that follows from it.

Source: bekendtgørelse om socialt frikort, § 1 (the yearly amount); the amounts themselves are data, see
``deploy/allowances.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
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
    """An amount in øre, divided into the exempt part and the excess above the allowance."""

    exempt: int
    excess: int


def split(amount: int, remaining: int) -> Split:
    """Divide ``amount`` (øre): what ``remaining`` allowance covers is exempt, the rest is excess."""
    exempt = min(amount, max(remaining, 0))
    return Split(exempt, amount - exempt)


def load_allowances(path: Path) -> AllowanceTable:
    """Read the table file. Raises ``ValueError`` that names the file and the row if it is not as it must be."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[Year, Allowance]).validate_python({int(year): row for year, row in rows.items()})
    except (OSError, ValueError) as error:
        raise ValueError(f"the allowance table {path} cannot be used: {error}") from error
