"""How card numbers are drawn."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.issuance.card import NUMBERS_ASKED, control_due, draw_number, number_alias, number_candidates


@settings(max_examples=100)
@given(st.uuids())
def test_candidates_are_different_five_digit_numbers_fixed_by_the_command(seed: UUID) -> None:
    candidates = number_candidates(seed)
    assert len(candidates) == len(set(candidates)) == NUMBERS_ASKED
    assert all(len(number) == 5 and number.isdigit() and number != "00000" for number in candidates)
    assert candidates == number_candidates(seed)


def test_candidates_are_spread_over_all_numbers() -> None:
    drawn = [int(number) for seed in range(400) for number in number_candidates(UUID(int=seed))]
    tenths = Counter(number // 10_000 for number in drawn)
    expected = len(drawn) / 10
    assert all(abs(tenths[tenth] - expected) < 0.1 * expected for tenth in range(10))
    assert min(drawn) >= 1
    assert max(drawn) <= 99_999


@settings(max_examples=50)
@given(st.uuids(), st.sets(st.integers(0, NUMBERS_ASKED - 1)))
def test_the_first_number_that_is_free_is_drawn(seed: UUID, taken: set[int]) -> None:
    candidates = number_candidates(seed)
    free = [number for place, number in enumerate(candidates) if place not in taken]
    assert draw_number(seed, {number_alias(candidates[place]) for place in taken}) == (free[0] if free else None)


def test_the_control_is_every_second_year_and_not_in_the_year_of_issue() -> None:
    assert control_due(2025) == 2027
