"""What a former employer may still see and try. Pure.

The law lets an employer see what is left of a card's allowance. A former employer would learn from it what others pay,
so it sees nothing of it. Its last wage may be paid after the last day, so it can try reports for a while.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from frikort_contracts.values import Period

LATE_PERIOD: Final = timedelta(days=60)
"""How long after the last day a dry run is allowed: the last wage and holiday pay follow in the next month or two."""

ALLOWANCE_FIELDS: Final = ("remaining_ore", "remaining_before_ore", "remaining_after_ore")
"""The fields of responses that show what is left of a card's allowance."""


def is_employed(employment: Period, today: date) -> bool:
    """Whether the employment is not over. One that has not begun counts: its employer plans the first wage."""
    return employment.last is None or today <= employment.last


def may_try(employment: Period, today: date) -> bool:
    """Whether the employer may ask what a report would mean."""
    return employment.last is None or today <= employment.last + LATE_PERIOD
