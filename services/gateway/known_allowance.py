"""What an employer learns of a card's remaining allowance. Pure.

Other employers' payments use up the allowance, so the exact amount would show what they pay. An employer sees full
thousands of kroner, rounded down, which say whether the next wage is covered. The split of its own report is exact.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from frikort_contracts.rules.allowances import split

STEP: Final = 100_000
"""Øre. An employer does not see a difference within one step."""


class Expectation(NamedTuple):
    """What an employer learns before a report, in øre: at least ``exempt``, and at most ``excess``."""

    exempt: int
    excess: int
    remaining_after: int


def known_remaining(remaining: int) -> int:
    """What an employer is shown of ``remaining``; both in øre."""
    return remaining - remaining % STEP


def expected_split(total: int, remaining: int) -> Expectation:
    """What an employer is shown of the split that ``total`` would have.

    It follows from ``known_remaining`` alone, so no number of dry runs shows more than one.
    """
    known = known_remaining(remaining)
    exempt, excess = split(total, known)
    return Expectation(exempt, excess, known_remaining(known - exempt))
