"""Earnings converted to hours, for the 225-hour rule (case E12)."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from frikort_contracts.rules.hours import converted_hours
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.allowance_file import load_allowances

TABLE = load_allowances(Path(__file__).parents[2] / "deploy" / "allowances.toml")


@pytest.mark.parametrize(
    ("year", "exempt", "hours"),
    [(2019, 1_000_000, 41), (2020, 1_000_000, 40), (2025, 4_276_600, 145), (2025, 0, 0), (2025, 1, 0)],
)
def test_e12_the_exempt_earnings_of_a_year_are_hours_at_its_rate(year: int, exempt: int, hours: int) -> None:
    rate = TABLE.years[year][-1].hourly_rate
    assert rate is not None
    assert converted_hours(exempt, rate) == hours


@pytest.mark.parametrize(("exempt", "hours"), [(1_499, 1), (1_500, 2), (2_500, 3), (2_501, 3)])
def test_e12_half_an_hour_rounds_up(exempt: int, hours: int) -> None:
    assert converted_hours(exempt, 1_000) == hours


@given(exempt=st.integers(0, 10**12), hourly_rate=st.integers(1, 10**7))
def test_e12_the_hours_are_the_nearest_whole_number(exempt: int, hourly_rate: int) -> None:
    assert abs(converted_hours(exempt, hourly_rate) - Fraction(exempt, hourly_rate)) <= Fraction(1, 2)
