"""The scheme is for adults."""

from __future__ import annotations

from datetime import date
from typing import Final

ADULT_YEARS: Final = 18
"""Source: the agency's answers about the scheme; the law names no age."""


def is_adult(birth_date: date, day: date) -> bool:
    """Whether a person born on ``birth_date`` is 18 or older on ``day``."""
    birthday_is_to_come = (day.month, day.day) < (birth_date.month, birth_date.day)
    return day.year - birth_date.year - birthday_is_to_come >= ADULT_YEARS
