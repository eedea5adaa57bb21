"""Allowances, balances and warnings, by calendar year."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from frikort_contracts.http.common import Resource


class WarningResource(Resource):
    """A threshold of the allowance: near (80 %), reached (100 %), exceeded (the first øre above)."""

    year: int
    threshold: str
    allowance_ore: int
    reported_ore: int
    provisional: bool = Field(description="The year's allowance is not published yet.")
    raised_at: datetime
    withdrawn_at: datetime | None = Field(description="When a correction made the warning untrue.")


class Warnings(Resource):
    """Warnings, newest year first."""

    warnings: list[WarningResource]


class BalanceResource(Resource):
    """A card's year. exempt + excess = reported; exempt + remaining = allowance."""

    year: int
    allowance_ore: int
    provisional: bool = Field(description="The year's allowance is not published yet.")
    reported_ore: int
    exempt_ore: int
    excess_ore: int
    remaining_ore: int
    hourly_rate_ore: int | None
    converted_hours: int | None = Field(
        description="The hours that the exempt part counts as under the 225-hour rule: exempt / hourly rate, "
        "to the nearest whole hour; null where the year has no rate."
    )
    warnings: list[WarningResource]


class Balances(Resource):
    """Balances, newest year first. The present year is there even when nothing is reported yet."""

    balances: list[BalanceResource]


class AllowanceLeft(Resource):
    """What is left of a card's allowance, in full thousands of kroner; nothing about other employers."""

    employment_id: str
    year: int
    allowance_ore: int
    provisional: bool
    remaining_ore: int | None = Field(
        description="At least so much is left: rounded down to full 1,000 kr. "
        "Null after the last day of the employment."
    )


class AllowanceResource(Resource):
    """A year's amounts, in øre."""

    year: int
    allowance_ore: int
    income_limit_ore: int
    hourly_rate_ore: int | None
    provisional: bool
    effective_from: date = Field(description="The first day on which these amounts divide the year.")
    closed: bool = False


class Allowances(Resource):
    """The amounts in force in each year, newest first, and those that take effect after today."""

    today: date = Field(description="The day in Denmark: what is dated after it is refused.")
    current_year: int
    allowances: list[AllowanceResource]
    announced: list[AllowanceResource] = Field(
        default=[], description="On the day on which they take effect, all reports of their year are divided again."
    )
