"""What an employer learns of a card's remaining allowance."""

from __future__ import annotations

from typing import Final

import pytest
from frikort_contracts.rules.allowances import split
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.known_allowance import STEP, expected_split, known_remaining

LEFT: Final = st.integers(0, 10_000_000)
TOTAL: Final = st.integers(1, 20_000_000)


@pytest.mark.parametrize(
    ("remaining", "known"),
    [(0, 0), (1, 0), (99_999, 0), (100_000, 100_000), (199_999, 100_000), (4_276_600, 4_200_000)],
)
def test_what_is_left_is_rounded_down_to_full_thousands_of_kroner(remaining: int, known: int) -> None:
    assert known_remaining(remaining) == known


@given(LEFT, TOTAL)
def test_the_least_that_is_exempt_is_never_more_than_the_report_gets(remaining: int, total: int) -> None:
    expected, exact = expected_split(total, remaining), split(total, remaining)
    assert expected.exempt <= exact.exempt < expected.exempt + STEP
    assert expected.excess >= exact.excess
    assert expected.exempt + expected.excess == total
    assert expected.remaining_after <= remaining - exact.exempt


@given(LEFT, TOTAL)
def test_a_wage_that_is_wholly_exempt_by_a_dry_run_is_so_when_it_is_reported(remaining: int, total: int) -> None:
    if expected_split(total, remaining).excess == 0:
        assert split(total, remaining).excess == 0


@given(LEFT, st.lists(TOTAL, max_size=10), st.integers(0, STEP - 1))
def test_no_dry_runs_tell_amounts_of_one_step_apart(remaining: int, totals: list[int], more: int) -> None:
    least = remaining - remaining % STEP
    for total in totals:
        assert expected_split(total, least) == expected_split(total, least + more)
