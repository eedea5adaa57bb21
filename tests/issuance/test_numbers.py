"""Drawing card numbers."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.issuance.lifecycle import control_due
from services.issuance.numbers import CANDIDATES, draw_number, number_alias, number_candidates

SECRET = b"s" * 32


@settings(max_examples=100)
@given(st.uuids())
def test_candidates_are_distinct_five_digit_numbers_determined_by_secret_and_command(seed: UUID) -> None:
    candidates = number_candidates(SECRET, seed)
    assert len(candidates) == len(set(candidates)) == CANDIDATES
    assert all(len(number) == 5 and number.isdigit() and number != "00000" for number in candidates)
    assert candidates == number_candidates(SECRET, seed)


def test_another_secret_gives_other_candidates() -> None:
    command = UUID(int=1)
    drawn = {number_candidates(bytes([secret]) * 32, command) for secret in range(20)}
    assert len(drawn) == 20
    assert len({candidates[0] for candidates in drawn}) > 15


def test_candidates_are_evenly_distributed() -> None:
    drawn = [int(number) for seed in range(400) for number in number_candidates(SECRET, UUID(int=seed))]
    tenths = Counter(number // 10_000 for number in drawn)
    expected = len(drawn) / 10
    assert all(abs(tenths[tenth] - expected) < 0.1 * expected for tenth in range(10))
    assert min(drawn) >= 1
    assert max(drawn) <= 99_999


@settings(max_examples=50)
@given(st.uuids(), st.sets(st.integers(0, CANDIDATES - 1)))
def test_the_first_free_candidate_is_drawn(seed: UUID, taken: set[int]) -> None:
    candidates = number_candidates(SECRET, seed)
    free = [number for place, number in enumerate(candidates) if place not in taken]
    assert draw_number(candidates, {number_alias(candidates[place]) for place in taken}) == (free[0] if free else None)


def test_a_control_is_due_two_years_after_issue() -> None:
    assert control_due(2025) == 2027
